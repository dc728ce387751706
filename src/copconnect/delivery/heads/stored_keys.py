"""Conversation keys and cell keys with their seals in memory, bounded by bytes.

A key of 63,000 devices has 300 KB of seals with X-Wing, and every device that comes back after a
night asks for the same twenty keys: each is read once. Invariant: a stored record and its seals
never change. Used from one event loop; callers that miss the same key wait for one read.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.store import cell_keys, keys
from copconnect.delivery.store.cell_keys import StoredCellKey
from copconnect.delivery.store.keys import StoredKey
from copconnect.ids import CellId, ConversationId

_MOST_BYTES = 64 * 1024 * 1024
Stored = StoredKey | StoredCellKey
ReadKeys = Callable[
    [AsyncConnection, ConversationId, Collection[bytes]], Awaitable[Mapping[bytes, Stored]]
]


class StoredKeys:
    """The keys that were used last."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[tuple[ConversationId, bytes], Stored] = OrderedDict()
        self._bytes = 0
        self._reading = asyncio.Lock()

    async def records(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        key_ids: Collection[bytes],
    ) -> dict[bytes, StoredKey]:
        """Return those of these conversation keys that are stored. At most one statement."""
        found = await self._records(connection, conversation_id, key_ids, keys.records)
        return {key_id: one for key_id, one in found.items() if isinstance(one, StoredKey)}

    async def of_cells(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        cell_ids: Collection[CellId],
    ) -> dict[CellId, list[StoredCellKey]]:
        """Return every stored key of these cells, oldest first. At most two statements."""
        by_cell = await cell_keys.ids_of_cells(connection, conversation_id, cell_ids)
        ids = {one for own in by_cell.values() for one in own}
        found = await self._records(connection, conversation_id, ids, cell_keys.records)
        kept: dict[CellId, list[StoredCellKey]] = {}
        for cell_id, own in by_cell.items():
            keys = (found[one] for one in reversed(own) if one in found)
            kept[cell_id] = [one for one in keys if isinstance(one, StoredCellKey)]
        return kept

    async def _records(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        key_ids: Collection[bytes],
        read: ReadKeys,
    ) -> dict[bytes, Stored]:
        wanted = set(key_ids)
        found = self._known(conversation_id, wanted)
        if len(found) < len(wanted):
            async with self._reading:
                found = self._known(conversation_id, wanted)
                missing = wanted - found.keys()
                news = await read(connection, conversation_id, missing) if missing else {}
            for one in news.values():
                self._keep(conversation_id, one)
            found |= news
        return found

    def _known(
        self, conversation_id: ConversationId, key_ids: Collection[bytes]
    ) -> dict[bytes, Stored]:
        found: dict[bytes, Stored] = {}
        for key_id in key_ids:
            known = self._kept.get((conversation_id, key_id))
            if known is not None:
                self._kept.move_to_end((conversation_id, key_id))
                found[key_id] = known
        return found

    def _keep(self, conversation_id: ConversationId, key: Stored) -> None:
        if (conversation_id, key.key_id) in self._kept:
            return
        self._kept[conversation_id, key.key_id] = key
        self._bytes += _size(key)
        while self._bytes > self._most_bytes and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= _size(dropped)


def _size(key: Stored) -> int:
    return len(key.seals) + len(key.record)
