"""Pages of the log, with everything beside the entries that their reader needs.

A page begins at the device's history_from; nothing before it could be read. The parts that do not
depend on the reader (entries, heads, proofs, which keys) are read once for all that ask for the
same page, so a device of many that come back costs three statements: its leaf, its own keys, its
cell's.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.keys.conversation_keys import seals_for
from copconnect.delivery.log.tails import LogTails
from copconnect.delivery.rosters.proofs import prove
from copconnect.delivery.rosters.reading import require_listed
from copconnect.delivery.store import log
from copconnect.delivery.store.keys import StoredKey
from copconnect.delivery.store.log import LogView, ReadableMessage
from copconnect.ids import ConversationId, Epoch, Seq
from copconnect.principals import Caller

LOG_PAGE = 200
MOST_LOG_PAGE = 500
_END = 2**53 - 1  # Past every position.
_MOST_KEPT = 200  # Pages without their entries: heads, proofs, key ids.


@dataclass(frozen=True, slots=True)
class _Beside:
    """The parts of a page beside its entries, the same for every reader."""

    heads: list[bytes]
    proofs: list[wire.EpochProof]
    key_ids: Sequence[bytes]
    log_hash: bytes


@dataclass(frozen=True, slots=True)
class LogPart:
    """Entries with what is beside them, and the keys that they use."""

    entries: Sequence[ReadableMessage]
    beside: _Beside
    stored: Mapping[bytes, StoredKey]
    more: bool

    def page(self, sealed: Mapping[bytes, bytes | None], last_seq: Seq) -> wire.LogPage:
        """Return the page of a device. ``sealed``: its seals of the keys."""
        return wire.LogPage(
            entries=[one.entry for one in self.entries],
            heads=self.beside.heads,
            proofs=self.beside.proofs,
            keys=[
                wire.KeyItem(record=key.record, seal=sealed[key_id])
                for key_id, key in sorted(self.stored.items())
            ],
            log_hash=self.beside.log_hash,
            last_seq=last_seq,
            more=self.more,
        )


class LogReading:
    """Reads the log for listed devices. Used from one event loop."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps
        self._tails = LogTails()
        self._kept: OrderedDict[tuple[ConversationId, Seq, Seq], _Beside] = OrderedDict()

    async def page(
        self,
        caller: Caller,
        conversation_id: ConversationId,
        *,
        after: int | None,
        before: int | None,
        limit: int = LOG_PAGE,
    ) -> wire.LogPage:
        """Return the first entries after a seq, or the newest before one. Raises NotMember."""
        limit = max(1, min(limit, MOST_LOG_PAGE))
        async with self._deps.database.reading() as connection:
            view = await log.view(connection, conversation_id, caller.device)
            if view is None:
                raise errors.NotMember
            found, more = await self._entries(
                connection, view, conversation_id, after, before, limit
            )
            entries = _after_gaps(found)
            if not entries:
                return empty(view.last_seq, view.log_hash)
            part = await self._part(connection, conversation_id, entries, more=more)
            keys = part.stored.values()
            sealed = await seals_for(connection, self._deps, conversation_id, view.leaf, keys)
            return part.page(sealed, view.last_seq)

    async def newest(
        self, connection: AsyncConnection, c: ConversationId, from_ms: int, limit: int
    ) -> "LogPart | None":
        """Return the newest entries from a time on, with what is beside them; None: there are
        none."""
        found, more = await log.page(
            connection, c, from_ms=from_ms, after=None, before=_END, limit=limit
        )
        entries = _after_gaps(found)
        return await self._part(connection, c, entries, more=more) if entries else None

    async def _entries(
        self,
        connection: AsyncConnection,
        view: LogView,
        conversation_id: ConversationId,
        after: int | None,
        before: int | None,
        limit: int,
    ) -> tuple[Sequence[ReadableMessage], bool]:
        from_ms = view.leaf.leaf.history_from_ms
        if after is not None and before is None:
            recent = await self._tails.entries(connection, conversation_id, after, view.last_seq)
            if recent is not None:
                readable = [one for one in recent if one.entry.sent_ms >= from_ms]
                count = log.fits([len(one.entry.message) for one in readable], limit)
                return readable[:count], len(readable) > count
        return await log.page(
            connection, conversation_id, from_ms=from_ms, after=after, before=before, limit=limit
        )

    async def _part(
        self,
        connection: AsyncConnection,
        conversation_id: ConversationId,
        entries: Sequence[ReadableMessage],
        *,
        more: bool,
    ) -> "LogPart":
        place = conversation_id, entries[0].entry.seq, entries[-1].entry.seq
        beside = self._kept.get(place)
        if beside is None:
            beside = self._kept[place] = await self._read(connection, conversation_id, entries)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        stored = await self._deps.keys.records(connection, conversation_id, beside.key_ids)
        return LogPart(entries, beside, stored, more=more)

    async def _read(
        self, connection: AsyncConnection, c: ConversationId, entries: Sequence[ReadableMessage]
    ) -> _Beside:
        named = await log.named_before(connection, c, entries[0].entry.seq)
        asked: set[tuple[ConversationId, int, bytes]] = set()
        for one in entries:
            # R2: under the header's head, and under the highest that an earlier entry names.
            asked |= {(c, one.epoch, one.device), (c, max(one.epoch, named), one.device)}
            named = one.named_epoch
        key_ids = sorted({one.key_id for one in entries})
        stored = await self._deps.keys.records(connection, c, key_ids)
        made = {(c, key.epoch) for key in stored.values()}
        proven = await prove(connection, self._deps.trees, asked, heads=made)
        return _Beside(
            heads=[head.head for head in sorted(proven.heads.values(), key=lambda one: one.epoch)],
            proofs=[
                wire.EpochProof(epoch=Epoch(epoch), proof=proof)
                for (_, epoch, _), proof in sorted(proven.proofs.items())
            ],
            key_ids=key_ids,
            log_hash=entries[0].before_hash,
        )

    async def chain(self, caller: Caller, conversation_id: ConversationId) -> wire.SenderChain:
        """Return the positions of the calling device's own messages (S7). Raises NotMember."""
        async with self._deps.database.reading() as connection:
            await require_listed(connection, caller, conversation_id)
            header = await log.chain_end(connection, conversation_id, caller.device)
        return wire.SenderChain(header=header)


def _after_gaps(entries: Sequence[ReadableMessage]) -> Sequence[ReadableMessage]:
    """Return the entries after the last gap: before it is only a state that outlived trimming, from
    which no log hash leads on. It is handed out with the conversation."""
    first = 0
    for at in range(1, len(entries)):
        if entries[at].entry.seq != entries[at - 1].entry.seq + 1:
            first = at
    return entries[first:]


def empty(last_seq: Seq, log_hash: bytes) -> wire.LogPage:
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
