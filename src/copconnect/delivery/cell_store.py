"""Statements on cells: their groups, pending Removes, join leases and Welcomes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.standing import CellLeaf, CellRow
from copconnect.delivery.store import upsert
from copconnect.delivery.tables import (
    CELL_GROUPS,
    CELLS,
    MISSING_SEALS,
    PENDING_REMOVALS,
    WELCOME_CLIENTS,
    WELCOMES,
)
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, Seq

_NO_LEASE: dict[str, Any] = {
    "lease_client": None,
    "lease_until_ms": 0,
    "lease_since_ms": 0,
    "lease_asked_ms": 0,
}
_LEAVES = msgspec.msgpack.Decoder(list[CellLeaf])


# --- Cells ------------------------------------------------------------------------------------


async def add_cells(
    connection: AsyncConnection, cells: Iterable[tuple[ConversationId, CellId, int]]
) -> None:
    """Insert unfounded cells as (conversation, cell, clients)."""
    rows = [
        {
            "cell_id": cell_id,
            "conversation_id": conversation_id,
            "epoch": None,
            "removals": 0,
            "clients": clients,
            **_NO_LEASE,
            "last_seq": 0,
            "key_id": None,
            "previous_key_id": None,
            "previous_until_ms": 0,
        }
        for conversation_id, cell_id, clients in cells
    ]
    if rows:
        await connection.execute(insert(CELLS), rows)


async def cell_taken(connection: AsyncConnection, cell_id: CellId) -> bool:
    """Return whether a cell id is in use."""
    found = await connection.scalar(select(CELLS.c.cell_id).where(CELLS.c.cell_id == cell_id))
    return found is not None


async def cells_in(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> dict[ConversationId, dict[CellId, CellRow]]:
    """Return the cells of conversations."""
    c = CELLS.c
    rows = await connection.execute(
        select(c.conversation_id, c.cell_id, c.epoch, c.clients).where(
            c.conversation_id.in_(conversation_ids)
        )
    )
    found: dict[ConversationId, dict[CellId, CellRow]] = {}
    for row in rows:
        found.setdefault(row.conversation_id, {})[row.cell_id] = CellRow(*row)
    return found


async def trees_of(
    connection: AsyncConnection, cell_ids: Collection[CellId]
) -> dict[CellId, list[CellLeaf]]:
    """Return the leaves in the MLS trees of cells that have been founded."""
    g = CELL_GROUPS.c
    rows = await connection.execute(select(g.cell_id, g.leaves).where(g.cell_id.in_(cell_ids)))
    return {row.cell_id: _LEAVES.decode(row.leaves) for row in rows}


async def drop_cells(
    connection: AsyncConnection,
    cell_ids: Collection[CellId],
    successors: Mapping[CellId, CellId],
) -> None:
    """Delete cells whose group nobody is left to continue, with everything that hangs on them.

    Seals that are missing for a cell with a successor are missing for that one from now on.
    """
    if successors:
        await connection.execute(
            update(MISSING_SEALS)
            .where(MISSING_SEALS.c.cell_id == _p("cell"))
            .values(cell_id=_p("successor")),
            [{"p_cell": one, "p_successor": other} for one, other in successors.items()],
        )
    for table in (CELLS, CELL_GROUPS, PENDING_REMOVALS, WELCOMES, WELCOME_CLIENTS, MISSING_SEALS):
        await connection.execute(delete(table).where(table.c.cell_id.in_(cell_ids)))


async def set_clients(
    connection: AsyncConnection, cells: Iterable[tuple[CellId, int, Seq]]
) -> None:
    """Store how many clients the roster names for each cell, and its newest own entry (0: as it
    was), as (cell, clients, seq)."""
    rows = [{"p_cell": c, "p_clients": clients, "p_seq": seq} for c, clients, seq in cells]
    if rows:
        newest = case((_p("seq") > CELLS.c.last_seq, _p("seq")), else_=CELLS.c.last_seq)
        await connection.execute(
            update(CELLS)
            .where(CELLS.c.cell_id == _p("cell"))
            .values(clients=_p("clients"), last_seq=newest),
            rows,
        )


async def set_epoch(
    connection: AsyncConnection,
    cell_id: CellId,
    epoch: Epoch,
    seq: Seq,
    *,
    key_id: bytes | None = None,
    previous_until_ms: int | None = None,
) -> None:
    """The cell's commit was accepted at ``seq``: new epoch and key, no Removes, no lease.

    The old key stays good until ``previous_until_ms``, or not at all.
    """
    await connection.execute(
        update(CELLS)
        .where(CELLS.c.cell_id == cell_id)
        .values(
            epoch=epoch,
            removals=0,
            **_NO_LEASE,
            last_seq=seq,
            key_id=key_id,
            previous_key_id=None if previous_until_ms is None else CELLS.c.key_id,
            previous_until_ms=previous_until_ms or 0,
        )
    )


async def store_group(
    connection: AsyncConnection, cell_id: CellId, group_info: bytes, leaves: Sequence[CellLeaf]
) -> None:
    """Replace the cell's group info and tree leaves."""
    values = {"group_info": group_info, "leaves": msgspec.msgpack.encode(leaves)}
    statement = upsert(connection, CELL_GROUPS).values(cell_id=cell_id, **values)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[CELL_GROUPS.c.cell_id], set_=values)
    )


async def group_of(
    connection: AsyncConnection, cell_id: CellId
) -> tuple[bytes, list[CellLeaf]] | None:
    """Return the cell's group info and leaves."""
    row = (
        await connection.execute(
            select(CELL_GROUPS.c.group_info, CELL_GROUPS.c.leaves).where(
                CELL_GROUPS.c.cell_id == cell_id
            )
        )
    ).first()
    return None if row is None else (row.group_info, _LEAVES.decode(row.leaves))


