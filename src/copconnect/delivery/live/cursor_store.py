"""Statements on cursors: how far each client has come. They only grow."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import case, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import unnested
from copconnect.delivery.store.tables import CURSORS
from copconnect.sockets.feed import SeenCursor

_COLUMNS = ("conversation_id", "client_id", "person_id", "delivered_seq", "read_seq")


async def grow(connection: AsyncConnection, cursors: Sequence[SeenCursor]) -> None:
    """Move cursors forward, never back, in one statement."""
    # In key order, so that two nodes never wait for each other's rows.
    ordered = sorted(cursors, key=lambda one: (one.conversation_id, one.client_id))
    if connection.dialect.name == "postgresql":
        # Rows as arrays: the driver would run the statement once for each row.
        await connection.execute(
            _growing(postgresql.insert(CURSORS).from_select(_COLUMNS, _ROWS)),
            {name: [getattr(one, name) for one in ordered] for name in _COLUMNS},
        )
    else:
        await connection.execute(
            _growing(sqlite.insert(CURSORS)),
            [{name: getattr(one, name) for name in _COLUMNS} for one in ordered],
        )


_ROWS = select(*(unnested(name, CURSORS.c[name]) for name in _COLUMNS))


def _growing(statement: Any) -> Any:
    new, old = statement.excluded, CURSORS.c
    seqs = ("delivered_seq", "read_seq")
    return statement.on_conflict_do_update(
        index_elements=[old.conversation_id, old.client_id],
        set_={name: case((new[name] > old[name], new[name]), else_=old[name]) for name in seqs},
        where=or_(*(new[name] > old[name] for name in seqs)),
    )
