"""Statements on cells: their rosters, groups, pending Removes, join leases and Welcomes."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.delivery.standing import CellLeaf, CellState
from copconnect.delivery.store import upsert
from copconnect.delivery.tables import (
    CELL_GROUPS,
    CELLS,
    CERTIFICATES,
    PENDING_REMOVALS,
    ROSTER_LEAVES,
    WELCOME_CLIENTS,
    WELCOMES,
)
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, Seq

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
            "lease_client": None,
            "lease_until_ms": 0,
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
) -> list[CellState]:
    """Return the cells of conversations with their trees."""
    rows = await connection.execute(
        select(CELLS, CELL_GROUPS.c.leaves)
        .select_from(CELLS.outerjoin(CELL_GROUPS, CELL_GROUPS.c.cell_id == CELLS.c.cell_id))
        .where(CELLS.c.conversation_id.in_(conversation_ids))
        .order_by(CELLS.c.cell_id)
    )
    return [
        CellState(
            conversation_id=row.conversation_id,
            cell_id=row.cell_id,
            epoch=row.epoch,
            leaves=[] if row.leaves is None else _LEAVES.decode(row.leaves),
        )
        for row in rows
    ]


async def drop_cells(connection: AsyncConnection, cell_ids: Collection[CellId]) -> None:
    """Delete cells whose group nobody is left to continue, with everything that hangs on them."""
    for table in (CELLS, CELL_GROUPS, PENDING_REMOVALS, WELCOMES, WELCOME_CLIENTS):
        await connection.execute(delete(table).where(table.c.cell_id.in_(cell_ids)))


async def set_clients(connection: AsyncConnection, counts: dict[CellId, int]) -> None:
    """Store how many clients the roster names for each cell."""
    if counts:
        await connection.execute(
            update(CELLS).where(CELLS.c.cell_id == _p("cell")).values(clients=_p("clients")),
            [{"p_cell": cell_id, "p_clients": clients} for cell_id, clients in counts.items()],
        )


async def set_epoch(connection: AsyncConnection, cell_id: CellId, epoch: Epoch) -> None:
    """The cell's commit was accepted: new epoch, no Removes, no lease."""
    await connection.execute(
        update(CELLS)
        .where(CELLS.c.cell_id == cell_id)
        .values(epoch=epoch, removals=0, lease_client=None, lease_until_ms=0)
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
    connection: AsyncConnection, cell_id: CellId, client_id: ClientId, until_ms: int
) -> None:
    """Give the join lease to a client; the conversation's row must be held."""
    await connection.execute(
        update(CELLS)
        .where(CELLS.c.cell_id == cell_id)
        .values(lease_client=client_id, lease_until_ms=until_ms)
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
        .values(removals=count, lease_client=None, lease_until_ms=0)
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


# --- Roster leaves ----------------------------------------------------------------------------


async def leaves_in(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> dict[ConversationId, list[wire.RosterLeaf]]:
    """Return the roster leaves of conversations."""
    r = ROSTER_LEAVES.c
    rows = await connection.execute(
        select(ROSTER_LEAVES)
        .where(r.conversation_id.in_(conversation_ids))
        .order_by(r.cell_id, r.certificate_hash)
    )
    found: dict[ConversationId, list[wire.RosterLeaf]] = {}
    for row in rows:
        found.setdefault(row.conversation_id, []).append(
            wire.RosterLeaf(
                cell_id=row.cell_id,
                certificate_hash=row.certificate_hash,
                client_id=row.client_id,
                person_id=row.person_id,
            )
        )
    return found


async def certificates_of(
    connection: AsyncConnection, conversation_id: ConversationId
) -> dict[str, bytes]:
    """Return the certificates of a conversation's roster by hash."""
    rows = await connection.execute(
        select(CERTIFICATES.c.certificate_hash, CERTIFICATES.c.certificate)
        .join(ROSTER_LEAVES, ROSTER_LEAVES.c.certificate_hash == CERTIFICATES.c.certificate_hash)
        .where(ROSTER_LEAVES.c.conversation_id == conversation_id)
    )
    return {row.certificate_hash: row.certificate for row in rows}


async def cells_of_client(
    connection: AsyncConnection, conversation_id: ConversationId, client_id: ClientId
) -> set[CellId]:
    """Return the cells for which the roster names a client."""
    r = ROSTER_LEAVES.c
    rows = await connection.execute(
        select(r.cell_id).where(r.conversation_id == conversation_id, r.client_id == client_id)
    )
    return {row.cell_id for row in rows}


async def conversations_with_clients(
    connection: AsyncConnection, client_ids: Collection[ClientId]
) -> list[ConversationId]:
    """Return the conversations whose rosters name any of these clients."""
    r = ROSTER_LEAVES.c
    rows = await connection.execute(
        select(r.conversation_id).where(r.client_id.in_(client_ids)).distinct()
    )
    return [row.conversation_id for row in rows]


async def change_leaves(
    connection: AsyncConnection,
    added: Sequence[tuple[ConversationId, wire.RosterLeaf]],
    removed: Sequence[tuple[ConversationId, wire.RosterLeaf]],
    certificates: dict[str, bytes],
) -> None:
    """Delete and insert roster leaves, and keep the certificates they name."""
    if removed:
        r = ROSTER_LEAVES.c
        await connection.execute(
            delete(ROSTER_LEAVES).where(
                r.conversation_id == _p("conversation"),
                r.cell_id == _p("cell"),
                r.certificate_hash == _p("hash"),
            ),
            [
                {"p_conversation": c, "p_cell": leaf.cell_id, "p_hash": leaf.certificate_hash}
                for c, leaf in removed
            ],
        )
    if certificates:
        await connection.execute(
            upsert(connection, CERTIFICATES).on_conflict_do_nothing(),
            [
                {"certificate_hash": name, "certificate": der}
                for name, der in sorted(certificates.items())
            ],
        )
    if added:
        await connection.execute(
            insert(ROSTER_LEAVES),
            [
                {
                    "conversation_id": c,
                    "cell_id": leaf.cell_id,
                    "certificate_hash": leaf.certificate_hash,
                    "client_id": leaf.client_id,
                    "person_id": leaf.person_id,
                }
                for c, leaf in added
            ],
        )


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
