"""Tables and statements of SCIM: the systems that may change people, and people by code."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    String,
    Table,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import METADATA
from copconnect.directory import store
from copconnect.ids import PersonId

systems = Table(
    "directory_scim_systems",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("token", String(64), nullable=False, unique=True),  # SHA-256, hex.
    Column("scope", String(8), nullable=False),  # As in tokens.Scope.
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)

# The ids by which the systems themselves call a person.
external_ids = Table(
    "directory_scim_external_ids",
    METADATA,
    Column("person_id", String(32), primary_key=True),
    Column("external_id", String(200), nullable=False, index=True),
)


async def external_ids_of(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> dict[PersonId, str]:
    """Return what systems call these people."""
    query = select(external_ids).where(among(external_ids.c.person_id, person_ids))
    return {row.person_id: row.external_id for row in await connection.execute(query)}


async def set_external_id(
    connection: AsyncConnection, person_id: PersonId, external_id: str
) -> None:
    """Write what a system calls a person; "" for nothing."""
    await connection.execute(delete(external_ids).where(external_ids.c.person_id == person_id))
    if external_id:
        values = {"person_id": person_id, "external_id": external_id}
        await connection.execute(insert(external_ids).values(**values))


async def add(
    connection: AsyncConnection, name: str, token: str, scope: str, now_ms: int, expires_ms: int
) -> None:
    """Store a system in place of one of the same name."""
    await remove(connection, name)
    await connection.execute(
        insert(systems).values(
            name=name,
            token=token,
            scope=scope,
            made_ms=now_ms,
            expires_ms=expires_ms,
        )
    )


async def remove(connection: AsyncConnection, name: str) -> bool:
    """Remove a system; return whether it was there."""
    removed = await connection.execute(delete(systems).where(systems.c.name == name))
    return removed.rowcount == 1


async def by_token(connection: AsyncConnection, token: str, now_ms: int) -> Any | None:
    """Return the system with a token that has not expired: ``name`` and ``scope``."""
    found = await connection.execute(
        select(systems.c.name, systems.c.scope).where(
            systems.c.token == token, systems.c.expires_ms > now_ms
        )
    )
    return found.first()


async def page(
    connection: AsyncConnection, where: Mapping[str, str], offset: int, limit: int
) -> tuple[int, list[Any]]:
    """Return how many people have these values, and a page of their rows, by code."""
    table = store.people
    conditions = [table.c.status != "removed"]
    for column, value in where.items():
        if column == "external_id":
            named = select(external_ids.c.person_id).where(external_ids.c.external_id == value)
            conditions.append(table.c.person_id.in_(named))
        else:
            conditions.append(table.c[column] == value)
    total = await connection.scalar(select(func.count()).select_from(table).where(*conditions))
    query = store.posted().where(*conditions).order_by(table.c.code).offset(offset).limit(limit)
    return total or 0, list(await connection.execute(query)) if limit else []
