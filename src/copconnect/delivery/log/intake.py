"""POST …/messages: messages into the log, several in one transaction.

:class:`MessageIntake` counts a person's limits in memory, so that a message costs no statement for
them, and checks signature and hash before a message waits for its transaction. :class:`Accepting`
collects the messages that arrive while a transaction runs (``GroupCommit``) and publishes what was
committed. :func:`append` judges the messages of a transaction in order and writes them.

SQLite has one writer, so the messages of a batch are read one by one. PostgreSQL has writers side
by side: all conversations of a batch are held first, and what a few statements read then is newer
than the rows' locks. A message whose conversation another writer holds does not keep the others
waiting: it goes alone, beside the next batch.

Invariants: the messages of one transaction are accepted in the order they came, so seq, log hash
and each sender's chain have no gap. A message is never delayed to fill a batch. A refusal is found
by reading alone, before anything of that message is written. After a crash each device that was not
answered sends the same bytes again (D6).
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
from copconnect.delivery.rosters.sending_rights import SendingRights
from copconnect.delivery.rules.messages import (
    NamedKey,
    SenderState,
    SignedMessage,
    check_message,
    check_repeat,
    read_message,
)
from copconnect.delivery.rules.rights import ISSUE
from copconnect.delivery.store import log, members, senders
from copconnect.delivery.store.log import NewEntry
from copconnect.delivery.store.senders import FoundSender, LogEnd
from copconnect.group_commit import GroupCommit
from copconnect.ids import ConversationId, MessageId, Seq
from copconnect.limits import EVERYBODY_DEVICES
from copconnect.principals import AcceptedMessage, Caller, Requirement
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
class NewMessage:
    """A message that a device asks to append; its bytes and its signature have been checked."""

    caller: Caller
    conversation_id: ConversationId
    message: SignedMessage
    body: wire.SendMessage
    only_admins: bool = False
    closed_from: int | None = None
    """Conversations of at least so many members take nothing from the caller (D1)."""

    @property
    def flash(self) -> bool:
        """Whether it is a flash order."""
        return isinstance(order := self.body.order, wire.OrderTerms) and order.priority == "flash"

    @property
    def issues(self) -> LeafRights | None:
        """The right that an order needs."""
        order = self.body.order
        return ISSUE[order.priority] if isinstance(order, wire.OrderTerms) else None

    @property
    def for_admins(self) -> bool:
        """Whether only an admin of the conversation may send it."""
        return self.body.state or self.flash or self.only_admins

    @property
    def kind(self) -> MessageKind:
        """The kind in its header; KEPT if the request declares an order, a state or the like."""
        body = self.body
        declared = body.state or body.quiet or bool(body.order or body.exported)
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
        body = self.body
        other = body.order or self.marked or body.exported
        return bool(other or body.attachment_ids or body.wakes)


Outcome = NewEntry | errors.CopConnectError | AlreadyAccepted


class MessageIntake:
    """Takes messages from devices."""

    def __init__(self, deps: DeliveryDependencies, rights: SendingRights) -> None:
        self._deps = deps
        self._rights = rights
        limits = deps.options.limits
        self._large_from = deps.options.large_from
        self._exports = deps.options.exports
        self._accepting = Accepting(deps)
        self._message_limit = deps.rates.limit(
            "messages_per_minute", limits.messages_per_minute, limits.messages_burst
        )
        self._byte_limit = deps.rates.limit(
            "bytes_per_minute", limits.bytes_per_minute, limits.bytes_per_minute
        )
        self._export_limit = deps.rates.limit(
            "exports_per_hour", limits.exports_per_hour / 60, limits.exports_per_hour
        )

    async def accept(
        self, caller: Caller, conversation_id: ConversationId, body: wire.SendMessage
    ) -> wire.Accepted:
        """Append a message to the log (D1). A repeat of the same bytes answers what the first did.

        Raises MessageInvalid, NotMember, MayNotSend, Sanctioned, NotAdmin, TrainingRequired,
        StaleHead, StaleKey, NotNext, RateLimited, AttachmentIncomplete; with an order OrderInvalid,
        MayNotIssue, NotFound. A mark that edits or deletes a message (M2, M3): MessageInvalid,
        NotAdmin. A message that tells of an export: NotAdmin, ExportsOff.
        """
        self._message_limit.spend(caller.person_id)
        self._byte_limit.spend(caller.person_id, len(body.message))
        if body.exported is not None:
            if self._exports == "nobody":
                raise errors.ExportsOff
            self._export_limit.spend(caller.person_id)
        message = read_message(
            body.message, bytes.fromhex(conversation_id), caller.device, caller.public_key
        )
        new = NewMessage(
            caller,
            conversation_id,
            message,
            body,
            only_admins=body.exported is not None and self._exports == "admins",
            closed_from=self._closed_from(caller, body),
        )
        try:
            return await self._accepting.accept(new)
        except errors.MayNotSend:
            await self._rights.explain_sending(caller.person_id, conversation_id)
            raise
        except errors.MayNotIssue:
            if isinstance(body.order, wire.OrderTerms):
                priority = body.order.priority
                await self._rights.explain_issuing(caller.person_id, conversation_id, priority)
            raise

    def _closed_from(self, caller: Caller, body: wire.SendMessage) -> int | None:
        """Return from how many members conversations are closed to the caller, None for none. A
        flash order goes out whatever its issuer owes, and an order is always corrected and
        withdrawn."""
        if Requirement.TRAINING not in caller.outstanding or _is_pressing(body.order):
            return None
        return self._large_from()


class Accepting:
    """Takes messages into the log."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps
        self._commits = GroupCommit(self._commit, MOST_TOGETHER)

    async def accept(self, new: NewMessage) -> wire.Accepted:
        """Append a message, or raise the rule that refuses it."""
        accepted = None if new.alone else await self._commits.write(new)
        return accepted or await self._accept_alone(new)

    async def _accept_alone(self, new: NewMessage) -> wire.Accepted:
        deps, body, now_ms = self._deps, new.body, self._deps.clock.now_ms()
        try:
            if new.alone:
                async with deps.database.transaction() as connection:
                    entry = await connection.run_sync(append_alone, new, now_ms)
                    if body.attachment_ids:
                        await deps.attachments.ready(
                            connection, body.attachment_ids, new.conversation_id, entry.seq
                        )
                    await deleting.apply_mark(connection, deps, entry)
                    if body.order is not None:
                        await deps.orders.accepted(connection, _accepted(entry), body.order)
                    if body.wakes:
                        muted = members.muted(
                            entry.conversation_id, entry.person_id, now_ms, body.wakes
                        )
                        await deps.pushes.call(connection, entry.conversation_id, entry.seq, muted)
                    connection.after_commit(wakeup_of(entry))
                    if body.exported is not None:
                        done = _export_of(entry, body.exported)
                        await deps.audit.record(connection, new.caller, done, WHOLE)
            else:
                entry = await deps.database.write_at_once(
                    lambda connection: append_alone(connection, new, now_ms),
                    lambda entry: [wakeup_of(entry)],
                )
        except AlreadyAccepted as already:
            return already.accepted
        return wire.Accepted(seq=entry.seq, sent_ms=entry.sent_ms)

    async def _commit(
        self, messages: Sequence[NewMessage]
    ) -> list[wire.Accepted | Exception | None]:
        now_ms = self._deps.clock.now_ms()
        outcomes = await self._deps.database.write_at_once(
            lambda connection: append(connection, messages, now_ms), _wakeups_of
        )
        return [_answer(outcome) for outcome in outcomes]


