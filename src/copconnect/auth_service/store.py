"""Statements about clients, certificates, access tokens and Trust."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Column, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.auth_service.ports import EndReason
from copconnect.auth_service.tables import (
    certificates,
    clients,
    people,
    tokens,
    trust,
)
from copconnect.database.among import among
from copconnect.database.engine import at_least, chunks, unnested, upsert_for
from copconnect.database.upserts import add_once
from copconnect.ids import ClientId, PersonId

# --- Clients, certificates, tokens ------------------------------------------------------------


async def add_client(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store a client."""
    await connection.execute(insert(clients).values(**values))


async def client(connection: AsyncConnection, client_id: ClientId) -> Any | None:
    """Return a client."""
    found = await connection.execute(select(clients).where(clients.c.client_id == client_id))
    return found.first()


async def clients_beginning(connection: AsyncConnection, prefix: str, limit: int) -> list[Any]:
    """Return clients whose id begins with these hexadecimal digits, revoked ones included."""
    found = await connection.execute(
        select(clients)
        .where(clients.c.client_id >= prefix, clients.c.client_id < f"{prefix}g")
        .order_by(clients.c.client_id)
        .limit(limit)
    )
    return list(found)


async def set_label(connection: AsyncConnection, client_id: ClientId, label: str) -> None:
    """Give a client another name."""
    await connection.execute(
        update(clients).where(clients.c.client_id == client_id).values(label=label)
    )


async def lock_client(connection: AsyncConnection, client_id: ClientId) -> Any | None:
    """Return an unrevoked client, locked."""
    found = await connection.execute(
        update(clients)
        .where(clients.c.client_id == client_id, clients.c.revoked_ms.is_(None))
        .values(label=clients.c.label)
        .returning(*clients.c)
    )
    return found.first()


async def client_exists(
    connection: AsyncConnection, client_id: ClientId, public_key: bytes
) -> bool:
    """Return whether the id or the key was ever registered."""
    found = await connection.scalar(
        select(clients.c.client_id)
        .where((clients.c.client_id == client_id) | (clients.c.public_key == public_key))
        .limit(1)
    )
    return found is not None


async def clients_of_person(connection: AsyncConnection, person_id: PersonId) -> list[Any]:
    """Return a person's clients, revoked ones included, newest first."""
    found = await connection.execute(
        select(clients)
        .where(clients.c.person_id == person_id)
        .order_by(clients.c.created_ms.desc(), clients.c.client_id)
        .limit(50)
    )
    return list(found)


