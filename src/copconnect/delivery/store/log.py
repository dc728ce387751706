"""Statements on the log, and on the positions of each device's messages in it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import msgspec
from prometheus_client import Counter
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import upsert_for
from copconnect.delivery.rules.deletion import MarkedMessage
from copconnect.delivery.rules.roster_plan import PlacedLeaf
from copconnect.delivery.store import leaves
from copconnect.delivery.store.tables import (
    CHAINS,
    CONVERSATIONS,
    HELD_MESSAGES,
    KEYS,
    LEAVES,
    LOG,
)
from copconnect.ids import ConversationId, MessageId, PersonId, Seq
from copconnect.records.conversation.message import SIGNED_HEADER_BYTES, MessageKind

ENTRIES = Counter("copconnect_entries", "Messages taken into the log by this process")
PAGE_BYTES = 4 * 1024 * 1024  # A log page is cut there.
_E = LOG.c


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A message that was judged, with its place in the log."""

    conversation_id: ConversationId
    seq: Seq
    message_id: str
    device: bytes
    person_id: PersonId
    sent_ms: int
    epoch: int
    named_epoch: int
    key_id: bytes
    header_hash: bytes
    before_hash: bytes  # L of the seq before.
    log_hash: bytes  # L of this seq.
    message: bytes
    chain_seq: int  # The header's own seq.
    state: bool
    quiet: bool
    calls_all: bool
    kind: MessageKind
    marked: MessageId | None


@dataclass(frozen=True, slots=True)
class ReadableMessage:
    """A message of the log with what its readers must be given beside it."""

    entry: wire.LogEntry
    device: bytes
    person_id: PersonId
    epoch: int
    named_epoch: int  # The highest up to and with this one.
    key_id: bytes
    before_hash: bytes  # L of the seq before.
    message_id: MessageId
    kind: MessageKind
    marked: MessageId | None

    def without_body(self) -> Self:
        """Return its header and signature alone."""
        bare = self.entry.message[:SIGNED_HEADER_BYTES]
        return replace(self, entry=msgspec.structs.replace(self.entry, message=bare))


# --- Writing ----------------------------------------------------------------------------------

_INSERT = insert(LOG)
_COLUMNS = tuple(column.name for column in LOG.columns)
_MOVE = (
    update(CONVERSATIONS)
    .where(CONVERSATIONS.c.conversation_id == bindparam("p_conversation_id"))
    .values(
        last_seq=bindparam("p_seq"),
        log_hash=bindparam("p_log_hash"),
        named_epoch=bindparam("p_named_epoch"),
        last_message_ms=bindparam("p_sent_ms"),
        state_seq=func.coalesce(bindparam("p_state_seq", type_=CONVERSATIONS.c.state_seq.type),
                                CONVERSATIONS.c.state_seq),
        info_number=CONVERSATIONS.c.info_number
        + bindparam("p_states", type_=CONVERSATIONS.c.info_number.type),
    )
)  # fmt: skip
_USE_KEY = (
    update(KEYS)
    .where(
        KEYS.c.conversation_id == bindparam("p_conversation_id"),
        KEYS.c.key_id == bindparam("p_key_id"),
    )
    .values(
        messages=KEYS.c.messages + bindparam("p_messages", type_=KEYS.c.messages.type),
        last_seq=bindparam("p_seq"),
    )
)


def append(connection: Connection, entries: Sequence[NewEntry]) -> None:
    """Write messages of conversations that the transaction holds, in order. Four statements."""
    if not entries:
        return
    connection.execute(
        _INSERT, [{name: getattr(one, name) for name in _COLUMNS} for one in entries]
    )
    newest = {one.conversation_id: one for one in entries}
    states = {one.conversation_id: one.seq for one in entries if one.state}
    connection.execute(
        _MOVE,
        [
            {
                "p_conversation_id": c,
                "p_seq": one.seq,
                "p_log_hash": one.log_hash,
                "p_named_epoch": one.named_epoch,
                "p_sent_ms": one.sent_ms,
                "p_state_seq": states.get(c),
                "p_states": int(c in states),
            }
            for c, one in sorted(newest.items())
        ],
    )
    chains = {(one.conversation_id, one.device): one for one in entries}
    connection.execute(
        _chain(connection.dialect.name),
        [
            {
                "conversation_id": c,
                "device": device,
                "seq": one.chain_seq,
                "header": one.message[:SIGNED_HEADER_BYTES],
                "header_hash": one.header_hash,
            }
            for (c, device), one in sorted(chains.items())
        ],
    )
    used: dict[tuple[ConversationId, bytes], tuple[int, Seq]] = {}
    for one in entries:
        key = one.conversation_id, one.key_id
        used[key] = used.get(key, (0, one.seq))[0] + 1, one.seq
    connection.execute(
        _USE_KEY,
        [
            {"p_conversation_id": c, "p_key_id": key_id, "p_messages": count, "p_seq": seq}
            for (c, key_id), (count, seq) in sorted(used.items())
        ],
    )
    ENTRIES.inc(len(entries))


