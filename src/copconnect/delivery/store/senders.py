"""The rights of devices in the conversations that they send to, read in one statement; the lock on
a conversation's row, which gives its messages their order across all processes.

It is the statement of every message, so it is built once: building costs more than executing. On
PostgreSQL one statement reads the standings of a whole batch, whose conversations are held first,
so that the rows that are read are newer than the rows' locks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    LargeBinary,
    Row,
    Select,
    String,
    and_,
    bindparam,
    func,
    select,
)
from sqlalchemy.sql import column

from copconnect.delivery.rules.messages import (
    AcceptedBefore,
    NamedKey,
    SenderState,
    SignedMessage,
)
from copconnect.delivery.store import rosters
from copconnect.delivery.store.tables import CHAINS, CONVERSATIONS, HEADS, KEYS, LEAVES, LOG
from copconnect.ids import ConversationId
from copconnect.records.conversation.roster import LeafRights

_C, _E, _L = CONVERSATIONS.c, LOG.c, LEAVES.c
_NEXT = HEADS.alias("next_head")
_NAMES: tuple[tuple[str, Any], ...] = (
    ("conversation_id", String),
    ("device", LargeBinary),
    ("message_id", String),
    ("key_id", LargeBinary),
    ("epoch", BigInteger),
)


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The end of a conversation's log."""

    seq: int
    hash: bytes
    named_epoch: int


@dataclass(frozen=True, slots=True)
class FoundSender:
    """A device's standing, the log's end, and the message that was accepted before, if any."""

    standing: SenderState
    end: LogEnd
    before: AcceptedBefore | None


def _statement(asked: dict[str, ColumnElement[Any]], source: FromClause) -> Select[Any]:
    same = _C.conversation_id
    return (
        select(
            _C.last_seq,
            _C.log_hash,
            _C.named_epoch,
            _C.roster_epoch,
            _C.rekey_epoch,
            _C.members,
            _L.rights,
            _L.from_epoch,
            HEADS.c.hash.label("head_hash"),
            HEADS.c.epoch.label("head_epoch"),
            HEADS.c.created_ms.label("head_created_ms"),
            _NEXT.c.created_ms.label("head_until_ms"),
            KEYS.c.epoch.label("key_epoch"),
            KEYS.c.created_ms.label("key_created_ms"),
            KEYS.c.messages.label("key_messages"),
            CHAINS.c.seq.label("chain_seq"),
            CHAINS.c.header_hash.label("chain_hash"),
            _E.seq.label("known_seq"),
            _E.sent_ms.label("known_sent_ms"),
            _E.device.label("known_device"),
            _E.header_hash.label("known_hash"),
        )
        .select_from(source)
        .outerjoin(
            LEAVES,
            and_(_L.conversation_id == same, _L.device == asked["device"], _L.to_epoch.is_(None)),
        )
        .outerjoin(HEADS, and_(HEADS.c.conversation_id == same, HEADS.c.epoch == asked["epoch"]))
        .outerjoin(
            _NEXT, and_(_NEXT.c.conversation_id == same, _NEXT.c.epoch == asked["epoch"] + 1)
        )
        .outerjoin(KEYS, and_(KEYS.c.conversation_id == same, KEYS.c.key_id == asked["key_id"]))
        .outerjoin(
            CHAINS, and_(CHAINS.c.conversation_id == same, CHAINS.c.device == asked["device"])
        )
        .outerjoin(LOG, and_(_E.conversation_id == same, _E.message_id == asked["message_id"]))
        .where(_C.conversation_id == asked["conversation_id"])
    )


_ONE = _statement(
    {name: bindparam(f"p_{name}", type_=kind()) for name, kind in _NAMES}, CONVERSATIONS
)
_ASKED = (
    func.unnest(*(bindparam(f"p_{name}", type_=ARRAY(kind)) for name, kind in _NAMES))
    .table_valued(
        *(column(name, kind) for name, kind in _NAMES), with_ordinality="place", name="asked"
    )
    .render_derived()
)
_MANY = _statement(
    {name: _ASKED.c[name] for name, _ in _NAMES},
    _ASKED.join(CONVERSATIONS, _C.conversation_id == _ASKED.c.conversation_id),
).add_columns(_ASKED.c.place)
_HOLD = (
    select(_C.conversation_id)
    .where(_C.conversation_id == func.any(bindparam("p_ids", type_=ARRAY(String))))
    .order_by(_C.conversation_id)
    .with_for_update(skip_locked=True, key_share=True)
)
_HOLD_ONE = (
    select(_C.conversation_id)
    .where(_C.conversation_id == bindparam("p_id"))
    .with_for_update(key_share=True)
)


def hold_free(
    connection: Connection, conversation_ids: Collection[ConversationId]
) -> set[ConversationId]:
    """Lock those conversations that no other transaction holds; return them. PostgreSQL."""
    return set(connection.scalars(_HOLD, {"p_ids": sorted(conversation_ids)}))


def hold(connection: Connection, conversation_id: ConversationId) -> None:
    """Lock one conversation, waiting for it."""
    connection.execute(_HOLD_ONE, {"p_id": conversation_id})


def _values(conversation_id: ConversationId, message: SignedMessage) -> tuple[Any, ...]:
    header = message.header
    return (
        conversation_id,
        header.sender,
        header.message_id.hex(),
        header.key_id,
        header.epoch,
    )


def one(
    connection: Connection, conversation_id: ConversationId, message: SignedMessage
) -> FoundSender | None:
    """Return what a message's sender may do; None for no such conversation."""
    values = zip(_NAMES, _values(conversation_id, message), strict=True)
    row = connection.execute(_ONE, {f"p_{name}": value for (name, _), value in values}).first()
    return None if row is None else _read(row)


def many(
    connection: Connection, asked: Sequence[tuple[ConversationId, SignedMessage]]
) -> list[FoundSender | None]:
    """Return what :func:`one` does for each, in the same order. One statement; PostgreSQL."""
    found: list[FoundSender | None] = [None] * len(asked)
    columns = zip(*(_values(c, message) for c, message in asked), strict=True)
    values = {f"p_{name}": list(own) for (name, _), own in zip(_NAMES, columns, strict=True)}
    for row in connection.execute(_MANY, values):
        found[row.place - 1] = _read(row)
    return found


def _read(row: Row[Any]) -> FoundSender:
    standing = SenderState(
        rights=None if row.rights is None else LeafRights(row.rights),
        listed_since=row.from_epoch or 0,
        roster_epoch=row.roster_epoch,
        rekey_epoch=row.rekey_epoch,
        members=row.members,
        head=None
        if row.head_hash is None
        else rosters.until(
            row.head_hash,
            row.head_created_ms,
            row.head_until_ms,
            newest=row.head_epoch == row.roster_epoch,
        ),
        key=None
        if row.key_epoch is None
        else NamedKey(row.key_epoch, row.key_created_ms, row.key_messages),
        chain_seq=row.chain_seq or 0,
        chain_hash=row.chain_hash or b"",
    )
    before = None
    if row.known_seq is not None:
        before = AcceptedBefore(row.known_seq, row.known_sent_ms, row.known_device, row.known_hash)
    return FoundSender(standing, LogEnd(row.last_seq, row.log_hash, row.named_epoch), before)