def _answer(outcome: Outcome | None) -> wire.Accepted | Exception | None:
    match outcome:
        case NewEntry():
            return wire.Accepted(seq=outcome.seq, sent_ms=outcome.sent_ms)
        case AlreadyAccepted():
            return outcome.accepted
        case _:
            return outcome


def _wakeups_of(outcomes: Sequence[Outcome | None]) -> list[EntryWakeup]:
    return [wakeup_of(outcome) for outcome in outcomes if isinstance(outcome, NewEntry)]


def _accepted(entry: NewEntry) -> AcceptedMessage:
    return AcceptedMessage(
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
        deletes=entry.kind == MessageKind.DELETION,
        frame=_ENCODER.encode(frame),
    )


def _is_pressing(order: wire.OrderTerms | wire.OrderChange | None) -> bool:
    """Return whether an order, or the change of one, goes out before the officer course."""
    match order:
        case None:
            return False
        case wire.OrderTerms():
            return order.priority == "flash"
        case wire.OrderChange():
            return True


# --- Judging and writing, inside one transaction ----------------------------------------------


def append_alone(connection: Connection, new: NewMessage, now_ms: int) -> NewEntry:
    """Judge and write one message, whose conversation is awaited. Raises the rule that refuses it,
    or AlreadyAccepted."""
    if connection.dialect.name != "sqlite":
        senders.hold(connection, new.conversation_id)
    found = senders.one(connection, new.conversation_id, new.message)
    outcome = _Batch(now_ms).judge(new, found)
    if not isinstance(outcome, NewEntry):
        raise outcome
    log.append(connection, [outcome])
    return outcome


