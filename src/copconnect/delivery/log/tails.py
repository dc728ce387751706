"""The newest entries of conversations, in this process's memory.

When 63,000 devices come back at once, nearly all of them lack the same few entries: those are read
once. Invariant: a tail holds every entry with ``after`` < seq ≤ ``upto``; the log grows at its end
alone, and a body goes with the entry that deletes it, so nothing here is ever wrong, only short.
Used from one event loop; the longest unused tails go first.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.delivery.store import log
from copconnect.delivery.store.log import ReadableMessage
from copconnect.ids import ConversationId, MessageId
from copconnect.records.conversation.message import MessageKind

MOST_ENTRIES = 256
MOST_TAIL_BYTES = 2 * 1024 * 1024
MOST_TAILS = 64


@dataclass(slots=True)
class _Tail:
    after: int = 0
    upto: int = 0
    entries: list[ReadableMessage] = field(default_factory=list)
    size: int = 0
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def extend(self, entries: Sequence[ReadableMessage], upto: int) -> None:
        """Take in what follows up to a seq; the oldest go when there are too many."""
        for one in entries:
            if one.kind == MessageKind.DELETION:
                self._drop_words(one.marked)
        self.entries += entries
        self.size += sum(len(one.entry.message) for one in entries)
        self.upto = upto
        gone = 0
        while len(self.entries) - gone > MOST_ENTRIES or self.size > MOST_TAIL_BYTES:
            self.size -= len(self.entries[gone].entry.message)
            self.after = self.entries[gone].entry.seq
            gone += 1
        del self.entries[:gone]

    def _drop_words(self, marked: MessageId | None) -> None:
        for at, one in enumerate(self.entries):
            message = one.message_id == marked and one.kind == MessageKind.PLAIN
            if message or (one.marked == marked and one.kind == MessageKind.EDIT):
                self.entries[at] = one.without_body()
                self.size -= len(one.entry.message) - len(self.entries[at].entry.message)


class LogTails:
    """The tails that were used last."""

    def __init__(self) -> None:
        self._tails: OrderedDict[ConversationId, _Tail] = OrderedDict()

    async def entries(
        self, connection: AsyncConnection, conversation_id: ConversationId, after: int, upto: int
    ) -> list[ReadableMessage] | None:
        """Return the entries with after < seq ≤ upto, ``upto`` being the newest in this
        transaction; None when the tail does not reach back so far."""
        if upto - after > MOST_ENTRIES:
            return None
        tail = self._tails.setdefault(conversation_id, _Tail())
        self._tails.move_to_end(conversation_id)
        while len(self._tails) > MOST_TAILS:
            self._tails.popitem(last=False)
        if tail.upto < upto:
            async with tail.reading:
                if tail.upto < upto:  # Another may have read it meanwhile.
                    await self._read(connection, conversation_id, tail, upto)
        if after < tail.after:
            return None
        return [one for one in tail.entries if after < one.entry.seq <= upto]

    async def _read(
        self, connection: AsyncConnection, conversation_id: ConversationId, tail: _Tail, upto: int
    ) -> None:
        found = await log.newest(connection, conversation_id, tail.upto, upto, MOST_ENTRIES)
        if not found:  # Trimmed: nothing is known of what was there.
            tail.entries, tail.size, tail.after = [], 0, upto
        elif found[0].entry.seq != tail.upto + 1:  # More lies between the tail and these.
            tail.entries, tail.size, tail.after = [], 0, found[0].entry.seq - 1
        tail.extend(found, upto)
