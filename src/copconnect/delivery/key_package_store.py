"""Statements on key packages: a one-time package is handed out once, whoever asks at once."""

import hashlib
from collections.abc import Collection, Sequence

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.store import upsert
from copconnect.delivery.tables import CONVERSATIONS, KEY_PACKAGE_CLAIMS, KEY_PACKAGES, MEMBERS
from copconnect.ids import ClientId, ConversationId, PersonId

MOST_ONE_TIME = 200  # Of one client; older ones make room.


async def add(
    connection: AsyncConnection,
    client_id: ClientId,
    suite: int,
    one_time: Sequence[bytes],
    last: bytes | None,
) -> None:
    """Store packages of one suite; one that is already there is not stored again. With a new last
    resort a client begins anew: its certificate is another, or it lost what it had."""
    k = KEY_PACKAGES.c
    its = (k.client_id == client_id, k.suite == suite)
    rows = [
        {
            "client_id": client_id,
            "suite": suite,
            "reference": hashlib.sha256(package).hexdigest(),
            "last_resort": is_last,
            "key_package": package,
        }
        for package, is_last in [
            *((one, False) for one in one_time),
            *([(last, True)] if last is not None else []),
        ]
    ]
    if last is not None:
        given = [row["reference"] for row in rows]
        await connection.execute(delete(KEY_PACKAGES).where(*its, k.reference.not_in(given)))
    if rows:
        await connection.execute(upsert(connection, KEY_PACKAGES).on_conflict_do_nothing(), rows)
    kept = (*its, k.last_resort.is_(False))
    keep = select(k.id).where(*kept).order_by(k.id.desc()).limit(MOST_ONE_TIME)
    await connection.execute(delete(KEY_PACKAGES).where(*kept, k.id.not_in(keep)))


async def suites_in_use(connection: AsyncConnection, person_id: PersonId) -> set[int]:
    """Return the suites of a person's conversations."""
    m, c = MEMBERS.c, CONVERSATIONS.c
    used = (
        select(c.suite)
        .join(MEMBERS, m.conversation_id == c.conversation_id)
        .where(m.person_id == person_id)
        .distinct()
    )
    return set((await connection.scalars(used)).all())


async def count(
    connection: AsyncConnection, client_id: ClientId, suites: Collection[int]
) -> list[wire.KeyPackageCount]:
    """Return how many packages of each of these suites a client has left."""
    k = KEY_PACKAGES.c
    rows = await connection.execute(
        select(k.suite, k.last_resort, func.count())
        .where(k.client_id == client_id)
        .group_by(k.suite, k.last_resort)
    )
    counts = {(suite, bool(last)): number for suite, last, number in rows}
    return [
        wire.KeyPackageCount(
            suite=suite,
            one_time=counts.get((suite, False), 0),
            last_resort=(suite, True) in counts,
        )
        for suite in sorted(suites)
    ]


async def claimed_before(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    claimer: ClientId,
    client_ids: Collection[ClientId],
    since_ms: int,
) -> list[wire.ClaimedKeyPackage]:
    """Return what this client was already handed for this conversation since a time."""
    c = KEY_PACKAGE_CLAIMS.c
    rows = await connection.execute(
        select(c.client_id, c.person_id, c.key_package).where(
            c.conversation_id == conversation_id,
            c.claimer == claimer,
            c.client_id.in_(client_ids),
            c.claimed_ms > since_ms,
        )
    )
    return [
        wire.ClaimedKeyPackage(
            client_id=row.client_id, person_id=row.person_id, key_package=row.key_package
        )
        for row in rows
    ]


async def take_one_time(
    connection: AsyncConnection, suite: int, client_ids: Collection[ClientId]
) -> dict[ClientId, bytes]:
    """Take the oldest one-time package of each client, exactly once under concurrency.

    Another claim may take the chosen row first; then the next one is tried, until none is left.
    """
    k = KEY_PACKAGES.c
    taken: dict[ClientId, bytes] = {}
    wanted = set(client_ids)
    while wanted:
        oldest = (
            select(func.min(k.id))
            .where(k.client_id.in_(wanted), k.suite == suite, k.last_resort.is_(False))
            .group_by(k.client_id)
        )
        chosen = list((await connection.scalars(oldest)).all())
        if not chosen:
            break
        rows = await connection.execute(
            delete(KEY_PACKAGES)
            .where(k.id.in_(sorted(chosen)))
            .returning(k.client_id, k.key_package)
        )
        got = {row.client_id: row.key_package for row in rows}
        taken |= got
        wanted -= got.keys()
        if len(got) == len(chosen):
            break
    return taken


async def last_resorts(
    connection: AsyncConnection, suite: int, client_ids: Collection[ClientId]
) -> dict[ClientId, bytes]:
    """Return the last-resort packages of clients; they are not used up."""
    k = KEY_PACKAGES.c
    rows = await connection.execute(
        select(k.client_id, k.key_package).where(
            k.client_id.in_(client_ids), k.suite == suite, k.last_resort.is_(True)
        )
    )
    return {row.client_id: row.key_package for row in rows}


async def remember_claims(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    claimer: ClientId,
    claims: Sequence[wire.ClaimedKeyPackage],
    now_ms: int,
) -> None:
    """Keep what was handed out, so that a repeated claim answers the same."""
    c = KEY_PACKAGE_CLAIMS.c
    await connection.execute(
        delete(KEY_PACKAGE_CLAIMS).where(
            c.conversation_id == conversation_id,
            c.claimer == claimer,
            c.client_id.in_([claim.client_id for claim in claims]),
        )
    )
    await connection.execute(
        insert(KEY_PACKAGE_CLAIMS),
        [
            {
                "conversation_id": conversation_id,
                "claimer": claimer,
                "client_id": claim.client_id,
                "person_id": claim.person_id,
                "claimed_ms": now_ms,
                "key_package": claim.key_package,
            }
            for claim in claims
        ],
    )


async def forget_claims(connection: AsyncConnection, before_ms: int) -> None:
    """Delete claims older than a time."""
    c = KEY_PACKAGE_CLAIMS.c
    await connection.execute(delete(KEY_PACKAGE_CLAIMS).where(c.claimed_ms <= before_ms))


async def forget(connection: AsyncConnection, client_ids: Collection[ClientId]) -> None:
    """Delete every package of clients that are revoked."""
    await connection.execute(delete(KEY_PACKAGES).where(KEY_PACKAGES.c.client_id.in_(client_ids)))
