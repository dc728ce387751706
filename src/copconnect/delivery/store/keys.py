"""Statements on conversation keys: records, their seals as one blob, how often each was used."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.rows import of_row
from copconnect.delivery.rules.conversation_keys import KnownKey
from copconnect.delivery.rules.limits import DAY_MS
from copconnect.delivery.store.tables import KEY_ASKS, KEYS
from copconnect.ids import ConversationId, PersonId

_K = KEYS.c
_KNOWN = (_K.key_id, _K.epoch, _K.created_ms, _K.messages, _K.author)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A conversation key's record and seals."""

    key_id: bytes
    epoch: int
    created_ms: int
    author: bytes
    kem: int
    record: bytes
    seals: bytes


@dataclass(frozen=True, slots=True)
class NewKey(StoredKey):
    """A record that was judged."""

    conversation_id: ConversationId
    stored_ms: int
    author_person: PersonId
    free: bool


async def add(connection: AsyncConnection, key: NewKey) -> None:
    """Store a key."""
    names = NewKey.__dataclass_fields__
    values: dict[str, Any] = {name: getattr(key, name) for name in names}
    await connection.execute(KEYS.insert().values(**values, messages=0, last_seq=None))


async def is_known(
    connection: AsyncConnection, conversation_id: ConversationId, key_id: bytes
) -> bool:
    """Return whether a record was accepted before."""
    query = select(_K.epoch).where(_K.conversation_id == conversation_id, _K.key_id == key_id)
    return (await connection.scalar(query)) is not None


async def since_rekey(
    connection: AsyncConnection, conversation_id: ConversationId, rekey_epoch: int
) -> list[KnownKey]:
    """Return the keys that were made since a rekey_epoch."""
    rows = await connection.execute(
        select(*_KNOWN).where(_K.conversation_id == conversation_id, _K.epoch >= rekey_epoch)
    )
    return [KnownKey(*row) for row in rows]


async def records(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    key_ids: Collection[bytes],
) -> dict[bytes, StoredKey]:
    """Return those of these keys that are kept."""
    if not key_ids:
        return {}
    found = await connection.execute(
        select(KEYS).where(_K.conversation_id == conversation_id, _K.key_id.in_(key_ids))
    )
    return {row.key_id: of_row(StoredKey, row) for row in found}


async def counted_today(
    connection: AsyncConnection, conversation_id: ConversationId, author: PersonId, now_ms: int
) -> tuple[int, int | None]:
    """Return how many records of a person within a day were not free, and the oldest's time."""
    row = (
        await connection.execute(
            select(func.count(), func.min(_K.stored_ms)).where(
                _K.conversation_id == conversation_id,
                _K.author_person == author,
                _K.stored_ms > now_ms - DAY_MS,
                _K.free.is_(False),
            )
        )
    ).one()
    return row[0], row[1]


async def was_asked(
    connection: AsyncConnection, conversation_id: ConversationId, device: bytes, since_ms: int
) -> bool:
    """Return whether the server asked a device for the next key since a time (D7)."""
    asked_ms = await connection.scalar(
        select(KEY_ASKS.c.asked_ms).where(
            KEY_ASKS.c.conversation_id == conversation_id, KEY_ASKS.c.device == device
        )
    )
    return asked_ms is not None and asked_ms >= since_ms


async def answered(
    connection: AsyncConnection, conversation_id: ConversationId, device: bytes
) -> None:
    """A device made the key that it was asked for: it was asked for no more."""
    await connection.execute(
        update(KEY_ASKS)
        .where(KEY_ASKS.c.conversation_id == conversation_id, KEY_ASKS.c.device == device)
        .values(asked_ms=0)
    )
