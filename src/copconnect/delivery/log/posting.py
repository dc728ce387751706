"""POST …/messages: messages into the log, several in one transaction (``GroupCommit``).

Signature and hash are checked before a message waits for its transaction; a person's standing
limits are counted in memory, so that a message costs no statement for them.

Invariants: the messages of one transaction are accepted in the order they came, so seq, log hash
and each sender's chain have no gap. A message is never delayed to fill a batch. A refusal is found
by reading alone, before anything of that message is written. After a crash each device that was not
answered posts the same bytes again (D6).

SQLite has one writer, so the messages of a batch are read one by one. PostgreSQL has writers side
by side: all conversations of a batch are held first, and what a few statements read then is newer
than the rows' locks. A message whose conversation another writer holds does not keep the others
waiting: it goes alone, beside the next batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy import Connection

from copconnect import errors, wire
from copconnect.audit.acts import ConversationExported
from copconnect.bus import EntryWakeup
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.log import deleting
from copconnect.delivery.rosters.posting_rights import PostingRights
from copconnect.delivery.rules.posting import (
    NamedKey,
    SenderState,
    SignedMessage,
    check_message,
    check_repeat,
    read_message,
)
from copconnect.delivery.rules.rights import ISSUE
from copconnect.delivery.store import conversations, log, members, standings
from copconnect.delivery.store.log import NewEntry
from copconnect.delivery.store.standings import FoundStanding, LogEnd
from copconnect.group_commit import GroupCommit
from copconnect.ids import AttachmentId, ConversationId, MessageId, PersonId, Seq
from copconnect.limits import EVERYBODY_DEVICES
from copconnect.principals import Caller, PostedMessage, Requirement
from copconnect.records.conversation.message import NOTHING, MessageKind, next_log_hash
from copconnect.records.conversation.roster import LeafRights
from copconnect.rights import WHOLE

MOST_TOGETHER = 64
_ENCODER = msgspec.msgpack.Encoder()


class AlreadyAccepted(Exception):
    """Rolls back the transaction of a repeated message; holds the first answer."""

    def __init__(self, accepted: wire.Accepted) -> None:
        super().__init__()
        self.accepted = accepted


@dataclass(frozen=True, slots=True)
class Post:
    """A message that a device asks to append; its bytes and its signature have been checked."""

    caller: Caller
    conversation_id: ConversationId
    message: SignedMessage
    state: bool
    attachment_ids: Sequence[AttachmentId] = ()
    order: wire.OrderTerms | wire.OrderChange | None = None
    wakes: Sequence[PersonId] = ()
    everybody: bool = False
    quiet: bool = False
    exported: wire.ConversationExported | None = None
    only_admins: bool = False
    closed_from: int | None = None
    """Conversations of at least so many members take nothing from the caller (D1)."""

    @property
    def flash(self) -> bool:
        """Whether it is a flash order."""
        return isinstance(self.order, wire.OrderTerms) and self.order.priority == "flash"

    @property
    def issues(self) -> LeafRights | None:
        """The right that an order needs."""
        return ISSUE[self.order.priority] if isinstance(self.order, wire.OrderTerms) else None

    @property
    def for_admins(self) -> bool:
        """Whether only an admin of the conversation may post it."""
        return self.state or self.flash or self.only_admins

    @property
    def kind(self) -> MessageKind:
        """The kind in its header; KEPT if the request declares an order, a state or the like."""
        declared = self.state or self.quiet or bool(self.order or self.exported)
        said = MessageKind(self.message.header.kind)
        return MessageKind.KEPT if declared and said == MessageKind.PLAIN else said

    @property
    def marked(self) -> MessageId | None:
        """The message that it edits or deletes."""
        marked = self.message.header.marked
        return None if marked == NOTHING else MessageId(marked.hex())

    @property
    def alone(self) -> bool:
        """Whether other roles write in its transaction, which is then its own."""
        other = self.order or self.marked or self.exported
        return bool(other or self.attachment_ids or self.wakes)


class MessageIntake:
    """Takes messages from devices."""

    def __init__(self, deps: DeliveryDependencies, rights: PostingRights) -> None:
        self._deps = deps
        self._rights = rights
        limits = deps.options.limits
        self._large_from = deps.options.large_from
        self._exports = deps.options.exports
        self._accepting = Accepting(deps)
        self._messages = deps.rates.limit(
            "messages_per_minute", limits.messages_per_minute, limits.messages_burst
        )
        self._bytes = deps.rates.limit(
            "bytes_per_minute", limits.bytes_per_minute, limits.bytes_per_minute
        )
        self._told = deps.rates.limit(
            "exports_per_hour", limits.exports_per_hour / 60, limits.exports_per_hour
        )

    async def post(
        self, caller: Caller, conversation_id: ConversationId, body: wire.PostMessage
    ) -> wire.Accepted:
        """Append a message to the log (D1). A repeat of the same bytes answers what the first did.

        Raises MessageInvalid, NotMember, MayNotPost, Sanctioned, NotAdmin, TrainingRequired,
        StaleHead, StaleKey, NotNext, RateLimited, AttachmentIncomplete; with an order OrderInvalid,
        MayNotIssue, NotFound. A mark that edits or deletes a message (M2, M3): MessageInvalid,
        NotAdmin. A message that tells of an export: NotAdmin, ExportsOff.
        """
        self._messages.spend(caller.person_id)
        self._bytes.spend(caller.person_id, len(body.message))
        if body.exported is not None:
            if self._exports == "nobody":
                raise errors.ExportsOff
            self._told.spend(caller.person_id)
        message = read_message(
            body.message, bytes.fromhex(conversation_id), caller.device, caller.public_key
        )
        post = Post(
            caller,
            conversation_id,
            message,
            body.state,
            [AttachmentId(one) for one in body.attachment_ids],
            body.order,
            body.wakes,
            everybody=body.everybody,
            quiet=body.quiet,
            exported=body.exported,
            only_admins=body.exported is not None and self._exports == "admins",
            closed_from=self._closed_from(caller, body),
        )
        try:
            return await self._accepting.accept(post)
        except errors.MayNotPost:
            await self._explain(caller, conversation_id)
            raise
        except errors.MayNotIssue:
            if isinstance(body.order, wire.OrderTerms):
                await self._sign_issuing(caller, conversation_id, body.order.priority)
            raise

    async def _sign_issuing(
        self, caller: Caller, conversation_id: ConversationId, priority: wire.OrderPriority
    ) -> None:
        """Sign in the caller's leaf the orders that the caller may issue now. Raises StaleHead
        where this one is among them, so that the device signs it again, else MayNotIssue with
        details."""
        await self._rights.sign_issuing(caller.person_id, conversation_id)
        async with self._deps.database.reading() as connection:
            await self._deps.orders.require(connection, conversation_id, caller.person_id, priority)
            for one in await conversations.read(connection, [conversation_id]):
                raise errors.StaleHead(epoch=one.epoch)

    async def _explain(self, caller: Caller, conversation_id: ConversationId) -> None:
        """Raise Sanctioned where a sanction is why the leaf lacks the right to post; where the leaf
        lacks it without a reason, as after a sanction's end, sign the leaf again and raise
        StaleHead, so that the device signs its message again."""
        deps = self._deps
        async with deps.database.reading() as connection:
            bar = await self._rights.bar_in(connection, caller.person_id, conversation_id)
        if bar is not None:
            raise errors.Sanctioned(kind=bar.kind, until_ms=bar.until_ms)
        ended = await deps.sanctions.end_over(caller.person_id)
        if await self._rights.repair(caller.person_id, conversation_id) or ended:
            async with deps.database.reading() as connection:
                for one in await conversations.read(connection, [conversation_id]):
                    raise errors.StaleHead(epoch=one.epoch)

    def _closed_from(self, caller: Caller, body: wire.PostMessage) -> int | None:
        """Return from how many members conversations are closed to the caller, None for none. A
        flash order goes out whatever its issuer owes, and an order is always corrected and
        withdrawn."""
        if Requirement.TRAINING not in caller.outstanding or _is_pressing(body.order):
            return None
        return self._large_from()


_Outcome = NewEntry | errors.CopConnectError | AlreadyAccepted


class Accepting:
    """Takes messages into the log."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps
        self._commits = GroupCommit(self._commit, MOST_TOGETHER)

    async def accept(self, post: Post) -> wire.Accepted:
        """Append a message, or raise the rule that refuses it."""
        accepted = None if post.alone else await self._commits.write(post)
        return accepted or await self._accept_alone(post)

    async def _accept_alone(self, post: Post) -> wire.Accepted:
        deps, now_ms = self._deps, self._deps.clock.now_ms()
        try:
            if post.alone:
                async with deps.database.transaction() as connection:
                    entry = await connection.run_sync(_append_alone, post, now_ms)
                    if post.attachment_ids:
                        await deps.attachments.ready(
                            connection, post.attachment_ids, post.conversation_id, entry.seq
                        )
                    await deleting.apply_mark(connection, deps, entry)
                    if post.order is not None:
                        await deps.orders.posted(connection, _posted(entry), post.order)
                    if post.wakes:
                        muted = members.muted(
                            entry.conversation_id, entry.person_id, now_ms, post.wakes
                        )
                        await deps.pushes.call(connection, entry.conversation_id, entry.seq, muted)
                    connection.after_commit(wakeup_of(entry))
                    if post.exported is not None:
                        done = _export_of(entry, post.exported)
                        await deps.audit.record(connection, post.caller, done, WHOLE)
            else:
                entry = await deps.database.write_at_once(
                    lambda connection: _append_alone(connection, post, now_ms),
                    lambda entry: [wakeup_of(entry)],
                )
        except AlreadyAccepted as already:
            return already.accepted
        return wire.Accepted(seq=entry.seq, sent_ms=entry.sent_ms)

    async def _commit(self, posts: Sequence[Post]) -> list[wire.Accepted | Exception | None]:
        now_ms = self._deps.clock.now_ms()
        outcomes = await self._deps.database.write_at_once(
            lambda connection: _append(connection, posts, now_ms), _wakeups_of
        )
        return [_answer(outcome) for outcome in outcomes]


