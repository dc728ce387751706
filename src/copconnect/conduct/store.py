"""Acceptances of the code of conduct: who accepted which version, when, in which language."""

from collections.abc import Collection

from sqlalchemy import BigInteger, Column, String, Table, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import METADATA
from copconnect.ids import PersonId

acceptances = Table(
    "conduct_acceptances",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("version", String(32), primary_key=True),
    Column("language", String(2), nullable=False),
    Column("accepted_ms", BigInteger, nullable=False),
)


_NEWEST = (
    select(acceptances.c.person_id, acceptances.c.version)
    .where(acceptances.c.person_id.in_(bindparam("p_ids", expanding=True)))
    .order_by(acceptances.c.accepted_ms)
)


async def newest(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> dict[PersonId, str]:
    """Return the version that each of these people accepted last, if any."""
    rows = await connection.execute(_NEWEST, {"p_ids": list(person_ids)})
    return {row.person_id: row.version for row in rows}


async def record(
    connection: AsyncConnection, person_id: PersonId, version: str, language: str, now_ms: int
) -> None:
    """Record an acceptance; the first one of a version stays."""
    known = await connection.scalar(
        select(acceptances.c.version).where(
            acceptances.c.person_id == person_id, acceptances.c.version == version
        )
    )
    if known is None:
        await connection.execute(
            insert(acceptances).values(
                person_id=person_id, version=version, language=language, accepted_ms=now_ms
            )
        )
