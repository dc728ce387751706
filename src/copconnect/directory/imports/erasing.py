"""Statements that erase what the Directory keeps about people who were removed from the data bank.

A person's row stays with the code, rank and post: a code is given to nobody else, and ids of
messages, acts and cards lead to it. The row of an erased person has the code as the name, and no
number.
"""

from asyncio import to_thread
from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import Transaction
from copconnect.directory import names, rules, store
from copconnect.directory.imports import import_store, keeping
from copconnect.directory.postings.planned import PLANNED
from copconnect.directory.postings.posting_store import POSTINGS
from copconnect.directory.scim.scim_store import external_ids
from copconnect.directory.uploads import upload_store
from copconnect.directory.uploads.receiving import KEPT_MS
from copconnect.ids import PersonId
from copconnect.rights import Permit, require_people

_P = store.people.c
_REMOVED = _P.status == "removed"


def is_erased(row: Any) -> bool:
    """Return whether this row of a person was erased."""
    return (row.status, row.number) == ("removed", "")


async def due(
    connection: AsyncConnection, before_ms: int, but: Collection[PersonId], limit: int
) -> list[PersonId]:
    """Return people who were removed before a time and are not erased, without some."""
    query = select(_P.person_id).where(
        _REMOVED, _P.number != "", _P.changed_ms < before_ms, _P.person_id.not_in(but)
    )
    return list(await connection.scalars(query.order_by(_P.changed_ms).limit(limit)))


async def erase(
    connection: Transaction, permit: Permit, person_ids: Collection[PersonId], now_ms: int
) -> None:
    """Erase people who were removed. The directory's row is locked."""
    require_people(permit, person_ids)
    rows = await store.by_id(connection, person_ids)
    for row in rows:
        blank = dict.fromkeys(names.columns("name"), "")
        # A row that somebody restored meanwhile stays.
        await connection.execute(
            update(store.people)
            .where(_P.person_id == row.person_id, _REMOVED)
            .values(
                blank
                | {
                    "name_en": row.code,
                    "number": "",
                    "sort_key": rules.sort_key(0, row.code, row.person_id),
                    "changed_ms": now_ms,
                }
            )
        )
    for table in (store.search, POSTINGS, PLANNED, external_ids):
        await connection.execute(delete(table).where(among(table.c.person_id, person_ids)))
    await _forget_replaced_rows(connection, permit, frozenset(person_ids))
    await store.touch(connection, now_ms)


async def _forget_replaced_rows(
    connection: AsyncConnection, permit: Permit, person_ids: frozenset[PersonId]
) -> None:
    """Take people out of what imports keep to be undone."""
    require_people(permit, person_ids)
    for number, part, content in await import_store.all_parts(connection):
        left = await to_thread(keeping.without, content, person_ids)
        if left is not None:
            await import_store.replace_part(connection, number, part, left)


async def forget_uploads(connection: AsyncConnection, before_ms: int, now_ms: int) -> None:
    """Drop the files that admins sent before a time, and files that are too old in any case."""
    before = max(before_ms, now_ms - KEPT_MS)
    await upload_store.forget(connection, await upload_store.made_before(connection, before))