def append(
    connection: Connection, messages: Sequence[NewMessage], now_ms: int
) -> list[Outcome | None]:
    """Judge the messages of one transaction in order, and write the accepted ones. Returns an
    outcome for each; None: another writer holds the message's conversation."""
    asked = [(new.conversation_id, new.message) for new in messages]
    if connection.dialect.name == "sqlite":
        free = {new.conversation_id for new in messages}
        found = [senders.one(connection, *one) for one in asked]
    else:
        free = senders.hold_free(connection, {new.conversation_id for new in messages})
        found = senders.many(connection, asked)
    batch = _Batch(now_ms)
    outcomes: list[Outcome | None] = []
    for new, one in zip(messages, found, strict=True):
        # No writer holds a conversation that does not exist: judge() refuses its message.
        held = one is None or new.conversation_id in free
        outcomes.append(batch.judge(new, one) if held else None)
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

    def judge(self, new: NewMessage, found: FoundSender | None) -> Outcome:
        """Return the log entry of a message, the first answer to a repeat, or the error."""
        if found is None:
            return errors.NotMember()
        header, c = new.message.header, new.conversation_id
        try:
            if before := self._taken.get((c, header.message_id)):
                return _repeated(new, before)
            if known := found.before:
                check_repeat(new.message, known)
                return AlreadyAccepted(wire.Accepted(seq=known.seq, sent_ms=known.sent_ms))
            standing = self._after_others(new, found.standing)
            check_message(
                new.message,
                standing,
                self._now_ms,
                for_admins=new.for_admins,
                admins_above=EVERYBODY_DEVICES if new.body.everybody else None,
                closed_from=new.closed_from,
                issues=new.issues,
            )
        except errors.CopConnectError as refused:
            return refused
        return self._append_entry(new, self._ends.get(c, found.end))

    def _after_others(self, new: NewMessage, standing: SenderState) -> SenderState:
        header, c = new.message.header, new.conversation_id
        if last := self._chains.get((c, header.sender)):
            standing = replace(standing, chain_seq=last.chain_seq, chain_hash=last.header_hash)
        used, key = self._used.get((c, header.key_id), 0), standing.key
        if used and key is not None:
            standing = replace(
                standing, key=NamedKey(key.epoch, key.created_ms, key.messages + used)
            )
        return standing

    def _append_entry(self, new: NewMessage, end: LogEnd) -> NewEntry:
        header, c = new.message.header, new.conversation_id
        entry = NewEntry(
            conversation_id=c,
            seq=Seq(end.seq + 1),
            message_id=header.message_id.hex(),
            device=header.sender,
            person_id=new.caller.person_id,
            sent_ms=self._now_ms,
            epoch=header.epoch,
            named_epoch=max(end.named_epoch, header.epoch),
            key_id=header.key_id,
            header_hash=new.message.header_hash,
            before_hash=end.hash,
            log_hash=next_log_hash(end.hash, new.message.header_hash),
            message=new.message.data,
            chain_seq=header.seq,
            state=new.body.state,
            quiet=new.body.quiet,
            calls_all=new.flash or new.body.everybody,
            kind=new.kind,
            marked=new.marked,
        )
        self.entries.append(entry)
        self._ends[c] = LogEnd(entry.seq, entry.log_hash, entry.named_epoch)
        self._taken[c, header.message_id] = entry
        self._chains[c, header.sender] = entry
        self._used[c, header.key_id] = self._used.get((c, header.key_id), 0) + 1
        return entry


def _repeated(new: NewMessage, before: NewEntry) -> Outcome:
    """Return what to answer a message whose id one of this transaction has."""
    if before.device != new.message.header.sender:
        return errors.MessageInvalid(rule="D6", reason="message id is taken")
    if before.header_hash != new.message.header_hash:
        return errors.NotNext(seq=before.chain_seq)
    return AlreadyAccepted(wire.Accepted(seq=before.seq, sent_ms=before.sent_ms))