def _answer(outcome: _Outcome | None) -> wire.Accepted | Exception | None:
    match outcome:
        case NewEntry():
            return wire.Accepted(seq=outcome.seq, sent_ms=outcome.sent_ms)
        case AlreadyAccepted():
            return outcome.accepted
        case _:
            return outcome


def _wakeups_of(outcomes: Sequence[_Outcome | None]) -> list[EntryWakeup]:
    return [wakeup_of(outcome) for outcome in outcomes if isinstance(outcome, NewEntry)]


def _posted(entry: NewEntry) -> PostedMessage:
    return PostedMessage(
        message_id=MessageId(entry.message_id),
        conversation_id=entry.conversation_id,
        seq=entry.seq,
        header_hash=entry.header_hash,
        person_id=entry.person_id,
        sent_ms=entry.sent_ms,
    )


def _export_of(entry: NewEntry, told: wire.ConversationExported) -> ConversationExported:
    """Return the act for the audit log, which records no positions that the log does not have."""
    if not 1 <= told.first <= told.last < entry.seq:
        raise errors.MessageInvalid(rule="D1", reason="the log has no such positions")
    return ConversationExported(entry.conversation_id, **msgspec.structs.asdict(told))


def wakeup_of(entry: NewEntry) -> EntryWakeup:
    """Return the wake-up that carries an entry, its frame encoded once for all sockets."""
    frame = wire.EntryFrame(
        entry=wire.LogEntry(
            conversation_id=entry.conversation_id,
            seq=entry.seq,
            sent_ms=entry.sent_ms,
            message=entry.message,
        ),
        supplement=None,
    )
    return EntryWakeup(
        conversation_id=entry.conversation_id,
        seq=entry.seq,
        device=entry.device.hex(),
        person_id=entry.person_id,
        epoch=entry.epoch,
        named_epoch=entry.named_epoch,
        key_id=entry.key_id.hex(),
        frame=_ENCODER.encode(frame),
    )