def _chain(dialect: str) -> Any:
    if dialect not in _CHAINS:
        statement = upsert_for(dialect, CHAINS)
        new = statement.excluded
        _CHAINS[dialect] = statement.on_conflict_do_update(
            index_elements=[CHAINS.c.conversation_id, CHAINS.c.device],
            set_={"seq": new.seq, "header": new.header, "header_hash": new.header_hash},
        )
    return _CHAINS[dialect]


_CHAINS: dict[str, Any] = {}  # Built once: building costs more than executing.


async def marked(
    connection: AsyncConnection, conversation_id: ConversationId, message_id: MessageId
) -> MarkedMessage | None:
    """Return a message that another one marks; None: the log has it no more, or never had."""
    size = func.length(_E.message)
    query = select(_E.seq, _E.person_id, _E.sent_ms, _E.kind, size.label("size")).where(
        _E.conversation_id == conversation_id, _E.message_id == message_id
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return MarkedMessage(
        Seq(row.seq),
        PersonId(row.person_id),
        row.sent_ms,
        kept=row.kind != MessageKind.PLAIN,
        dropped=row.size == SIGNED_HEADER_BYTES,
    )


async def drop_words(
    connection: AsyncConnection, conversation_id: ConversationId, message_id: MessageId
) -> None:
    """Keep header and signature alone of a message and of its edits."""
    await connection.execute(
        update(LOG)
        .where(*_with_edits(conversation_id, message_id))
        .values(message=func.substr(_E.message, 1, SIGNED_HEADER_BYTES))
    )


async def hold_words(
    connection: AsyncConnection, conversation_id: ConversationId, message_id: MessageId
) -> None:
    """Copy a message and its edits to where no reader of the log finds them."""
    whole = select(_E.conversation_id, _E.seq, _E.message).where(
        *_with_edits(conversation_id, message_id), func.length(_E.message) > SIGNED_HEADER_BYTES
    )
    await connection.execute(insert(HELD_MESSAGES).from_select(list(whole.selected_columns), whole))


def _with_edits(
    conversation_id: ConversationId, message_id: MessageId
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    edits = and_(_E.marked == message_id, _E.kind == MessageKind.EDIT)
    return _E.conversation_id == conversation_id, or_(_E.message_id == message_id, edits)


# --- Reading ----------------------------------------------------------------------------------


def _entry(row: Row[Any]) -> ReadableMessage:
    return ReadableMessage(
        wire.LogEntry(
            conversation_id=row.conversation_id,
            seq=row.seq,
            sent_ms=row.sent_ms,
            message=row.message,
        ),
        row.device,
        row.person_id,
        row.epoch,
        row.named_epoch,
        row.key_id,
        row.before_hash,
        row.message_id,
        MessageKind(row.kind),
        row.marked,
    )


async def page(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    *,
    from_ms: int,
    after: int | None,
    before: int | None,
    limit: int,
) -> tuple[list[ReadableMessage], bool]:
    """Return entries accepted at or after a time, ascending: the first after a seq, or the newest
    before one; at most ``limit`` and PAGE_BYTES.

    The second value says whether the page was cut. Sizes are read first, so that a page of large
    messages never comes into memory whole.
    """
    within = [_E.conversation_id == conversation_id, _E.sent_ms >= from_ms]
    order = _E.seq.asc()
    if before is not None:
        within.append(_E.seq < before)
        order = _E.seq.desc()
    if after is not None:
        within.append(_E.seq > after)
    sizes = (
        await connection.execute(
            select(_E.seq, func.length(_E.message)).where(*within).order_by(order).limit(limit + 1)
        )
    ).all()
    count = fits([length for _, length in sizes], limit)
    if not count:
        return [], False
    first, last = sorted((sizes[0][0], sizes[count - 1][0]))
    query = select(LOG).where(*within, _E.seq.between(first, last)).order_by(_E.seq)
    rows = await connection.execute(query)
    return [_entry(row) for row in rows], len(sizes) > count


def fits(sizes: Sequence[int], limit: int) -> int:
    """Return how many of the entries of these sizes fit a page: at least one, if there is one."""
    size = 0
    for at, length in enumerate(sizes[:limit]):
        size += length
        if size > PAGE_BYTES and at:
            return at
    return min(len(sizes), limit)


async def between(
    connection: AsyncConnection, conversation_id: ConversationId, after: int, upto: int, limit: int
) -> list[ReadableMessage]:
    """Return the first entries with after < seq ≤ upto, at most ``limit`` and PAGE_BYTES."""
    within = (_E.conversation_id == conversation_id, _E.seq > after, _E.seq <= upto)
    sizes = (
        await connection.execute(
            select(_E.seq, func.length(_E.message)).where(*within).order_by(_E.seq).limit(limit)
        )
    ).all()
    count = fits([length for _, length in sizes], limit)
    if not count:
        return []
    query = select(LOG).where(*within, _E.seq <= sizes[count - 1][0]).order_by(_E.seq)
    return [_entry(row) for row in await connection.execute(query)]


async def newest(
    connection: AsyncConnection, conversation_id: ConversationId, after: int, upto: int, limit: int
) -> list[ReadableMessage]:
    """Return the newest entries with after < seq ≤ upto, ascending, without a gap."""
    query = (
        select(LOG)
        .where(_E.conversation_id == conversation_id, _E.seq > after, _E.seq <= upto)
        .order_by(_E.seq.desc())
        .limit(limit)
    )
    found: list[ReadableMessage] = []
    for row in await connection.execute(query):
        if found and row.seq != found[-1].entry.seq - 1:
            break  # A state that outlived trimming.
        found.append(_entry(row))
    return found[::-1]


async def named_before(
    connection: AsyncConnection, conversation_id: ConversationId, seq: int
) -> int:
    """Return the highest epoch that an entry before this seq names; 0: none is left."""
    found = await connection.scalar(
        select(_E.named_epoch)
        .where(_E.conversation_id == conversation_id, _E.seq < seq)
        .order_by(_E.seq.desc())
        .limit(1)
    )
    return found or 0


@dataclass(frozen=True, slots=True)
class LogView:
    """The end of the log, and the leaf of the device that reads it."""

    leaf: PlacedLeaf
    last_seq: Seq
    log_hash: bytes


async def view(
    connection: AsyncConnection, conversation_id: ConversationId, device: bytes
) -> LogView | None:
    """Return how far the log goes for a device; None unless the newest head lists it."""
    c, own = CONVERSATIONS.c, LEAVES.c
    row = (
        await connection.execute(
            select(c.last_seq, c.log_hash, *leaves.PLACED)
            .join(LEAVES, own.conversation_id == c.conversation_id)
            .where(
                c.conversation_id == conversation_id,
                own.device == device,
                own.to_epoch.is_(None),
            )
        )
    ).first()
    return None if row is None else LogView(leaves.placed(row), row.last_seq, row.log_hash)


async def at(
    connection: AsyncConnection, conversation_id: ConversationId, seq: int
) -> ReadableMessage | None:
    """Return one entry."""
    query = select(LOG).where(_E.conversation_id == conversation_id, _E.seq == seq)
    row = (await connection.execute(query)).first()
    return None if row is None else _entry(row)


async def chain_end(
    connection: AsyncConnection, conversation_id: ConversationId, device: bytes
) -> bytes | None:
    """Return header ‖ signature of a device's last accepted message."""
    found: bytes | None = await connection.scalar(
        select(CHAINS.c.header).where(
            CHAINS.c.conversation_id == conversation_id, CHAINS.c.device == device
        )
    )
    return found
