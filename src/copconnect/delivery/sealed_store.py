"""Statements on sealed messages: how a sender stands, seals, and cells that still lack theirs.

What every message needs is built once; a message costs the same statements for any number of cells.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    LargeBinary,
    String,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database import upsert_for
from copconnect.delivery import key_store
from copconnect.delivery.sealed.message import SignedHeader
from copconnect.delivery.standing import CellKeyState, KnownEntry, KnownHead
from copconnect.delivery.tables import (
    CELLS,
    CONVERSATIONS,
    LOG_ENTRIES,
    MEMBERS,
    MISSING_SEALS,
    ROSTER_HEADS,
    ROSTER_LEAVES,
    SEALED_SEALS,
    SENDER_CHAINS,
)
from copconnect.ids import CellId, ClientId, ConversationId, Seq
from copconnect.principals import Caller

NO_HEADER = bytes(32)


def _p(name: str, kind: Any = None) -> Any:
    return bindparam(f"p_{name}", type_=kind)


# --- Posting ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SealedStanding:
    """How the sender of a sealed message stands, with the conversation's row held."""

    member: bool
    admin: bool
    placed: bool  # The roster names this very certificate of the caller's client.
    who_may_post: wire.WhoMayPost
    suite: int
    cells: int
    last_seq: Seq
    head: KnownHead  # Of the roster epoch that the header names.
    chain_seq: int
    chain_hash: bytes
    known: KnownEntry | None


_C, _E, _H = CONVERSATIONS.c, LOG_ENTRIES.c, ROSTER_HEADS.c
_FOLLOWING = ROSTER_HEADS.alias()
_ADVANCE = (
    update(CONVERSATIONS)
    .where(_C.conversation_id == _p("conversation_id"))
    .values(
        last_seq=_C.last_seq + 1,
        shared_seq=_C.last_seq + 1,
        last_message_ms=_p("now_ms", BigInteger),
    )
    .returning(_C.last_seq)
)
_PLACED = exists(
    select(literal(1)).where(
        ROSTER_LEAVES.c.conversation_id == _p("conversation_id"),
        ROSTER_LEAVES.c.client_id == _p("client_id"),
        ROSTER_LEAVES.c.certificate_hash == _p("certificate_hash"),
    )
)
_STANDING = (
    select(
        _C.who_may_post,
        _C.suite,
        _C.cells,
        _C.last_seq,
        _C.roster_epoch,
        MEMBERS.c.admin,
        _PLACED.label("placed"),
        _H.head,
        _FOLLOWING.c.created_ms.label("replaced_ms"),
        SENDER_CHAINS.c.seq.label("chain_seq"),
        SENDER_CHAINS.c.header_hash,
        _E.seq.label("known_seq"),
        _E.sent_ms,
        _E.epoch,
        _E.kind,
        _E.sender,
    )
    .select_from(CONVERSATIONS)
    .outerjoin(
        MEMBERS,
        and_(
            MEMBERS.c.conversation_id == _C.conversation_id,
            MEMBERS.c.person_id == _p("person_id"),
        ),
    )
    .outerjoin(
        ROSTER_HEADS,
        and_(_H.conversation_id == _C.conversation_id, _H.roster_epoch == _p("roster_epoch")),
    )
    .outerjoin(
        _FOLLOWING,
        and_(
            _FOLLOWING.c.conversation_id == _C.conversation_id,
            _FOLLOWING.c.roster_epoch == _p("roster_epoch", BigInteger) + 1,
        ),
    )
    .outerjoin(
        SENDER_CHAINS,
        and_(
            SENDER_CHAINS.c.conversation_id == _C.conversation_id,
            SENDER_CHAINS.c.client_id == _p("client_id"),
        ),
    )
    .outerjoin(
        LOG_ENTRIES,
        and_(_E.conversation_id == _C.conversation_id, _E.entry_id == _p("entry_id")),
    )
    .where(_C.conversation_id == _p("conversation_id"))
)
_KEY_STATES = key_store.key_states().where(CELLS.c.conversation_id == _p("conversation_id"))
_ADD_SEALS = insert(SEALED_SEALS)
_ADD_MISSING = insert(MISSING_SEALS).from_select(
    ["conversation_id", "seq", "cell_id", "sender"],
    select(
        CELLS.c.conversation_id,
        _p("seq", BigInteger),
        CELLS.c.cell_id,
        _p("sender", String),
    ).where(
        CELLS.c.conversation_id == _p("conversation_id"),
        or_(~key_store.READY, CELLS.c.cell_id.in_(bindparam("p_graced", expanding=True))),
    ),
)


