"""Pages of the log, with everything beside the entries that their reader needs.

A page begins at the device's history_from; nothing before it could be read. Statements do not grow
with the page: entries, proofs (at most four), keys, seals. Holds no state of its own.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.keys.conversation_keys import seals_for
from copconnect.delivery.parts import Parts
from copconnect.delivery.rosters.proofs import prove
from copconnect.delivery.rosters.reading import require_listed
from copconnect.delivery.rules.roster_plan import PlacedLeaf
from copconnect.delivery.store import conversations, keys, log
from copconnect.delivery.store.log import Entry
from copconnect.ids import ConversationId, Epoch, Seq
from copconnect.principals import Caller

LOG_PAGE = 200
MOST_LOG_PAGE = 500


class LogReading:
    """Reads the log for listed devices."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def page(
        self,
        caller: Caller,
        conversation_id: ConversationId,
        *,
        after: int | None,
        before: int | None,
        limit: int,
    ) -> wire.LogPage:
        """Return the first entries after a seq, or the newest before one. Raises NotMember."""
        limit = max(1, min(limit, MOST_LOG_PAGE))
        async with self._parts.database.reading() as connection:
            own = await require_listed(connection, caller, conversation_id)
            (held,) = await conversations.read(connection, [conversation_id])
            found, more = await log.page(
                connection,
                conversation_id,
                from_ms=own.leaf.history_from_ms,
                after=after,
                before=before,
                limit=limit,
            )
            entries = _after_gaps(found)
            if not entries:
                return _empty(held.last_seq, await log.end_hash(connection, conversation_id))
            return await self._page(connection, own, entries, held.last_seq, more=more)

    async def _page(
        self,
        connection: AsyncConnection,
        own: PlacedLeaf,
        entries: Sequence[Entry],
        last_seq: Seq,
        *,
        more: bool,
    ) -> wire.LogPage:
        c = entries[0].entry.conversation_id
        log_hash, named = await log.before_entry(connection, c, entries[0].entry.seq)
        asked: set[tuple[ConversationId, int, bytes]] = set()
        for one in entries:
            # R2: under the header's head, and under the highest that an earlier entry names.
            asked |= {(c, one.epoch, one.device), (c, max(one.epoch, named), one.device)}
            named = one.named_epoch
        stored = await keys.records(connection, c, {one.key_id for one in entries})
        made = {(c, key.epoch) for key in stored.values()}
        proven = await prove(connection, self._parts.trees, asked, heads=made)
        sealed = await seals_for(connection, self._parts, c, own, stored.values())
        heads = sorted(proven.heads.values(), key=lambda head: head.epoch)
        return wire.LogPage(
            entries=[one.entry for one in entries],
            heads=[head.head for head in heads],
            proofs=[
                wire.EpochProof(epoch=Epoch(epoch), proof=proof)
                for (_, epoch, _), proof in sorted(proven.proofs.items())
            ],
            keys=[
                wire.KeyItem(record=key.record, seal=sealed[key_id])
                for key_id, key in sorted(stored.items())
            ],
            log_hash=log_hash,
            last_seq=last_seq,
            more=more,
        )

    async def chain(self, caller: Caller, conversation_id: ConversationId) -> wire.SenderChain:
        """Return where the calling device's own messages stand (S7). Raises NotMember."""
        async with self._parts.database.reading() as connection:
            await require_listed(connection, caller, conversation_id)
            header = await log.chain_end(connection, conversation_id, caller.device)
        return wire.SenderChain(header=header)


def _after_gaps(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return the entries after the last gap: before it is only a state that outlived trimming, from
    which no log hash leads on. It is handed out with the conversation."""
    first = 0
    for at in range(1, len(entries)):
        if entries[at].entry.seq != entries[at - 1].entry.seq + 1:
            first = at
    return entries[first:]


def _empty(last_seq: Seq, log_hash: bytes) -> wire.LogPage:
    """Return a page without entries: a device to which nothing is readable yet starts from the
    hash of the whole log (R4)."""
    return wire.LogPage(
        entries=[],
        heads=[],
        proofs=[],
        keys=[],
        log_hash=log_hash,
        last_seq=last_seq,
        more=False,
    )
