"""Messages into the log, several in one transaction.

Invariants: a message is answered, and announced, only after the transaction that holds it has
committed; the messages of one transaction are accepted in the order they came. What waits while a
transaction runs goes together into the next one (nobody waits for company). There a refusal is
found by reading alone, before anything of that message is written; if anything else goes wrong the
transaction is rolled back and each of its messages is tried again in one of its own, so that none
fails for another.

SQLite has one writer, so messages are judged and written one by one. PostgreSQL has writers side by
side: all conversations of a batch are held first, so that what is read next is newer than the rows'
locks, and judged and written by a few statements for all. A message whose conversation another
writer holds does not keep the others waiting: it goes alone, beside the next batch.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from copconnect import errors, wire
from copconnect.delivery import log_store, rules, standing_store, store, together_store
from copconnect.delivery.parts import Parts, wakeup_of, wakeups_of
from copconnect.delivery.standing import KnownEntry
from copconnect.delivery.standing_store import FoundStanding
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
        self._apart: set[asyncio.Task[None]] = set()

    async def accept(self, post: Post) -> wire.Accepted:
        """Append a message, or raise the rule that refuses it."""
        if post.body.attachment_ids:
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
                lambda connection: (
                    [_append(connection, post, now_ms) for post in posts]
                    if connection.dialect.name == "sqlite"
                    else _append_held(connection, posts, now_ms)
                )
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
            elif outcome is None:
                task = asyncio.create_task(self._accept_apart(one))
                self._apart.add(task)
                task.add_done_callback(self._apart.discard)
            else:
                _answer(one, _accepted(outcome))

    async def _accept_apart(self, waiting: _Waiting) -> None:
        try:
            _answer(waiting, await self._accept_alone(waiting.post))
        except asyncio.CancelledError:
            waiting.answer.cancel()
            raise
        except Exception as error:
            _fail(waiting, error)


def _answer(waiting: _Waiting, accepted: wire.Accepted) -> None:
    if not waiting.answer.done():  # Who asked may have gone.
        waiting.answer.set_result(accepted)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)


def _append(connection: Connection, post: Post, now_ms: int) -> _Outcome:
    """Judge, then write: a refusal leaves nothing behind. Only where there is one writer."""
    try:
        _judge(_standing(connection, post, advanced=False), post)
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
    _judge(_standing(connection, post, advanced=True), post)
    return seq


def _append_held(
    connection: Connection, posts: Sequence[Post], now_ms: int
) -> list[_Outcome | None]:
    """Hold, judge and write all; None for a message whose conversation is held by another."""
    heads = together_store.hold_free(connection, {post.conversation_id for post in posts})
    standings = together_store.standings(
        connection,
        [
            (p.caller, p.conversation_id, CellId(p.body.cell_id), EntryId(p.body.entry_id))
            for p in posts
        ],
    )
    taken: dict[tuple[ConversationId, str], wire.LogEntry] = {}
    outcomes: list[_Outcome | None] = []
    for post, found in zip(posts, standings, strict=True):
        if post.conversation_id not in heads:
            outcomes.append(None)
            continue
        key = (post.conversation_id, post.body.entry_id)
        try:
            _judge(found, post, taken.get(key))
        except (errors.CopConnectError, AlreadyAccepted) as refused:
            outcomes.append(refused)
            continue
        heads[post.conversation_id] = Seq(heads[post.conversation_id] + 1)
        taken[key] = _entry(post, heads[post.conversation_id], now_ms)
        outcomes.append(taken[key])
    if taken:
        moved = {conversation_id for conversation_id, _ in taken}
        together_store.move(connection, {one: heads[one] for one in sorted(moved)}, now_ms)
        log_store.add_entries_at_once(connection, list(taken.values()))
    return outcomes


def _standing(connection: Connection, post: Post, *, advanced: bool) -> FoundStanding | None:
    return standing_store.standing_at_once(
        connection,
        post.conversation_id,
        CellId(post.body.cell_id),
        post.caller,
        EntryId(post.body.entry_id),
        advanced=advanced,
    )


def _judge(found: FoundStanding | None, post: Post, before: wire.LogEntry | None = None) -> None:
    """Raise what forbids a message. ``before``: one of this transaction with the same id."""
    if found is None:
        raise errors.NotMember
    standing, known, _suite = found
    if before is not None:
        known = KnownEntry(before.seq, before.sent_ms, before.epoch, before.kind, before.sender)
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
