"""Tables and statements: versions of the code of conduct, acceptances, policies of the guard.

A version and a policy are never changed once they are stored; an acceptance counts for its version
and for corrections before and after it, until a version asks again.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Select,
    String,
    Table,
    Text,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import METADATA
from copconnect.database.upserts import add_once
from copconnect.ids import PersonId
from copconnect.principals import Acceptance

FIRST = 1  # The version that is shipped.
codes = Table(
    "conduct_codes",
    METADATA,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("person_id", String(32)),  # NULL: shipped, or published by an operator.
    Column("asks_again", Boolean, nullable=False),
    Column("texts", Text, nullable=False),  # JSON of a list of wire.ConductText.
)
acceptances = Table(
    "conduct_acceptances",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("language", String(2), nullable=False),
    Column("accepted_ms", BigInteger, nullable=False),
)
policies = Table(
    "guard_policies",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("person_id", String(32)),  # NULL: an operator.
    Column("policy", Text, nullable=False),  # JSON.
)


_REQUIRED = select(func.coalesce(func.max(codes.c.version), FIRST)).where(codes.c.asks_again)
_NEWEST = (
    select(
        acceptances.c.person_id,
        acceptances.c.version,
        acceptances.c.accepted_ms,
        _REQUIRED.scalar_subquery().label("required"),
    )
    .where(among(acceptances.c.person_id, "p_ids"))
    .order_by(acceptances.c.version)
)


async def newest_of(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> dict[PersonId, Acceptance]:
    """Return the newest acceptance of each of these people who has any. One statement."""
    rows = await connection.execute(_NEWEST, {"p_ids": list(person_ids)})
    return {
        row.person_id: Acceptance(row.version, row.accepted_ms, row.version >= row.required)
        for row in rows
    }


def accepted_people() -> Select[tuple[PersonId]]:
    """Return a statement of the people whose acceptance counts."""
    return select(acceptances.c.person_id).where(
        acceptances.c.version >= _REQUIRED.scalar_subquery()
    )


async def required(connection: AsyncConnection) -> int:
    """Return the newest version that asks again: from it on acceptances count."""
    found: int = (await connection.execute(_REQUIRED)).scalar_one()
    return found


async def record(
    connection: AsyncConnection, person_id: PersonId, version: int, language: str, now_ms: int
) -> None:
    """Record an acceptance; the first one of a version stays."""
    row = {"person_id": person_id, "version": version, "language": language}
    await add_once(connection, acceptances, row | {"accepted_ms": now_ms})


async def code(connection: AsyncConnection, version: int | None = None) -> Any | None:
    """Return a version of the code; None: the newest. None for one that is not stored."""
    query = select(codes).order_by(codes.c.version.desc()).limit(1)
    if version is not None:
        query = query.where(codes.c.version == version)
    return (await connection.execute(query)).first()


async def versions(connection: AsyncConnection) -> Sequence[Any]:
    """Return all versions without their texts, the newest first."""
    columns = (codes.c.version, codes.c.created_ms, codes.c.person_id, codes.c.asks_again)
    return list(await connection.execute(select(*columns).order_by(codes.c.version.desc())))


async def add_code(connection: AsyncConnection, values: dict[str, Any]) -> bool:
    """Store a version; return False where its number is taken."""
    return await add_once(connection, codes, values)


async def policy(connection: AsyncConnection) -> Any | None:
    """Return the stored policy with the highest number."""
    query = select(policies).order_by(policies.c.number.desc()).limit(1)
    return (await connection.execute(query)).first()


async def policy_versions(connection: AsyncConnection, limit: int) -> Sequence[Any]:
    """Return the stored policies without their text, the newest first."""
    columns = (policies.c.number, policies.c.created_ms, policies.c.person_id)
    query = select(*columns).order_by(policies.c.number.desc()).limit(limit)
    return list(await connection.execute(query))


async def add_policy(connection: AsyncConnection, values: dict[str, Any]) -> bool:
    """Store a policy; return False where its number is taken."""
    return await add_once(connection, policies, values)
