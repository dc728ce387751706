"""Rows that may be there already: kept as they are, or changed. The same on both databases."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import upsert_for


async def add_once(connection: AsyncConnection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row unless its key is there; return whether it is new. Another transaction that
    inserts the same key waits for this one."""
    statement = upsert_for(connection.dialect.name, table).values(**row)
    key = next(iter(table.primary_key))
    found = await connection.execute(statement.on_conflict_do_nothing().returning(key))
    return found.first() is not None


async def add_missing(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert the rows whose keys are not there."""
    if rows:
        statement = upsert_for(connection.dialect.name, table)
        await connection.execute(statement.on_conflict_do_nothing(), rows)


async def put(
    connection: AsyncConnection,
    table: Table,
    rows: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *columns: str,
    where: ColumnElement[bool] | None = None,
) -> None:
    """Insert rows; of a row whose key is there, change these columns, if ``where`` holds."""
    statement = upsert_for(connection.dialect.name, table)
    changed = statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={column: statement.excluded[column] for column in columns},
        where=where,
    )
    await connection.execute(changed, rows)
