"""Judges messages in order and appends them to the log, inside one transaction.

SQLite has one writer, so the messages of a batch are read one by one. PostgreSQL has writers side
by side: all conversations of a batch are held first, and what a few statements read then is newer
than the rows' locks. A message whose conversation another writer holds does not keep the others
waiting: it goes alone, beside the next batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from copconnect import errors, wire
from copconnect.delivery.rules.messages import (
    NamedKey,
    SenderState,
    SignedMessage,
    check_message,
    check_repeat,
)
from copconnect.delivery.rules.rights import ISSUE
from copconnect.delivery.store import log, senders
from copconnect.delivery.store.log import NewEntry
from copconnect.delivery.store.senders import FoundSender, LogEnd
from copconnect.ids import ConversationId, MessageId, Seq
from copconnect.limits import EVERYBODY_DEVICES
from copconnect.principals import Caller
from copconnect.records.conversation.message import NOTHING, MessageKind, next_log_hash
from copconnect.records.conversation.roster import LeafRights


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
    """Judge and write all; None for a message whose conversation another writer holds."""
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
