"""Statements on the messages of many conversations at once, for PostgreSQL.

Three for a whole batch, and the insert into the log: hold the conversations, read how everybody
stands, move the conversations' seqs.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ARRAY, BigInteger, Connection, String, bindparam, func, select, update
from sqlalchemy.sql import column

from copconnect.delivery.standing_store import (
    AskedColumns,
    FoundStanding,
    read_standing,
    standing_of,
)
from copconnect.delivery.tables import CONVERSATIONS
from copconnect.ids import CellId, ConversationId, EntryId, Seq
from copconnect.principals import Caller

Asked = tuple[Caller, ConversationId, CellId, EntryId]

_C = CONVERSATIONS.c
_ASKED = (
    func.unnest(
        *(
            bindparam(f"p_{name}", type_=ARRAY(String))
            for name in ("conversation_id", "cell_id", "client_id", "person_id", "entry_id")
        )
    )
    .table_valued(
        *(
            column(name, String)
            for name in ("conversation_id", "cell_id", "client_id", "person_id", "entry_id")
        ),
        with_ordinality="place",
        name="asked",
    )
    .render_derived()
)
_STANDINGS = standing_of(
    AskedColumns(
        conversation_id=_ASKED.c.conversation_id,
        cell_id=_ASKED.c.cell_id,
        client_id=_ASKED.c.client_id,
        person_id=_ASKED.c.person_id,
        entry_id=_ASKED.c.entry_id,
    ),
    _ASKED.join(CONVERSATIONS, _C.conversation_id == _ASKED.c.conversation_id),
).add_columns(_ASKED.c.place)
_HOLD = (
    select(_C.conversation_id, _C.last_seq)
    .where(_C.conversation_id == func.any(bindparam("p_ids", type_=ARRAY(String))))
    .with_for_update(skip_locked=True, key_share=True)
)
_MOVED = (
    func.unnest(
        bindparam("p_ids", type_=ARRAY(String)), bindparam("p_seqs", type_=ARRAY(BigInteger))
    )
    .table_valued(column("id", String), column("seq", BigInteger), name="moved")
    .render_derived()
)
_MOVE = (
    update(CONVERSATIONS)
    .where(_C.conversation_id == _MOVED.c.id)
    .values(last_seq=_MOVED.c.seq, last_message_ms=bindparam("p_message_ms", type_=BigInteger))
)


def hold_free(
    connection: Connection, conversation_ids: Collection[ConversationId]
) -> dict[ConversationId, Seq]:
    """Lock those conversations that nobody else holds; return their newest seqs."""
    rows = connection.execute(_HOLD, {"p_ids": list(conversation_ids)})
    return {row.conversation_id: Seq(row.last_seq) for row in rows}


def standings(connection: Connection, asked: Sequence[Asked]) -> list[FoundStanding | None]:
    """Return for each what ``standing_store.standing`` returns, in the same order."""
    found: list[FoundStanding | None] = [None] * len(asked)
    values = {
        "p_conversation_id": [conversation_id for _, conversation_id, _, _ in asked],
        "p_cell_id": [cell_id for _, _, cell_id, _ in asked],
        "p_client_id": [caller.client_id for caller, _, _, _ in asked],
        "p_person_id": [caller.person_id for caller, _, _, _ in asked],
        "p_entry_id": [entry_id for _, _, _, entry_id in asked],
    }
    for row in connection.execute(_STANDINGS, values):
        found[row.place - 1] = read_standing(row)
    return found


def move(connection: Connection, heads: Mapping[ConversationId, Seq], message_ms: int) -> None:
    """Set the newest seq of conversations that this transaction holds."""
    values = {"p_ids": list(heads), "p_seqs": list(heads.values()), "p_message_ms": message_ms}
    connection.execute(_MOVE, values)