def advance(connection: Connection, conversation_id: ConversationId, now_ms: int) -> Seq | None:
    """Take the next seq for an entry of every cell, holding the conversation's row."""
    values = {"p_conversation_id": conversation_id, "p_now_ms": now_ms}
    seq: int | None = connection.scalar(_ADVANCE, values)
    return None if seq is None else Seq(seq)


def standing(connection: Connection, caller: Caller, header: SignedHeader) -> SealedStanding:
    """Return how the caller stands, after :func:`advance`, whose seq is not counted."""
    row = connection.execute(
        _STANDING,
        {
            "p_conversation_id": header.conversation_id,
            "p_client_id": caller.client_id,
            "p_person_id": caller.person_id,
            "p_certificate_hash": header.sender,
            "p_roster_epoch": header.roster_epoch,
            "p_entry_id": header.message_id,
        },
    ).one()
    known = None
    if row.known_seq is not None:
        known = KnownEntry(row.known_seq, row.sent_ms, row.epoch, row.kind, row.sender)
    return SealedStanding(
        member=row.admin is not None,
        admin=bool(row.admin),
        placed=bool(row.placed),
        who_may_post=row.who_may_post,
        suite=row.suite,
        cells=row.cells,
        last_seq=Seq(row.last_seq - 1),
        head=KnownHead(row.head, row.replaced_ms, row.roster_epoch),
        chain_seq=row.chain_seq or 0,
        chain_hash=row.header_hash or NO_HEADER,
        known=known,
    )


def key_states(
    connection: Connection, conversation_id: ConversationId, now_ms: int
) -> list[CellKeyState]:
    """Return which keys of the conversation's cells are good."""
    values = {"p_conversation_id": conversation_id, **key_store.keyed_since(now_ms)}
    rows = connection.execute(_KEY_STATES, values)
    return [CellKeyState(*row) for row in rows]


def add_seals(connection: Connection, entry: wire.LogEntry, seals: bytes) -> None:
    """Keep the seals of an entry."""
    connection.execute(
        _ADD_SEALS,
        {"conversation_id": entry.conversation_id, "seq": entry.seq, "seals": seals},
    )


def add_missing(connection: Connection, entry: wire.LogEntry, graced: Collection[CellId]) -> None:
    """Remember the cells that an entry was not sealed for, which are all that need none now, and
    those that are to get another seal."""
    connection.execute(
        _ADD_MISSING,
        {
            "p_conversation_id": entry.conversation_id,
            "p_seq": entry.seq,
            "p_sender": entry.sender,
            "p_graced": list(graced),
            **key_store.keyed_since(entry.sent_ms),
        },
    )


def move_chain(connection: Connection, client_id: ClientId, header: SignedHeader) -> None:
    """The client's chain ends with this header from now on."""
    values = {"seq": header.seq, "header_hash": header.hash}
    statement = upsert_for(connection.dialect.name, SENDER_CHAINS).values(
        conversation_id=header.conversation_id, client_id=client_id, **values
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[SENDER_CHAINS.c.conversation_id, SENDER_CHAINS.c.client_id],
            set_=values,
        )
    )


async def chain(
    connection: AsyncConnection, conversation_id: ConversationId, client_id: ClientId
) -> wire.SenderChain:
    """Return where a client's chain ends."""
    s = SENDER_CHAINS.c
    row = (
        await connection.execute(
            select(s.seq, s.header_hash).where(
                s.conversation_id == conversation_id, s.client_id == client_id
            )
        )
    ).first()
    return wire.SenderChain(seq=row.seq if row else 0, prev=row.header_hash if row else NO_HEADER)


# --- Seals ------------------------------------------------------------------------------------