async def take_lease(
    connection: AsyncConnection, cell_id: CellId, client_id: ClientId, now_ms: int, until_ms: int
) -> None:
    """Give the join lease to a client; the conversation's row must be held."""
    in_a_row = case((CELLS.c.lease_client == client_id, CELLS.c.lease_since_ms), else_=now_ms)
    await connection.execute(
        update(CELLS)
        .where(CELLS.c.cell_id == cell_id)
        .values(lease_client=client_id, lease_until_ms=until_ms, lease_since_ms=in_a_row)
    )


async def turned_away(
    connection: AsyncConnection, cell_id: CellId, client_id: ClientId, now_ms: int
) -> None:
    """Remember that a client waits for the join lease of another."""
    await connection.execute(
        update(CELLS)
        .where(CELLS.c.cell_id == cell_id, CELLS.c.lease_client != client_id)
        .values(lease_asked_ms=now_ms)
    )


# --- Pending Removes --------------------------------------------------------------------------


async def add_removals(
    connection: AsyncConnection, removals: Sequence[tuple[CellId, int]], now_ms: int
) -> None:
    """Record leaves that wait for their Remove, and count them on their cells."""
    if not removals:
        return
    await connection.execute(
        insert(PENDING_REMOVALS),
        [{"cell_id": c, "leaf_index": i, "created_ms": now_ms} for c, i in removals],
    )
    count = (
        select(func.count()).where(PENDING_REMOVALS.c.cell_id == CELLS.c.cell_id).scalar_subquery()
    )
    await connection.execute(
        update(CELLS)
        .where(CELLS.c.cell_id.in_({cell_id for cell_id, _ in removals}))
        .values(removals=count, **_NO_LEASE)
    )


async def removals_of(
    connection: AsyncConnection, cell_ids: Collection[CellId]
) -> set[tuple[CellId, int]]:
    """Return (cell, leaf index) of the leaves that wait for their Remove."""
    rows = await connection.execute(
        select(PENDING_REMOVALS.c.cell_id, PENDING_REMOVALS.c.leaf_index).where(
            PENDING_REMOVALS.c.cell_id.in_(cell_ids)
        )
    )
    return {(row.cell_id, row.leaf_index) for row in rows}


async def oldest_removal_ms(connection: AsyncConnection, cell_id: CellId) -> int | None:
    """When the cell's oldest pending Remove was written, ms; None when there is none."""
    query = select(func.min(PENDING_REMOVALS.c.created_ms)).where(
        PENDING_REMOVALS.c.cell_id == cell_id
    )
    found: int | None = (await connection.execute(query)).scalar()
    return found


async def clear_removals(connection: AsyncConnection, cell_id: CellId) -> None:
    """Forget a cell's pending Removes."""
    await connection.execute(delete(PENDING_REMOVALS).where(PENDING_REMOVALS.c.cell_id == cell_id))


def _p(name: str) -> Any:
    return bindparam(f"p_{name}")


# --- Welcomes ---------------------------------------------------------------------------------


async def add_welcome(
    connection: AsyncConnection,
    cell_id: CellId,
    epoch: Epoch,
    seq: Seq,
    welcome: bytes,
    clients: Collection[ClientId],
    now_ms: int,
) -> None:
    """Store one Welcome for several clients, replacing what each had for this cell."""
    await connection.execute(
        insert(WELCOMES).values(cell_id=cell_id, seq=seq, welcome=welcome, created_ms=now_ms)
    )
    await drop_welcomes(connection, clients, cell_id)
    await connection.execute(
        insert(WELCOME_CLIENTS),
        [{"cell_id": cell_id, "client_id": c, "epoch": epoch, "seq": seq} for c in sorted(clients)],
    )


async def welcome_of(
    connection: AsyncConnection, cell_id: CellId, client_id: ClientId
) -> wire.PendingWelcome | None:
    """Return a client's pending Welcome to a cell."""
    w = WELCOME_CLIENTS.c
    row = (
        await connection.execute(
            select(w.epoch, w.seq, WELCOMES.c.welcome)
            .join(WELCOMES, (WELCOMES.c.cell_id == w.cell_id) & (WELCOMES.c.seq == w.seq))
            .where(w.cell_id == cell_id, w.client_id == client_id)
        )
    ).first()
    if row is None:
        return None
    return wire.PendingWelcome(cell_id=cell_id, epoch=row.epoch, seq=row.seq, welcome=row.welcome)


async def drop_welcomes(
    connection: AsyncConnection, clients: Collection[ClientId], cell_id: CellId | None = None
) -> None:
    """Forget pending Welcomes of clients, for one cell or for all."""
    w = WELCOME_CLIENTS.c
    statement = delete(WELCOME_CLIENTS).where(w.client_id.in_(clients))
    if cell_id is not None:
        statement = statement.where(w.cell_id == cell_id)
    await connection.execute(statement)


async def drop_orphaned_welcomes(connection: AsyncConnection, before_ms: int) -> None:
    """Delete Welcomes that no client waits for any more, or that are older than a time."""
    waiting = (
        select(WELCOME_CLIENTS.c.client_id)
        .where(
            WELCOME_CLIENTS.c.cell_id == WELCOMES.c.cell_id,
            WELCOME_CLIENTS.c.seq == WELCOMES.c.seq,
        )
        .exists()
    )
    await connection.execute(delete(WELCOMES).where((WELCOMES.c.created_ms < before_ms) | ~waiting))