# --- In the transaction -----------------------------------------------------------------------


def _append_alone(connection: Connection, post: Post, now_ms: int) -> NewEntry:
    if connection.dialect.name != "sqlite":
        standings.hold(connection, post.conversation_id)
    found = standings.one(connection, post.conversation_id, post.message)
    outcome = _Batch(now_ms).judge(post, found)
    if not isinstance(outcome, NewEntry):
        raise outcome
    log.append(connection, [outcome])
    return outcome


def _append(connection: Connection, posts: Sequence[Post], now_ms: int) -> list[_Outcome | None]:
    """Judge and write all; None for a message whose conversation another writer holds."""
    asked = [(post.conversation_id, post.message) for post in posts]
    if connection.dialect.name == "sqlite":
        free = {post.conversation_id for post in posts}
        found = [standings.one(connection, *one) for one in asked]
    else:
        free = standings.hold_free(connection, {post.conversation_id for post in posts})
        found = standings.many(connection, asked)
    batch = _Batch(now_ms)
    outcomes: list[_Outcome | None] = []
    for post, one in zip(posts, found, strict=True):
        # No writer holds a conversation that does not exist: judge() refuses its message.
        held = one is None or post.conversation_id in free
        outcomes.append(batch.judge(post, one) if held else None)
    log.append(connection, batch.entries)
    return outcomes