async def seals_of(
    connection: AsyncConnection, conversation_id: ConversationId, seqs: Collection[int]
) -> dict[Seq, bytes]:
    """Return all seals of entries, as they were uploaded, one after another."""
    s = SEALED_SEALS.c
    rows = await connection.execute(
        select(s.seq, s.seals).where(s.conversation_id == conversation_id, s.seq.in_(seqs))
    )
    return {row.seq: row.seals for row in rows}


async def replace_seals(
    connection: AsyncConnection, conversation_id: ConversationId, seq: Seq, seals: bytes
) -> None:
    """Put other seals in the place of an entry's."""
    s = SEALED_SEALS.c
    await connection.execute(
        update(SEALED_SEALS)
        .where(s.conversation_id == conversation_id, s.seq == seq)
        .values(seals=bindparam("p_seals", seals, LargeBinary))
    )


async def missing_cells(
    connection: AsyncConnection, conversation_id: ConversationId, seq: Seq, sender: ClientId
) -> set[CellId]:
    """Return the cells that still lack the seal of a sender's entry."""
    m = MISSING_SEALS.c
    asked = select(m.cell_id).where(
        m.conversation_id == conversation_id, m.seq == seq, m.sender == sender
    )
    return set(await connection.scalars(asked))


async def forget_missing(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    seq: Seq,
    cell_ids: Iterable[CellId],
) -> None:
    """These cells have their seal of an entry now."""
    m = MISSING_SEALS.c
    await connection.execute(
        delete(MISSING_SEALS).where(
            m.conversation_id == conversation_id, m.seq == seq, m.cell_id.in_(cell_ids)
        )
    )


async def wanted(
    connection: AsyncConnection, conversation_id: ConversationId, sender: ClientId, now_ms: int
) -> wire.SealsWanted:
    """Return what a sender can seal now: its entries with the cells that have a key since; and
    which of its entries have cells besides whose seals come later."""
    m = MISSING_SEALS.c
    of_sender = (
        select(m.seq)
        .join(CELLS, CELLS.c.cell_id == m.cell_id)
        .where(m.conversation_id == conversation_id, m.sender == sender)
        .order_by(m.seq)
    )
    since = key_store.keyed_since(now_ms)
    rows = await connection.execute(
        of_sender.add_columns(m.cell_id).where(key_store.READY).order_by(m.cell_id), since
    )
    found: dict[Seq, list[CellId]] = {}
    for row in rows:
        found.setdefault(row.seq, []).append(row.cell_id)
    later = await connection.scalars(of_sender.where(~key_store.READY).distinct(), since)
    return wire.SealsWanted(
        wanted=[wire.WantedSeals(seq=seq, cell_ids=cells) for seq, cells in found.items()],
        later=list(later),
    )


async def senders_missing(connection: AsyncConnection, cell_id: CellId) -> set[ClientId]:
    """Return the clients whose messages lack a cell's seal."""
    m = MISSING_SEALS.c
    return set(await connection.scalars(select(m.sender).where(m.cell_id == cell_id).distinct()))


async def senders_missing_since(
    connection: AsyncConnection, since_ms: int
) -> dict[tuple[ConversationId, CellId], set[ClientId]]:
    """Return the clients whose messages lack the seal of a cell that got its key since a time."""
    m = MISSING_SEALS.c
    rows = await connection.execute(
        select(m.conversation_id, m.cell_id, m.sender)
        .join(CELLS, CELLS.c.cell_id == m.cell_id)
        .where(key_store.READY)
        .distinct(),
        {"p_keyed_since_ms": since_ms, "p_signer_until_ms": since_ms},
    )
    found: dict[tuple[ConversationId, CellId], set[ClientId]] = {}
    for conversation_id, cell_id, sender in rows:
        found.setdefault((conversation_id, cell_id), set()).add(sender)
    return found


async def with_missing_seals(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> set[ConversationId]:
    """Return which of these conversations have messages that lack a cell's seal, while their
    senders still belong and may bring it."""
    m, r = MISSING_SEALS.c, ROSTER_LEAVES.c
    sender_belongs = exists(
        select(literal(1)).where(r.client_id == m.sender, r.conversation_id == m.conversation_id)
    )
    asked = select(m.conversation_id).where(m.conversation_id.in_(conversation_ids))
    return set(await connection.scalars(asked.where(sender_belongs).distinct()))
