"""One conversation as the bot holds it: its row, its knowledge, its keys, its lock.

Everything that changes a conversation runs inside ``lock``, in the order in which it was asked for;
conversations never wait for each other. A row is read from the state file whenever it is looked at,
so that memory never has what a failed transaction took back.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from copconnect import wire
from copconnect.bot.context import Context
from copconnect.bot.conversation.keys import Keys
from copconnect.bot.conversation.knowledge import Knowledge
from copconnect.bot.failures import Unreachable, has_code
from copconnect.bot.state.rows import ConversationRow, LogPlace, Profile
from copconnect.ids import ConversationId, PersonId
from copconnect.records.conversation.message import MessageHeader
from copconnect.records.conversation.roster import Leaf, Rights, RosterHead, direct_id
from copconnect.records.primitives.fields import Refused, require

_KEPT = (
    *("head_epoch", "named_epoch", "history_from_ms", "log", "begun_ms"),
    *("chain_seq", "chain_hash", "alarm", "profile", "standstill", "incarnation"),
)


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest head by its stamp (S1), and the bot's leaf under it."""

    head: RosterHead
    own: Leaf


class HeadRefused(Unreachable):
    """The server's newest head does not hold: it has another soon, or it lies."""


class Place:
    """A conversation that lists the bot, or did."""

    def __init__(self, context: Context, row: ConversationRow) -> None:
        self._context = context
        self.id: ConversationId = row.conversation_id
        self.lock = asyncio.Lock()
        other = row.direct_person_id
        self._own = context.identity.person
        people = None if other is None else (self._own, bytes.fromhex(other))
        self.knowledge = Knowledge(context, self.id, people, lambda: self.row.head_epoch)
        self.keys = Keys(context, self.id)

    @property
    def row(self) -> ConversationRow:
        """The conversation's row."""
        row = self._context.stores.conversations.get(self.id)
        if row is None:
            raise KeyError(self.id)
        return row

    def set(
        self,
        *,
        listed: bool | UnsetType = UNSET,
        direct_person_id: PersonId | UnsetType = UNSET,
        head_epoch: int | UnsetType = UNSET,
        named_epoch: int | UnsetType = UNSET,
        history_from_ms: int | UnsetType = UNSET,
        may_post: bool | UnsetType = UNSET,
        log: LogPlace | UnsetType = UNSET,
        begun_ms: int | UnsetType = UNSET,
        chain: tuple[int, bytes] | UnsetType = UNSET,
        profile: Profile | UnsetType = UNSET,
        standstill: bool | UnsetType = UNSET,
        incarnation: int | UnsetType = UNSET,
    ) -> None:
        """Write some fields of the row."""
        changes: dict[str, object] = {
            "listed": listed,
            "direct_person_id": direct_person_id,
            "head_epoch": head_epoch,
            "named_epoch": named_epoch,
            "history_from_ms": history_from_ms,
            "may_post": may_post,
            "log": log,
            "begun_ms": begun_ms,
            "profile": profile,
            "standstill": standstill,
            "incarnation": incarnation,
        }
        if not isinstance(chain, UnsetType):
            changes |= {"chain_seq": chain[0], "chain_hash": chain[1]}
        given = {name: value for name, value in changes.items() if value is not UNSET}
        self._context.stores.conversations.put(self.id, replace(self.row, **given))

    # --- S7, S8 ---------------------------------------------------------------------------------

    @property
    def in_doubt(self) -> bool:
        """Whether the log must be compared before anything of it is taken, or posted."""
        return self.row.standstill or self.row.incarnation < self._context.people.incarnation

    async def served_chain(self) -> MessageHeader | None:
        """Return the last header that the server has of the bot, which must bear its signature."""
        data = await self._context.api.chain(self.id)
        if data is None:
            return None
        header = MessageHeader.parse(data)
        identity = self._context.identity
        require(header.sender == identity.device, "S7", "another device's chain")
        require(header.conversation_id.hex() == self.id, "S7", "another conversation's chain")
        header.verify(identity.signer.public_key().public_bytes_raw())
        return header

    # --- R10 ------------------------------------------------------------------------------------

    def parties(self, listed: Sequence[Leaf]) -> list[Leaf]:
        """Return the leaves that count: in a direct conversation, those of its two people, whom its
        id names whatever the server calls it. A third person's leaf raises an alarm."""
        knowledge, conversation_id = self.knowledge, bytes.fromhex(self.id)
        for person in {leaf.person_id for leaf in listed} - {self._own}:
            if knowledge.people is None and direct_id(self._own, person) == conversation_id:
                knowledge.people = (self._own, person)
                self.set(direct_person_id=PersonId(person.hex()))
        people = knowledge.people
        if people is None:
            return list(listed)
        found = [leaf for leaf in listed if leaf.person_id in people]
        if len(found) < len(listed):
            self._context.alarm(f"a third person is listed in the direct conversation {self.id}")
        return found

    # --- S1 -------------------------------------------------------------------------------------

    async def newest(self, *, force: bool = False) -> Newest:
        """Return the newest head by a stamp that still counts, fetched where needed. Call inside
        the lock. Raises HeadRefused and what the API raises."""
        if not force:
            held = self._still_newest()
            if held is not None:
                return held
        state = await self._context.api.newest_head(self.id)
        try:
            return await self.take_roster(state)
        except Refused as error:
            raise HeadRefused(str(error)) from error

    async def take_roster(self, state: wire.RosterState) -> Newest:
        """Take over the server's newest head and the bot's proof. Raises Refused."""
        head = await self.take_newest(state.head, state.stamp)
        device = self._context.identity.device
        leaf, _ = await self.knowledge.prove(head.epoch, device, state.proof, "S1")
        may_post = bool(leaf.rights & Rights.POST)
        self.set(listed=True, history_from_ms=leaf.history_from, may_post=may_post)
        return Newest(head, leaf)

    async def take_newest(self, data: bytes, stamp: bytes) -> RosterHead:
        """Return a head by its fresh stamp that is below no head that the bot holds or can be shown
        (S1). Raises Refused, and what the API raises."""
        head = self.take_head(data)
        for epoch in {one.record.epoch for one in self.keys.newest()}:
            if epoch > self.row.head_epoch:
                await self._raise_floor(epoch)
        await self._context.time.anchor()
        self._context.time.require_newest(stamp, head, self.row.head_epoch)
        return head

    async def _raise_floor(self, epoch: int) -> None:
        """Take the head that a key's record names, if the roster authority signed one."""
        try:
            self.take_head((await self.knowledge.head(epoch)).encode())
        except Refused:
            return

    def take_head(self, data: bytes) -> RosterHead:
        """Check a head and keep it. Raises Refused (R4)."""
        head = self.knowledge.take_head(data)
        if head.epoch > self.row.head_epoch:
            self.set(head_epoch=head.epoch)
        return head

    def _still_newest(self) -> Newest | None:
        row = self.row
        head = self.knowledge.held_head(row.head_epoch) if row.head_epoch else None
        if head is None or not self._context.time.is_still_newest(head, row.head_epoch):
            return None
        try:
            device = self._context.identity.device
            return Newest(head, self.knowledge.view.leaf(device, head.epoch, "S1")[0])
        except Refused:
            return None


def row_of(info: wire.Conversation, former: ConversationRow | None) -> ConversationRow:
    """Return the row of a conversation as the server shows it, with what the bot knows of it."""
    standing = info.standing.title.en if info.standing is not None else ""
    shown = ConversationRow(
        conversation_id=info.conversation_id,
        kind=info.kind,
        listed=info.roster is not None,
        name=standing,
        direct_person_id=info.direct_person_id if info.kind == "direct" else None,
        may_post=info.who_may_post == "everyone" or info.admin,
        cells=info.cells,
        members=info.members,
        info_version=info.info_version,
    )
    if former is None:
        return shown
    kept = {name: getattr(former, name) for name in _KEPT}
    # Direct for ever, whatever the server calls it (R10).
    other = former.direct_person_id or shown.direct_person_id
    return replace(shown, direct_person_id=other, **kept)


def is_gone(error: BaseException) -> bool:
    """Return whether the server says that the bot is not listed in a conversation."""
    return has_code(error, "not_member", "not_found")
