"""Who accepted which version of the code of conduct, when and in which language."""

from sqlalchemy import BigInteger, Column, String, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database import METADATA
from copconnect.ids import PersonId

acceptances = Table(
    "conduct_acceptances",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("version", String(32), primary_key=True),
    Column("language", String(2), nullable=False),
    Column("accepted_ms", BigInteger, nullable=False),
)


async def newest(connection: AsyncConnection, person_id: PersonId) -> str | None:
    """Return the version this person accepted last."""
    version: str | None = await connection.scalar(
        select(acceptances.c.version)
        .where(acceptances.c.person_id == person_id)
        .order_by(acceptances.c.accepted_ms.desc())
        .limit(1)
    )
    return version


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
