"""Statements on share requests and key shares."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import upsert_for
from copconnect.delivery.store.tables import LEAVES, SHARE_REQUESTS, SHARES
from copconnect.ids import ClientId, ConversationId, PersonId
from copconnect.records.conversation.key_share import SecretKind, SecretName

_L, _R, _S = LEAVES.c, SHARE_REQUESTS.c, SHARES.c


@dataclass(frozen=True, slots=True)
class Asker:
    """A device that lacks secrets."""

    device: bytes
    client_id: ClientId
    person_id: PersonId


async def ask(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    asker: Asker,
    names: Iterable[SecretName],
    now_ms: int,
) -> None:
    """Keep requests; one that is kept already stays as old as it is."""
    rows = [
        {
            "conversation_id": conversation_id,
            "device": asker.device,
            "kind": int(name.kind),
            "reference": name.reference,
            "client_id": asker.client_id,
            "person_id": asker.person_id,
            "asked_ms": now_ms,
        }
        for name in sorted(set(names))
    ]
    statement = upsert_for(connection.dialect.name, SHARE_REQUESTS)
    await connection.execute(statement.on_conflict_do_nothing(), rows)


async def requested(
    connection: AsyncConnection, conversation_id: ConversationId, device: bytes
) -> set[SecretName]:
    """Return what a device still lacks."""
    rows = await connection.execute(
        select(_R.kind, _R.reference).where(
            _R.conversation_id == conversation_id, _R.device == device
        )
    )
    return {SecretName(SecretKind(kind), reference) for kind, reference in rows}


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


async def done(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    device: bytes,
    names: Collection[SecretName],
) -> None:
    """Forget requests."""
    await connection.execute(
        delete(SHARE_REQUESTS).where(
            _R.conversation_id == conversation_id,
            _R.device == device,
            _R.kind == bindparam("p_kind"),
            _R.reference == bindparam("p_reference"),
        ),
        [{"p_kind": int(one.kind), "p_reference": one.reference} for one in names],
    )


@dataclass(frozen=True, slots=True)
class WaitingShare:
    """A share on its way."""

    share_hash: bytes
    helper: bytes
    share: bytes


async def add(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    asker: Asker,
    share: WaitingShare,
    now_ms: int,
) -> bool:
    """Keep a share; return False for one that is kept already."""
    statement = upsert_for(connection.dialect.name, SHARES).values(
        conversation_id=conversation_id,
        device=asker.device,
        share_hash=share.share_hash,
        client_id=asker.client_id,
        helper=share.helper,
        share=share.share,
        created_ms=now_ms,
    )
    added = await connection.execute(
        statement.on_conflict_do_nothing().returning(SHARES.c.share_hash)
    )
    return added.first() is not None


async def helpers(
    connection: AsyncConnection, conversation_id: ConversationId, device: bytes
) -> dict[bytes, PersonId | None]:
    """Return whose devices made the shares that wait for a device, oldest first; None: a device
    whose leaves are no longer kept."""
    person_id = (
        select(func.max(_L.person_id))
        .where(_L.conversation_id == _S.conversation_id, _L.device == _S.helper)
        .scalar_subquery()
    )
    rows = await connection.execute(
        select(_S.share_hash, person_id)
        .where(_S.conversation_id == conversation_id, _S.device == device)
        .order_by(_S.created_ms, _S.share_hash)
    )
    return {share_hash: None if owner is None else PersonId(owner) for share_hash, owner in rows}


async def waiting(
    connection: AsyncConnection, conversation_id: ConversationId, device: bytes
) -> list[WaitingShare]:
    """Return the shares that wait for a device, oldest first."""
    rows = await connection.execute(
        select(_S.share_hash, _S.helper, _S.share)
        .where(_S.conversation_id == conversation_id, _S.device == device)
        .order_by(_S.created_ms, _S.share_hash)
    )
    return [WaitingShare(*row) for row in rows]


async def forget(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    device: bytes,
    share_hashes: Collection[bytes],
) -> None:
    """Delete shares that wait for a device."""
    if share_hashes:
        await connection.execute(
            delete(SHARES).where(
                _S.conversation_id == conversation_id,
                _S.device == device,
                _S.share_hash.in_(share_hashes),
            )
        )
