"""POST …/messages: messages into the log, several in one transaction (``GroupCommit``).

Signature and hash are checked before a message waits for its transaction; a person's standing
limits are counted in memory, so that a message costs no statement for them.

Invariants: the messages of one transaction are accepted in the order they came, so seq, log hash
and each sender's chain have no gap. A message is never delayed to fill a batch. A refusal is found
by reading alone, before anything of that message is written. After a crash each device that was not
answered sends the same bytes again (D6).
"""

from collections.abc import Sequence

import msgspec

from copconnect import errors, wire
from copconnect.audit.acts import ConversationExported
from copconnect.bus import EntryWakeup
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.log import deleting
from copconnect.delivery.log.appending import (
    AlreadyAccepted,
    NewMessage,
    Outcome,
    append,
    append_alone,
)
from copconnect.delivery.rosters.sending_rights import SendingRights
from copconnect.delivery.rules.messages import read_message
from copconnect.delivery.store import conversations, members
from copconnect.delivery.store.log import NewEntry
from copconnect.group_commit import GroupCommit
from copconnect.ids import ConversationId, MessageId
from copconnect.principals import AcceptedMessage, Caller, Requirement
from copconnect.records.conversation.message import MessageKind
from copconnect.rights import WHOLE

MOST_TOGETHER = 64
_ENCODER = msgspec.msgpack.Encoder()


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
        """Raise Sanctioned where a sanction is why the leaf lacks the right to send; where the leaf
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
