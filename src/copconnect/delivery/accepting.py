"""Messages into the log, several in one transaction on SQLite.

Invariants: a message is answered, and announced, only after the transaction that holds it has
committed; messages are accepted in the order they came. What waits while a transaction runs goes
together into the next one (nobody waits for company). There a refusal is found by reading alone,
before anything of that message is written; if anything else goes wrong the transaction is rolled
back and each of its messages is tried again in one of its own, so that none fails for another.
PostgreSQL has writers side by side and commits them together by itself: there each message is a
transaction, which takes the seq first, so that what it reads next is newer than the row's lock.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from copconnect import errors, wire
from copconnect.delivery import log_store, rules, store
from copconnect.delivery.parts import Parts, wakeup_of, wakeups_of
from copconnect.delivery.standing import KnownEntry
from copconnect.ids import AttachmentId, CellId, ConversationId, EntryId, Epoch, Seq
from copconnect.principals import Caller

MOST_TOGETHER = 64


class AlreadyAccepted(Exception):
    """Leaves the transaction, undoing it, with what was answered the first time."""

    def __init__(self, accepted: wire.Accepted) -> None:
        super().__init__()
        self.accepted = accepted


def check_known(known: KnownEntry | None, caller: Caller, kind: wire.EntryKind) -> None:
    """Raise AlreadyAccepted for an entry of this caller's, BadRequest for a foreign one."""
    if known is None:
        return
    if known.sender != caller.client_id or known.kind != kind:
        raise errors.BadRequest(reason="entry_id is taken")
    epoch = (known.epoch or 0) + (1 if kind == "commit" else 0)
    raise AlreadyAccepted(wire.Accepted(seq=known.seq, sent_ms=known.sent_ms, epoch=Epoch(epoch)))


@dataclass(frozen=True, slots=True)
class Post:
    """A message that somebody asks to append; its bytes have been checked."""

    caller: Caller
    conversation_id: ConversationId
    body: wire.PostMessage


@dataclass(frozen=True, slots=True)
class _Waiting:
    post: Post
    answer: asyncio.Future[wire.Accepted] = field(default_factory=asyncio.Future)


_Outcome = wire.LogEntry | errors.CopConnectError | AlreadyAccepted


class Accepting:
    """Takes messages into the log."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def accept(self, post: Post) -> wire.Accepted:
        """Append a message, or raise the rule that refuses it."""
        if post.body.attachment_ids or not self._parts.database.is_sqlite:
            return await self._accept_alone(post)
        waiting = _Waiting(post)
        self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await waiting.answer

    async def _accept_alone(self, post: Post) -> wire.Accepted:
        parts, now_ms = self._parts, self._parts.clock.now_ms()
        attachment_ids = [AttachmentId(one) for one in post.body.attachment_ids]
        try:
            if attachment_ids:
                async with parts.database.transaction() as connection:
                    seq = await connection.run_sync(_advance_and_judge, post, now_ms)
                    await parts.attachments.ready(connection, attachment_ids, post.conversation_id)
                    entry = _entry(post, seq, now_ms)
                    await log_store.add_entries(connection, [entry])
            else:
                entry = await parts.database.write_at_once(
                    lambda connection: _append_alone(connection, post, now_ms)
                )
        except AlreadyAccepted as already:
            return already.accepted
        await parts.bus.publish([wakeup_of(entry)])
        return _accepted(entry)

    # --- Together -------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            while self._waiting:
                count = min(MOST_TOGETHER, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(count)]
                try:
                    await self._accept_together(batch)
                except Exception as error:
                    for one in batch:
                        _fail(one, error)
                except BaseException:
                    for one in (*batch, *self._waiting):
                        one.answer.cancel()
                    self._waiting.clear()
                    raise
        finally:
            self._task = None

    async def _accept_together(self, batch: Sequence[_Waiting]) -> None:
        now_ms = self._parts.clock.now_ms()
        posts = [one.post for one in batch]
        try:
            outcomes = await self._parts.database.write_at_once(
                lambda connection: [_append(connection, post, now_ms) for post in posts]
            )
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            for one in batch:
                await self._accept_together([one])
            return
        entries = [outcome for outcome in outcomes if isinstance(outcome, wire.LogEntry)]
        await self._parts.bus.publish(wakeups_of(entries))
        for one, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, errors.CopConnectError):
                _fail(one, outcome)
            elif isinstance(outcome, AlreadyAccepted):
                _answer(one, outcome.accepted)
            else:
                _answer(one, _accepted(outcome))


def _answer(waiting: _Waiting, accepted: wire.Accepted) -> None:
    if not waiting.answer.done():  # Who asked may have gone.
        waiting.answer.set_result(accepted)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)


def _append(connection: Connection, post: Post, now_ms: int) -> _Outcome:
    """Judge, then write: a refusal leaves nothing behind. Only where there is one writer."""
    try:
        _judge(connection, post, advanced=False)
    except (errors.CopConnectError, AlreadyAccepted) as refused:
        return refused
    seq = store.advance_at_once(connection, post.conversation_id, now_ms)
    if seq is None:
        raise errors.NotMember  # Cannot be: it was judged in this transaction.
    entry = _entry(post, seq, now_ms)
    log_store.add_entries_at_once(connection, [entry])
    return entry


def _append_alone(connection: Connection, post: Post, now_ms: int) -> wire.LogEntry:
    entry = _entry(post, _advance_and_judge(connection, post, now_ms), now_ms)
    log_store.add_entries_at_once(connection, [entry])
    return entry


def _advance_and_judge(connection: Connection, post: Post, now_ms: int) -> Seq:
    """Hold the conversation by taking its next seq, then judge; a refusal must roll back."""
    seq = store.advance_at_once(connection, post.conversation_id, now_ms)
    if seq is None:
        raise errors.NotMember
    _judge(connection, post, advanced=True)
    return seq


def _judge(connection: Connection, post: Post, *, advanced: bool) -> None:
    found = store.standing_at_once(
        connection,
        post.conversation_id,
        CellId(post.body.cell_id),
        post.caller,
        EntryId(post.body.entry_id),
        advanced=advanced,
    )
    if found is None:
        raise errors.NotMember
    standing, known, _suite = found
    check_known(known, post.caller, "message")
    rules.check_message(standing, post.body.epoch)


def _entry(post: Post, seq: Seq, now_ms: int) -> wire.LogEntry:
    return wire.LogEntry(
        conversation_id=post.conversation_id,
        seq=seq,
        kind="message",
        cell_id=CellId(post.body.cell_id),
        epoch=post.body.epoch,
        sender=post.caller.client_id,
        entry_id=EntryId(post.body.entry_id),
        sent_ms=now_ms,
        payload=post.body.payload,
    )


def _accepted(entry: wire.LogEntry) -> wire.Accepted:
    return wire.Accepted(seq=entry.seq, sent_ms=entry.sent_ms, epoch=entry.epoch or Epoch(0))
