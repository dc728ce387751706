"""Statements of planning: the planned seq of conversations, and pushes into the queue."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    String,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import upsert_for
from copconnect.database.given import GivenRows
from copconnect.ids import ConversationId, PersonId
from copconnect.push.ports import PushConversations
from copconnect.push.store import PLANNED, QUEUE, QUEUED, SUBSCRIPTIONS

_S, _Q, _P = SUBSCRIPTIONS.c, QUEUE.c, PLANNED.c


class NewestMessage(NamedTuple):
    """The newest message of a conversation for which devices are woken. ``sender``: None where
    several people sent the messages before it."""

    conversation_id: ConversationId
    seq: int
    sender: PersonId | None
    kind: str


_ASKED = GivenRows(
    "p_asked", {"conversation_id": String, "seq": BigInteger, "sender": String, "kind": String}
)


async def planned(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> dict[ConversationId, int]:
    """Return up to which seq pushes of these conversations were planned."""
    rows = await connection.execute(
        select(PLANNED).where(among(_P.conversation_id, conversation_ids))
    )
    return {ConversationId(row.conversation_id): row.seq for row in rows}


async def set_planned(
    connection: AsyncConnection, planned_to: Mapping[ConversationId, int]
) -> None:
    """Remember up to which seq pushes of these conversations were planned; never back."""
    await connection.execute(
        _planning(connection.dialect.name),
        [{"conversation_id": one, "seq": seq} for one, seq in sorted(planned_to.items())],
    )


@cache
def _planning(dialect: str) -> Any:
    statement = upsert_for(dialect, PLANNED)
    new = statement.excluded.seq
    return statement.on_conflict_do_update(
        index_elements=[_P.conversation_id], set_={"seq": new}, where=new > _P.seq
    )


def enqueuing(dialect: str, conversations: PushConversations, *, calls_all: bool) -> Any:
    """Return the statement that queues a push for each subscribed device that is ``behind`` one of
    the messages (``NewestMessage``), if the device has received the message of its last push, or
    got that push before ``p_again_ms``. A message that calls everybody is pushed to each
    device that got no push about it. Other parameters: those of ``behind``."""
    asked = _ASKED.clause(dialect)
    found = conversations.behind(asked, calls_all=calls_all).subquery()
    known = QUEUE.alias("known")
    now_ms = bindparam("p_now_ms", type_=BigInteger())
    # A push that is due may be under way: were its row about a newer message by the time it is
    # taken, the row would stay due and wake the device twice.
    waits = and_(
        found.c.delivered_seq < known.c.seq,
        or_(
            known.c.due_ms.is_not(None),
            known.c.sent_ms >= bindparam("p_again_ms", type_=BigInteger()),
        ),
    )
    if calls_all:
        waits = known.c.seq >= asked.c.seq
    rows = (
        select(
            *(asked.c.conversation_id, _S.client_id, asked.c.seq, asked.c.kind, _S.origin),
            *(now_ms.label("queued_ms"), now_ms.label("due_ms"), literal(0)),
        )
        .select_from(found)
        .join(asked, asked.c.conversation_id == found.c.conversation_id)
        .join(SUBSCRIPTIONS, _S.client_id == found.c.client_id)
        .outerjoin(
            known,
            and_(
                known.c.conversation_id == found.c.conversation_id,
                known.c.client_id == found.c.client_id,
            ),
        )
        .where(or_(known.c.client_id.is_(None), ~waits))
        .order_by(asked.c.conversation_id, _S.client_id)  # As _keyed.
    )
    statement = upsert_for(dialect, QUEUE).from_select(QUEUED, rows)
    new = statement.excluded
    # A row that is due already keeps its turn and its attempts.
    return statement.on_conflict_do_update(
        index_elements=[_Q.conversation_id, _Q.client_id],
        set_={
            "seq": new.seq,
            "kind": case((or_(_Q.due_ms.is_(None), literal(calls_all)), new.kind), else_=_Q.kind),
            "origin": new.origin,
            "queued_ms": case((_Q.due_ms.is_(None), new.queued_ms), else_=_Q.queued_ms),
            "attempts": case((_Q.due_ms.is_(None), 0), else_=_Q.attempts),
            "due_ms": func.coalesce(_Q.due_ms, new.due_ms),
        },
    )


async def enqueue(
    connection: AsyncConnection,
    statement: Any,
    asked: Sequence[NewestMessage],
    within: tuple[str, str],
    now_ms: int,
    again_ms: int,
) -> int:
    """Queue pushes by a statement of :func:`enqueuing` for messages of different conversations, for
    devices with ids ``within`` these. Return how many. One statement."""
    rows = _ASKED.values(connection.dialect.name, asked)
    within_ids = {"p_from": within[0], "p_to": within[1]}
    done = await connection.execute(
        statement, rows | within_ids | {"p_now_ms": now_ms, "p_again_ms": again_ms}
    )
    found: int = done.rowcount
    return found
