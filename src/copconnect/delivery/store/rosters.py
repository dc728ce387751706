"""Statements on cell lines and signed heads."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import chunks
from copconnect.delivery.rules.messages import NamedHead
from copconnect.delivery.store.tables import CELL_LINES, CONVERSATIONS, HEADS
from copconnect.ids import CellId, ConversationId
from copconnect.records.conversation.roster import CellLine

_I, _H = CELL_LINES.c, HEADS.c
Lines = list[CellLine]


@dataclass(frozen=True, slots=True)
class CurrentCell:
    """A cell's line under a head, and the latest history_from of its leaves."""

    line: CellLine
    latest_history_from: int


def _cell(row: Any) -> CurrentCell:
    line = CellLine(bytes.fromhex(row.cell_id), row.devices, row.rekey_epoch, row.root)
    return CurrentCell(line, row.latest_history_ms)


async def current_cells(
    connection: AsyncConnection,
    conversation_ids: Collection[ConversationId],
    cell_ids: Collection[CellId] | None = None,
) -> dict[ConversationId, list[CurrentCell]]:
    """Return the cells under the newest heads, ascending by cell; ``cell_ids``: these alone."""
    found: dict[ConversationId, list[CurrentCell]] = {one: [] for one in conversation_ids}
    for some in chunks(conversation_ids):
        query = (
            select(
                _I.conversation_id,
                _I.cell_id,
                _I.devices,
                _I.rekey_epoch,
                _I.root,
                _I.latest_history_ms,
            )
            .where(_I.conversation_id.in_(some), _I.to_epoch.is_(None))
            .order_by(_I.conversation_id, _I.cell_id)
        )
        if cell_ids is not None:
            query = query.where(among(_I.cell_id, cell_ids))
        for row in await connection.execute(query):
            found[row.conversation_id].append(_cell(row))
    return found


async def current_lines(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    cell_ids: Collection[CellId] | None = None,
) -> Lines:
    """Return the lines of the same cells of one conversation."""
    found = await current_cells(connection, [conversation_id], cell_ids)
    return [one.line for one in found[conversation_id]]


async def lines_between(
    connection: AsyncConnection, epochs: Mapping[ConversationId, tuple[int, int]]
) -> dict[ConversationId, list[tuple[CurrentCell, int, int | None]]]:
    """Return the cells of every head between two epochs of each conversation, with the intervals of
    their lines, ascending by cell. One statement for each 100 conversations."""
    found: dict[ConversationId, list[tuple[CurrentCell, int, int | None]]] = {}
    for some in chunks(epochs.items(), 100):
        overlaps = [
            (_I.conversation_id == c)
            & (_I.from_epoch <= last)
            & or_(_I.to_epoch.is_(None), _I.to_epoch > first)
            for c, (first, last) in some
        ]
        rows = await connection.execute(
            select(CELL_LINES).where(or_(*overlaps)).order_by(_I.cell_id)
        )
        for row in rows:
            one = (_cell(row), row.from_epoch, row.to_epoch)
            found.setdefault(row.conversation_id, []).append(one)
    return found


NewCell = tuple[ConversationId, int, CurrentCell]
_CLOSE = (
    update(CELL_LINES)
    .where(
        _I.conversation_id == bindparam("p_conversation_id"),
        _I.cell_id == bindparam("p_cell_id"),
        _I.to_epoch.is_(None),
    )
    .values(to_epoch=bindparam("p_epoch"))
)


async def close_lines(
    connection: AsyncConnection, ended: Iterable[tuple[ConversationId, CellId, int]]
) -> None:
    """End the current lines of these cells with an epoch."""
    rows = [
        {"p_conversation_id": c, "p_cell_id": cell_id, "p_epoch": epoch}
        for c, cell_id, epoch in ended
    ]
    if rows:
        await connection.execute(_CLOSE, rows)


async def open_lines(connection: AsyncConnection, begun: Iterable[NewCell]) -> None:
    """Begin lines with an epoch."""
    rows = [
        {
            "conversation_id": c,
            "cell_id": cell.line.cell_id.hex(),
            "from_epoch": epoch,
            "to_epoch": None,
            "devices": cell.line.devices,
            "rekey_epoch": cell.line.rekey_epoch,
            "root": cell.line.root,
            "latest_history_ms": cell.latest_history_from,
        }
        for c, epoch, cell in begun
    ]
    if rows:
        await connection.execute(insert(CELL_LINES), rows)


# --- Heads ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A signed head."""

    conversation_id: ConversationId
    epoch: int
    head: bytes
    hash: bytes
    created_ms: int


async def add_heads(connection: AsyncConnection, heads: Collection[KeptHead]) -> None:
    """Keep signed heads."""
    names = ("conversation_id", "epoch", "head", "hash", "created_ms")
    rows = [{name: getattr(one, name) for name in names} for one in heads]
    await connection.execute(insert(HEADS), rows)


async def heads_at(
    connection: AsyncConnection, wanted: Collection[tuple[ConversationId, int]]
) -> dict[tuple[ConversationId, int], KeptHead]:
    """Return those of these heads that are kept."""
    found: dict[tuple[ConversationId, int], KeptHead] = {}
    for some in chunks(wanted):
        rows = await connection.execute(
            select(_H.conversation_id, _H.epoch, _H.head, _H.hash, _H.created_ms).where(
                tuple_(_H.conversation_id, _H.epoch).in_(some)
            )
        )
        found |= {(row.conversation_id, row.epoch): KeptHead(*row) for row in rows}
    return found


async def newest_heads(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> dict[ConversationId, KeptHead]:
    """Return the newest head of each of these conversations."""
    c = CONVERSATIONS.c
    found: dict[ConversationId, KeptHead] = {}
    for some in chunks(conversation_ids):
        rows = await connection.execute(
            select(c.conversation_id, c.roster_epoch, c.head, c.head_hash, c.head_ms).where(
                c.conversation_id.in_(some)
            )
        )
        found |= {row.conversation_id: KeptHead(*row) for row in rows}
    return found


def until(head_hash: bytes, created_ms: int, until_ms: int | None, *, newest: bool) -> NamedHead:
    """Return a head as rules judge it. ``until_ms``: when the head of the next epoch came.

    A new incarnation skips epochs (rosters/incarnation.py): a head that is not the newest and has
    no next one counts no more.
    """
    return NamedHead(head_hash, created_ms, None if newest else until_ms or 0)


async def named_head(
    connection: AsyncConnection, conversation_id: ConversationId, epoch: int
) -> NamedHead | None:
    """Return the head of an epoch as the rules of records need it: its hash, and when the next
    one came."""
    following, c = HEADS.alias(), CONVERSATIONS.c
    row = (
        await connection.execute(
            select(_H.hash, _H.created_ms, following.c.created_ms.label("until_ms"), c.roster_epoch)
            .join(CONVERSATIONS, c.conversation_id == _H.conversation_id)
            .outerjoin(
                following,
                (following.c.conversation_id == _H.conversation_id)
                & (following.c.epoch == _H.epoch + 1),
            )
            .where(_H.conversation_id == conversation_id, _H.epoch == epoch)
        )
    ).first()
    if row is None:
        return None
    newest = epoch == row.roster_epoch
    return until(row.hash, row.created_ms, row.until_ms, newest=newest)


async def all_ids(connection: AsyncConnection, after: str, limit: int) -> list[ConversationId]:
    """Return ids of conversations, ascending, after one of them."""
    c = CONVERSATIONS.c
    query = select(c.conversation_id).where(c.conversation_id > after)
    found = await connection.scalars(query.order_by(c.conversation_id).limit(limit))
    return [ConversationId(one) for one in found]