class _Batch:
    """Judges messages in order, each after those of the same transaction before it."""

    def __init__(self, now_ms: int) -> None:
        self.entries: list[NewEntry] = []
        self._now_ms = now_ms
        self._ends: dict[ConversationId, LogEnd] = {}
        self._taken: dict[tuple[ConversationId, bytes], NewEntry] = {}
        self._chains: dict[tuple[ConversationId, bytes], NewEntry] = {}
        self._used: dict[tuple[ConversationId, bytes], int] = {}

    def judge(self, post: Post, found: FoundStanding | None) -> _Outcome:
        """Return the log entry of a message, the first answer to a repeat, or the error."""
        if found is None:
            return errors.NotMember()
        header, c = post.message.header, post.conversation_id
        try:
            if before := self._taken.get((c, header.message_id)):
                return _repeated(post, before)
            if known := found.before:
                check_repeat(post.message, known)
                return AlreadyAccepted(wire.Accepted(seq=known.seq, sent_ms=known.sent_ms))
            standing = self._after_others(post, found.standing)
            check_message(
                post.message,
                standing,
                self._now_ms,
                for_admins=post.for_admins,
                admins_above=EVERYBODY_DEVICES if post.everybody else None,
                closed_from=post.closed_from,
                issues=post.issues,
            )
        except errors.CopConnectError as refused:
            return refused
        return self._append_entry(post, self._ends.get(c, found.end))

    def _after_others(self, post: Post, standing: SenderState) -> SenderState:
        header, c = post.message.header, post.conversation_id
        if last := self._chains.get((c, header.sender)):
            standing = replace(standing, chain_seq=last.chain_seq, chain_hash=last.header_hash)
        used, key = self._used.get((c, header.key_id), 0), standing.key
        if used and key is not None:
            standing = replace(
                standing, key=NamedKey(key.epoch, key.created_ms, key.messages + used)
            )
        return standing

    def _append_entry(self, post: Post, end: LogEnd) -> NewEntry:
        header, c = post.message.header, post.conversation_id
        entry = NewEntry(
            conversation_id=c,
            seq=Seq(end.seq + 1),
            message_id=header.message_id.hex(),
            device=header.sender,
            person_id=post.caller.person_id,
            sent_ms=self._now_ms,
            epoch=header.epoch,
            named_epoch=max(end.named_epoch, header.epoch),
            key_id=header.key_id,
            header_hash=post.message.header_hash,
            before_hash=end.hash,
            log_hash=next_log_hash(end.hash, post.message.header_hash),
            message=post.message.data,
            chain_seq=header.seq,
            state=post.state,
            quiet=post.quiet,
            calls_all=post.flash or post.everybody,
            kind=post.kind,
            marked=post.marked,
        )
        self.entries.append(entry)
        self._ends[c] = LogEnd(entry.seq, entry.log_hash, entry.named_epoch)
        self._taken[c, header.message_id] = entry
        self._chains[c, header.sender] = entry
        self._used[c, header.key_id] = self._used.get((c, header.key_id), 0) + 1
        return entry


def _repeated(post: Post, before: NewEntry) -> _Outcome:
    """Return what to answer a message whose id one of this transaction has."""
    if before.device != post.message.header.sender:
        return errors.MessageInvalid(rule="D6", reason="message id is taken")
    if before.header_hash != post.message.header_hash:
        return errors.NotNext(seq=before.chain_seq)
    return AlreadyAccepted(wire.Accepted(seq=before.seq, sent_ms=before.sent_ms))


def _is_pressing(order: wire.OrderTerms | wire.OrderChange | None) -> bool:
    """Return whether an order, or the change of one, goes out before the officer course."""
    match order:
        case None:
            return False
        case wire.OrderTerms():
            return order.priority == "flash"
        case wire.OrderChange():
            return True
