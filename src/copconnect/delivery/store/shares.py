"""Statements on share requests and key shares."""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import bindparam, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import padded, upsert_for
from copconnect.database.upserts import add_missing
from copconnect.delivery.rules.roster_plan import PlacedLeaf
from copconnect.delivery.store.tables import LEAVES, SHARE_REQUESTS, SHARES
from copconnect.ids import ConversationId, PersonId
from copconnect.records.conversation.key_share import SecretKind, SecretName
from copconnect.records.primitives.fields import sha256

_L, _R, _S = LEAVES.c, SHARE_REQUESTS.c, SHARES.c
Asker = tuple[ConversationId, bytes]  # A conversation, and the device that asks.


async def ask(
    connection: AsyncConnection,
    lacking: Mapping[Asker, Collection[SecretName]],
    listed: Mapping[Asker, PlacedLeaf],
    now_ms: int,
) -> None:
    """Keep requests of listed devices; one that is kept already stays as old as it is."""
    rows = [
        {
            "conversation_id": asker[0],
            "device": asker[1],
            "kind": int(name.kind),
            "reference": name.reference,
            "client_id": listed[asker].leaf.client_id,
            "person_id": listed[asker].leaf.person_id,
            "asked_ms": now_ms,
            "helped_until_ms": 0,
        }
        for asker in sorted(lacking)  # In key order, so that two nodes never wait for each other.
        for name in sorted(lacking[asker])
    ]
    await add_missing(connection, SHARE_REQUESTS, rows)


async def requested(
    connection: AsyncConnection, askers: Collection[Asker]
) -> dict[Asker, set[SecretName]]:
    """Return the secrets that these devices still lack, without devices that lack none. One
    statement for each 500."""
    found: dict[Asker, set[SecretName]] = {}
    for some in padded(askers):
        rows = await connection.execute(
            select(_R.conversation_id, _R.device, _R.kind, _R.reference).where(
                tuple_(_R.conversation_id, _R.device).in_(some)
            )
        )
        for c, device, kind, reference in rows:
            found.setdefault((c, device), set()).add(SecretName(SecretKind(kind), reference))
    return found


async def claim(
    connection: AsyncConnection, askers: Collection[Asker], now_ms: int, until_ms: int
) -> dict[Asker, set[SecretName]]:
    """Claim for one helper, until a time, the secrets of these devices that no helper has now;
    return them. Two nodes never claim the same. One statement for each 500."""
    found: dict[Asker, set[SecretName]] = {}
    for some in padded(sorted(askers)):
        rows = await connection.execute(
            update(SHARE_REQUESTS)
            .where(tuple_(_R.conversation_id, _R.device).in_(some), _R.helped_until_ms <= now_ms)
            .values(helped_until_ms=until_ms)
            .returning(_R.conversation_id, _R.device, _R.kind, _R.reference)
        )
        for c, device, kind, reference in rows:
            found.setdefault((c, device), set()).add(SecretName(SecretKind(kind), reference))
    return found


async def hold(connection: AsyncConnection, askers: Collection[Asker], until_ms: int) -> None:
    """Have no other helper asked for what these devices lack before a time. One statement for each
    500."""
    for some in padded(sorted(askers)):
        await connection.execute(
            update(SHARE_REQUESTS)
            .where(tuple_(_R.conversation_id, _R.device).in_(some))
            .values(helped_until_ms=until_ms)
        )


async def asked_before(
    connection: AsyncConnection, conversation_id: ConversationId, device: bytes, before_ms: int
) -> set[bytes]:
    """Return the references of conversation keys that a device has lacked since before a time."""
    found = await connection.scalars(
        select(_R.reference).where(
            _R.conversation_id == conversation_id,
            _R.device == device,
            _R.kind == int(SecretKind.CONVERSATION_KEY),
            _R.asked_ms <= before_ms,
        )
    )
    return set(found)


async def done(connection: AsyncConnection, opened: Mapping[Asker, Collection[SecretName]]) -> None:
    """Forget requests."""
    await connection.execute(
        delete(SHARE_REQUESTS).where(
            _R.conversation_id == bindparam("p_conversation_id"),
            _R.device == bindparam("p_device"),
            _R.kind == bindparam("p_kind"),
            _R.reference == bindparam("p_reference"),
        ),
        [
            {
                "p_conversation_id": asker[0],
                "p_device": asker[1],
                "p_kind": int(one.kind),
                "p_reference": one.reference,
            }
            for asker in sorted(opened)
            for one in sorted(opened[asker])
        ],
    )


async def add(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    helper: bytes,
    shared: Iterable[tuple[PlacedLeaf, bytes]],
    now_ms: int,
) -> set[bytes]:
    """Keep a device's shares, each for one of these devices; return the devices whose share is
    new. One statement."""
    rows = [
        {
            "conversation_id": conversation_id,
            "device": to.leaf.device,
            "share_hash": sha256(share),
            "client_id": to.leaf.client_id,
            "helper": helper,
            "share": share,
            "created_ms": now_ms,
        }
        for to, share in sorted(shared, key=lambda one: one[0].leaf.device)
    ]
    statement = upsert_for(connection.dialect.name, SHARES).values(rows)
    return set(
        await connection.scalars(statement.on_conflict_do_nothing().returning(SHARES.c.device))
    )


async def helpers(
    connection: AsyncConnection, conversation_id: ConversationId, devices: Collection[bytes]
) -> dict[bytes, dict[bytes, PersonId | None]]:
    """Return by device whose devices made the shares that wait for it, oldest first; None: a device
    whose leaves are no longer kept."""
    person_id = (
        select(func.max(_L.person_id))
        .where(_L.conversation_id == _S.conversation_id, _L.device == _S.helper)
        .scalar_subquery()
    )
    found: dict[bytes, dict[bytes, PersonId | None]] = {one: {} for one in devices}
    for some in padded(devices):
        rows = await connection.execute(
            select(_S.device, _S.share_hash, person_id)
            .where(_S.conversation_id == conversation_id, _S.device.in_(some))
            .order_by(_S.created_ms, _S.share_hash)
        )
        for device, share_hash, owner in rows:
            found[device][share_hash] = None if owner is None else PersonId(owner)
    return found


async def waiting(
    connection: AsyncConnection, askers: Collection[Asker]
) -> dict[Asker, list[bytes]]:
    """Return the shares that wait for these devices, oldest first. One statement for each 500."""
    found: dict[Asker, list[bytes]] = {}
    for some in padded(askers):
        rows = await connection.execute(
            select(_S.conversation_id, _S.device, _S.share)
            .where(tuple_(_S.conversation_id, _S.device).in_(some))
            .order_by(_S.created_ms, _S.share_hash)
        )
        for c, device, share in rows:
            found.setdefault((c, device), []).append(share)
    return found


async def forget(
    connection: AsyncConnection, used: Collection[tuple[ConversationId, bytes, bytes]]
) -> None:
    """Delete shares that wait: each a conversation, a device and the share's hash. One statement
    for each 500."""
    for some in padded(used):
        await connection.execute(
            delete(SHARES).where(tuple_(_S.conversation_id, _S.device, _S.share_hash).in_(some))
        )
