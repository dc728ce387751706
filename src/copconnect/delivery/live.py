"""What the live connections ask of the Delivery Service: places, missed entries, cursors.

Implements ``copconnect.sockets.Feed``.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from copconnect import wire
from copconnect.bus import (
    AnyWakeup,
    CursorsMovedWakeup,
    EntryWakeup,
    ReceiptsWakeup,
    SealWantedWakeup,
)
from copconnect.delivery import cell_store, cursor_store, live_store, log_store, rules, sealed_store
from copconnect.delivery.log_tails import split
from copconnect.delivery.parts import Parts, wakeup_of
from copconnect.ids import CellId, ClientId, ConversationId, Seq
from copconnect.sockets.feed import Place, Seat, SeenCursor

_BATCH = 500
_ENCODER = msgspec.msgpack.Encoder()


class LiveFeed:
    """Reads the log for sockets and stores their cursors."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def places(self, client_ids: Collection[ClientId]) -> Mapping[ClientId, Sequence[Place]]:
        """Return where these clients belong, in one statement."""
        async with self._parts.database.reading() as connection:
            return await live_store.places_of(connection, client_ids)

    async def seats(
        self, conversation_id: ConversationId, cell_ids: Collection[CellId] | None
    ) -> Mapping[ClientId, Sequence[Seat]]:
        """Return who sits in these cells (None: in any), in one statement."""
        async with self._parts.database.reading() as connection:
            return await live_store.seats_in(connection, conversation_id, cell_ids)

    async def entries(
        self, conversation_id: ConversationId, after: int, upto: int
    ) -> Sequence[EntryWakeup]:
        """Return the wake-ups of the entries with after < seq ≤ upto, at most a batch, and not more
        bytes than one read may have (log_store.GAP_BYTES)."""
        async with self._parts.database.reading() as connection:
            found = await log_store.entries_between(
                connection, conversation_id, after, upto, _BATCH
            )
            sealed = [one.seq for one in found if one.kind == "sealed"]
            seals: dict[Seq, bytes] = {}
            if sealed:
                seals = await sealed_store.seals_of(connection, conversation_id, sealed)
        return [wakeup_of(one, split(one, seals.get(one.seq, b""))) for one in found]

    async def heads_since(self, since_ms: int) -> dict[ConversationId, Seq]:
        """Return where the conversations stand that changed since a time."""
        async with self._parts.database.reading() as connection:
            return await log_store.heads_since(connection, since_ms)

    async def roster_changes_since(self, since_ms: int) -> Sequence[EntryWakeup]:
        """Return the wake-ups of roster changes since a time."""
        async with self._parts.database.reading() as connection:
            found = await log_store.roster_entries_since(connection, since_ms)
        return [wakeup_of(entry) for entry in found]

    async def seals_wanted_since(self, since_ms: int) -> Sequence[SealWantedWakeup]:
        """Return whom to ask for seals of the cells that got a key since a time."""
        async with self._parts.database.reading() as connection:
            missing = await sealed_store.senders_missing_since(connection, since_ms)
        return [
            SealWantedWakeup(conversation_id=c, cell_id=k, client_ids=sorted(senders))
            for (c, k), senders in missing.items()
        ]

    async def removal_pending(self, cell_id: CellId) -> bool:
        """Return whether a cell still has Removes to commit."""
        async with self._parts.database.reading() as connection:
            return bool(await cell_store.removals_of(connection, [cell_id]))

    async def store_cursors(self, cursors: Sequence[SeenCursor]) -> Sequence[AnyWakeup]:
        """Store a batch in three statements; return the receipts to broadcast.

        Large conversations get none: 63,000 acknowledgements told to 63,000 people would be four
        thousand million receipts. Theirs are counted (receipt_counts.py).
        """
        concerned = {one.conversation_id for one in cursors}
        async with self._parts.database.transaction() as connection:
            await cursor_store.grow(connection, cursors)
            versions = await cursor_store.next_versions(connection, concerned, rules.RECEIPT_PEOPLE)
            moved = {
                (one.conversation_id, one.person_id)
                for one in cursors
                if one.conversation_id in versions
            }
            found = await cursor_store.receipts(connection, moved) if moved else {}
        wakeups: list[AnyWakeup] = []
        if large := sorted(concerned - versions.keys()):
            wakeups.append(CursorsMovedWakeup(conversation_ids=large))
        for conversation_id, receipts in found.items():
            frame = wire.Receipts(
                conversation_id=conversation_id,
                receipts=receipts,
                receipts_version=versions[conversation_id],
            )
            wakeups.append(
                ReceiptsWakeup(conversation_id=conversation_id, frame=_ENCODER.encode(frame))
            )
        return wakeups
