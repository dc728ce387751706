"""Units for which a person may confirm, grant and revoke, as the stored grants say.

Quick answers by one statement, for lists, limits and hints. Whether a record that a device signs
counts is judged with its chain (:mod:`copconnect.records.trust.judging`).
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service import store
from copconnect.auth_service.trust import record_store
from copconnect.ids import PersonId
from copconnect.records.trust.department import Department

WHOLE = ""  # The path of the whole department, which root admins hold.


async def root_admins(connection: AsyncConnection) -> set[PersonId]:
    """Return the people whose devices the newest department record names and nobody revoked. A
    server stores the records at its start: before the first there is nobody."""
    records = await record_store.department_records(connection)
    if not records:
        return set()
    return await store.people_of(connection, Department.parse(records[-1]).admins, revoked=False)


async def held_paths(connection: AsyncConnection, person_id: PersonId, now_ms: int) -> list[str]:
    """Return the unit paths over which a person has a grant in force, or ``WHOLE``."""
    if person_id in await root_admins(connection):
        return [WHOLE]
    newest = {row.path: row for row in await record_store.grants_to(connection, person_id)}
    return [row.path for row in in_force(newest.values(), now_ms)]


def in_force(rows: Iterable[Any], now_ms: int) -> list[Any]:
    """Return those of these grants that have not ended; a withdrawal ends when it begins."""
    return [
        row for row in rows if row.not_after_ms >= now_ms and row.not_after_ms != row.created_ms
    ]


def covers(paths: Iterable[str], path: str) -> bool:
    """Return whether one of these unit paths is at or above another."""
    return any(one == WHOLE or f"{path}/".startswith(f"{one}/") for one in paths)
