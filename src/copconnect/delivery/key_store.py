"""Statements on the cells' keys: their records, and which of them are good for seals."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.sealed.record import CellKeyRecord
from copconnect.delivery.standing import CellKeyState, KnownHead, SignedKey
from copconnect.delivery.tables import (
    CELL_KEYS,
    CELLS,
    CERTIFICATES,
    CONVERSATIONS,
    ROSTER_HEADS,
)
from copconnect.ids import CellId, ConversationId, Epoch

_K = CELL_KEYS.c
# Senders refuse keys of more than 7 days (CELLS.md section 3) by the time in the record and their
# own clock, each up to an hour off ours. For a cell that was quiet for longer messages wait until
# one of its members is back and renews its key: late seals, as for a cell that is not founded yet.
LONGEST_KEY_AGE_MS = 7 * 24 * 3_600_000 - 2 * 3_600_000
# Nor do they take keys whose signer's certificate has expired, by their own clock.
SIGNER_CLOCK_MS = 3_600_000
# Whether messages are sealed for a cell now: founded, keyed, nobody to remove, its key not too old
# and signed by a certificate that has not expired.
READY = and_(
    CELLS.c.removals == 0,
    CELLS.c.key_id.is_not(None),
    exists(
        select(literal(1)).where(
            _K.cell_id == CELLS.c.cell_id,
            _K.epoch == CELLS.c.epoch,
            _K.created_ms >= bindparam("p_keyed_since_ms", type_=BigInteger),
            or_(
                _K.signer_until_ms.is_(None),
                _K.signer_until_ms > bindparam("p_signer_until_ms", type_=BigInteger),
            ),
        )
    ),
)


def keyed_since(now_ms: int) -> dict[str, int]:
    """Return the values that READY is asked with."""
    return {
        "p_keyed_since_ms": now_ms - LONGEST_KEY_AGE_MS,
        "p_signer_until_ms": now_ms + SIGNER_CLOCK_MS,
    }


async def states(
    connection: AsyncConnection, conversation_id: ConversationId, now_ms: int
) -> list[CellKeyState]:
    """Return which keys of a conversation's cells are good."""
    asked = key_states().where(CELLS.c.conversation_id == conversation_id)
    rows = await connection.execute(asked, keyed_since(now_ms))
    return [CellKeyState(*row) for row in rows]


def key_states() -> Select[Any]:
    """Return the query whose rows are CellKeyStates; it is asked with ``keyed_since``."""
    c = CELLS.c
    return select(c.cell_id, READY.label("ready"), c.key_id, c.previous_key_id, c.previous_until_ms)


async def head_at(
    connection: AsyncConnection, conversation_id: ConversationId, roster_epoch: Epoch
) -> KnownHead:
    """Return a roster head, if it is kept, and when the next one was made."""
    following = ROSTER_HEADS.alias()
    row = (
        await connection.execute(
            select(CONVERSATIONS.c.roster_epoch, ROSTER_HEADS.c.head, following.c.created_ms)
            .select_from(CONVERSATIONS)
            .outerjoin(
                ROSTER_HEADS,
                and_(
                    ROSTER_HEADS.c.conversation_id == CONVERSATIONS.c.conversation_id,
                    ROSTER_HEADS.c.roster_epoch == roster_epoch,
                ),
            )
            .outerjoin(
                following,
                and_(
                    following.c.conversation_id == ROSTER_HEADS.c.conversation_id,
                    following.c.roster_epoch == ROSTER_HEADS.c.roster_epoch + 1,
                ),
            )
            .where(CONVERSATIONS.c.conversation_id == conversation_id)
        )
    ).one()
    return KnownHead(head=row.head, replaced_ms=row.created_ms, newest=row.roster_epoch)


async def certificate(connection: AsyncConnection, certificate_hash: str) -> bytes | None:
    """Return a certificate that a roster names or named (DER)."""
    found: bytes | None = await connection.scalar(
        select(CERTIFICATES.c.certificate).where(
            CERTIFICATES.c.certificate_hash == certificate_hash
        )
    )
    return found


async def add_record(
    connection: AsyncConnection,
    record: CellKeyRecord,
    data: bytes,
    signer_proof: bytes,
    now_ms: int,
    signer_until_ms: int,
) -> None:
    """Keep a key record under the conversation's next version; its row must be held."""
    c = CONVERSATIONS.c
    version = await connection.scalar(
        update(CONVERSATIONS)
        .where(c.conversation_id == record.conversation_id)
        .values(key_version=c.key_version + 1)
        .returning(c.key_version)
    )
    await connection.execute(
        insert(CELL_KEYS).values(
            cell_id=record.cell_id,
            epoch=record.epoch,
            conversation_id=record.conversation_id,
            key_id=record.key_id,
            record=data,
            signer_certificate_hash=record.signer,
            signer_proof=signer_proof,
            created_ms=now_ms,
            version=version,
            signer_until_ms=signer_until_ms,
        )
    )


async def set_key(connection: AsyncConnection, cell_id: CellId, key_id: bytes) -> None:
    """The cell's current epoch has a key from now on."""
    await connection.execute(update(CELLS).where(CELLS.c.cell_id == cell_id).values(key_id=key_id))


async def record_of(connection: AsyncConnection, cell_id: CellId, epoch: Epoch) -> bytes | None:
    """Return the record of a cell's epoch."""
    found: bytes | None = await connection.scalar(
        select(_K.record).where(_K.cell_id == cell_id, _K.epoch == epoch)
    )
    return found


async def version(connection: AsyncConnection, conversation_id: ConversationId) -> int:
    """Return the version of the conversation's keys."""
    found: int | None = await connection.scalar(
        select(CONVERSATIONS.c.key_version).where(
            CONVERSATIONS.c.conversation_id == conversation_id
        )
    )
    return found or 0


async def newest_keys(
    connection: AsyncConnection, conversation_id: ConversationId, since: int
) -> list[SignedKey]:
    """Return the current keys of the conversation's cells that came after a version."""
    rows = await connection.execute(
        select(
            _K.cell_id,
            _K.epoch,
            _K.key_id,
            _K.record,
            CERTIFICATES.c.certificate,
            _K.signer_certificate_hash,
        )
        .join(CERTIFICATES, CERTIFICATES.c.certificate_hash == _K.signer_certificate_hash)
        .join(CELLS, and_(CELLS.c.cell_id == _K.cell_id, CELLS.c.epoch == _K.epoch))
        .where(_K.conversation_id == conversation_id, _K.version > since)
        .order_by(_K.cell_id)
    )
    return [SignedKey(*row) for row in rows]


async def signers(
    connection: AsyncConnection, conversation_id: ConversationId
) -> dict[CellId, str]:
    """Return by whose certificate the cells' current keys were signed."""
    rows = await connection.execute(
        select(_K.cell_id, _K.signer_certificate_hash)
        .join(CELLS, and_(CELLS.c.cell_id == _K.cell_id, CELLS.c.epoch == _K.epoch))
        .where(_K.conversation_id == conversation_id)
    )
    return {row.cell_id: row.signer_certificate_hash for row in rows}


async def forget_records(connection: AsyncConnection, before_ms: int) -> None:
    """Delete records older than a time of epochs that are over."""
    current = exists(
        select(literal(1)).where(CELLS.c.cell_id == _K.cell_id, CELLS.c.epoch == _K.epoch)
    )
    await connection.execute(delete(CELL_KEYS).where(_K.created_ms < before_ms, ~current))