async def add_certificate(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    """Store a certificate."""
    await connection.execute(insert(certificates).values(**values))


async def newest_certificates(
    connection: AsyncConnection, client_ids: Collection[ClientId]
) -> dict[ClientId, Any]:
    """Return each client's newest certificate."""
    rows = await connection.execute(
        select(certificates)
        .where(among(certificates.c.client_id, client_ids))
        .order_by(certificates.c.issued_ms, certificates.c.expires_ms)
    )
    return {row.client_id: row for row in rows}


async def ever_registered(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> set[PersonId]:
    """Return which of these people have or had a client."""
    query = select(clients.c.person_id).where(among(clients.c.person_id, person_ids))
    return set(await connection.scalars(query))


async def registered(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> set[PersonId]:
    """Return which of these people have an unrevoked client."""
    return set(
        await connection.scalars(
            select(clients.c.person_id).where(
                among(clients.c.person_id, person_ids), clients.c.revoked_ms.is_(None)
            )
        )
    )


async def people_of(
    connection: AsyncConnection, devices: Collection[bytes], *, revoked: bool = True
) -> set[PersonId]:
    """Return whose these devices are; ``revoked``: also of devices that are revoked."""
    found: set[PersonId] = set()
    for part in chunks(devices):
        query = select(clients.c.person_id).where(clients.c.device.in_(part))
        if not revoked:
            query = query.where(clients.c.revoked_ms.is_(None))
        found |= set(await connection.scalars(query))
    return found


async def count_open(connection: AsyncConnection, person_id: PersonId) -> int:
    """Return how many unrevoked devices a person has."""
    found = await connection.scalar(
        select(func.count())
        .select_from(clients)
        .where(clients.c.person_id == person_id, clients.c.revoked_ms.is_(None))
    )
    return found or 0


async def owners_of_open(
    connection: AsyncConnection, client_ids: Collection[ClientId]
) -> dict[ClientId, PersonId]:
    """Return whose those of these clients are that are not revoked."""
    rows = await connection.execute(
        select(clients.c.client_id, clients.c.person_id).where(
            among(clients.c.client_id, client_ids), clients.c.revoked_ms.is_(None)
        )
    )
    return {ClientId(row.client_id): PersonId(row.person_id) for row in rows}


async def open_clients(
    connection: AsyncConnection, person_ids: Collection[PersonId]
) -> dict[ClientId, PersonId]:
    """Return the unrevoked clients of people and whose they are."""
    rows = await connection.execute(
        select(clients.c.client_id, clients.c.person_id).where(
            among(clients.c.person_id, person_ids), clients.c.revoked_ms.is_(None)
        )
    )
    return {ClientId(row.client_id): PersonId(row.person_id) for row in rows}


async def revoke(
    connection: AsyncConnection, reasons: Mapping[ClientId, EndReason], now_ms: int
) -> list[Any]:
    """Revoke clients, which ends their tokens. Returns (client_id, person_id, device) of the
    clients that were not revoked before."""
    revoked: list[Any] = []
    for part in chunks(sorted(reasons)):
        # In the order in which set_last_seen holds them: each would wait for the other.
        await connection.execute(
            select(clients.c.client_id)
            .where(clients.c.client_id.in_(part))
            .order_by(clients.c.client_id)
            .with_for_update(key_share=True)
        )
        for reason in sorted(set(reasons.values())):
            ending = [client_id for client_id in part if reasons[client_id] == reason]
            revoked += await connection.execute(
                update(clients)
                .where(clients.c.client_id.in_(ending), clients.c.revoked_ms.is_(None))
                .values(revoked_ms=now_ms, ended_reason=reason, confirmed="no")
                .returning(clients.c.client_id, clients.c.person_id, clients.c.device)
            )
    return revoked


async def forget_tokens(connection: AsyncConnection, now_ms: int) -> None:
    """Delete the tokens that have expired."""
    await connection.execute(delete(tokens).where(tokens.c.expires_ms <= now_ms))


async def add_token(
    connection: AsyncConnection, client_id: ClientId, token_hash: str, expires_ms: int, most: int
) -> None:
    """Give a client an access token beside the tokens that expire last, ``most`` in all; again is
    fine."""
    row = {"token_hash": token_hash, "client_id": client_id, "expires_ms": expires_ms}
    await add_once(connection, tokens, row)
    newest = (
        select(tokens.c.token_hash)
        .where(tokens.c.client_id == client_id)
        .order_by(tokens.c.expires_ms.desc(), tokens.c.token_hash)
        .limit(most)
    )
    await connection.execute(
        delete(tokens).where(
            tokens.c.client_id == client_id, tokens.c.token_hash.not_in(newest.scalar_subquery())
        )
    )


async def end_tokens(connection: AsyncConnection, client_id: ClientId) -> None:
    """End all access tokens of a client."""
    await connection.execute(delete(tokens).where(tokens.c.client_id == client_id))


_TOKEN_OWNERS = (
    select(
        tokens.c.token_hash,
        tokens.c.expires_ms.label("token_expires_ms"),
        clients.c.ended_reason,
        clients.c.locked_ms,
        clients.c.locked_by,
        clients.c.expires_ms,
        clients.c.client_id,
        clients.c.person_id,
        clients.c.device,
        clients.c.public_key,
        clients.c.confirmed,
        clients.c.last_seen_ms,
        people.c.version,
    )
    .join(tokens, tokens.c.client_id == clients.c.client_id)
    .join(people, people.c.person_id == clients.c.person_id)
    .where(among(tokens.c.token_hash, "p_hashes"))
)


async def token_owners(
    connection: AsyncConnection, token_hashes: Collection[str]
) -> dict[str, Any]:
    """Return the clients that access tokens belong to, when both expire, why those ended that did,
    and the version of their people's records, by the token's hash."""
    found = await connection.execute(_TOKEN_OWNERS, {"p_hashes": list(token_hashes)})
    return {row.token_hash: row for row in found}


async def set_last_seen(connection: AsyncConnection, seen: Mapping[ClientId, int]) -> None:
    """Store when clients were last seen. All rows are held in one order: nodes that write the same
    clients at once would wait for each other."""
    if not seen:
        return
    if connection.dialect.name == "postgresql":
        # Rows as arrays: the driver would run the statement once for each row, and of a node's
        # tens of thousands all others would wait.
        ids, times = zip(*sorted(seen.items()), strict=True)
        await connection.execute(SET_LAST_SEEN, {"p_clients": list(ids), "p_values": list(times)})
    else:
        await _set_each(connection, clients.c.last_seen_ms, seen)


async def set_apps(connection: AsyncConnection, apps: Mapping[ClientId, str]) -> None:
    """Store the versions of programs that clients run, in the order of ``set_last_seen``."""
    if not apps:
        return
    if connection.dialect.name == "postgresql":
        ids, names = zip(*sorted(apps.items()), strict=True)
        await connection.execute(_SET_APPS, {"p_clients": list(ids), "p_values": list(names)})
    else:
        await _set_each(connection, clients.c.app, apps)


async def _set_each(
    connection: AsyncConnection, column: Column[Any], values: Mapping[ClientId, Any]
) -> None:
    await connection.execute(
        update(clients)
        .where(clients.c.client_id == bindparam("client"))
        .values({column: bindparam("value")}),
        [{"client": client, "value": value} for client, value in sorted(values.items())],
    )


def _set_all(column: Column[Any]) -> Any:
    given = select(
        unnested("p_clients", clients.c.client_id).label("client_id"),
        unnested("p_values", column).label("value"),
    ).subquery("given")
    held = (
        select(given)
        .join(clients, clients.c.client_id == given.c.client_id)
        .order_by(clients.c.client_id)
        .with_for_update(of=clients, key_share=True)
        .cte("held")
    )
    return (
        update(clients)
        .where(clients.c.client_id == held.c.client_id)
        .values({column: held.c.value})
    )


SET_LAST_SEEN = _set_all(clients.c.last_seen_ms)
_SET_APPS = _set_all(clients.c.app)


# --- Trust ------------------------------------------------------------------------------------


async def trust_row(connection: AsyncConnection) -> Any | None:
    """Return the version of Trust and what it was computed for."""
    return (await connection.execute(select(trust))).first()


async def bump_trust(connection: AsyncConnection, least: int = 0) -> None:
    """Let the version of Trust grow, to this number at least."""
    await connection.execute(update(trust).values(version=at_least(trust.c.version + 1, least)))


async def set_cards_made(connection: AsyncConnection, cards_ms: int) -> None:
    """Record up to which version of the data bank registered people have their cards."""
    await connection.execute(update(trust).values(cards_ms=cards_ms))


async def set_issuing(connection: AsyncConnection, issuing_hash: str) -> None:
    """Record the issuing certificates; the version grows, once, when they changed.

    One statement: nodes that start together do this at once.
    """
    statement = upsert_for(connection.dialect.name, trust).values(
        id=1, version=1, issuing_hash=issuing_hash, cards_ms=0
    )
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[trust.c.id],
            set_={"version": trust.c.version + 1, "issuing_hash": issuing_hash},
            where=trust.c.issuing_hash != issuing_hash,
        )
    )
