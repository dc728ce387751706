"""Statements about comparisons of digits (E3)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service.tables import confirmations
from copconnect.ids import ClientId


async def add(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store a comparison that begins."""
    await connection.execute(insert(confirmations).values(**values))


async def find(connection: AsyncConnection, confirmation_id: str) -> Any | None:
    """Return a comparison."""
    found = await connection.execute(
        select(confirmations).where(confirmations.c.confirmation_id == confirmation_id)
    )
    return found.first()


async def give(
    connection: AsyncConnection,
    confirmation_id: str,
    *,
    answer: bytes | None = None,
    secret: bytes | None = None,
) -> Any:
    """Store a half where none is stored yet; return the comparison as it is then."""
    given = {"answer": answer} if answer is not None else {"secret": secret}
    (name,) = given
    await connection.execute(
        update(confirmations)
        .where(
            confirmations.c.confirmation_id == confirmation_id,
            confirmations.c[name].is_(None),
        )
        .values(given)
    )
    return await find(connection, confirmation_id)


async def count_begun(connection: AsyncConnection, client_id: ClientId, now_ms: int) -> int:
    """Return how many comparisons under way a client has begun."""
    found = await connection.scalar(
        select(func.count())
        .select_from(confirmations)
        .where(confirmations.c.endorser_client_id == client_id, confirmations.c.expires_ms > now_ms)
    )
    return found or 0


async def of_client(connection: AsyncConnection, client_id: ClientId, now_ms: int) -> list[Any]:
    """Return the comparisons under way that a client takes part in, the newest first."""
    found = await connection.execute(
        select(confirmations)
        .where(
            or_(
                confirmations.c.endorser_client_id == client_id,
                confirmations.c.new_client_id == client_id,
            ),
            confirmations.c.expires_ms > now_ms,
        )
        .order_by(confirmations.c.created_ms.desc(), confirmations.c.confirmation_id)
        .limit(100)
    )
    return list(found)


async def remove(connection: AsyncConnection, confirmation_id: str) -> None:
    """Delete a comparison."""
    await connection.execute(
        delete(confirmations).where(confirmations.c.confirmation_id == confirmation_id)
    )


async def prune(connection: AsyncConnection, now_ms: int) -> None:
    """Delete what has expired."""
    await connection.execute(delete(confirmations).where(confirmations.c.expires_ms <= now_ms))
