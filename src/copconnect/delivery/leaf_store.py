"""Statements on roster leaves, the certificates they name, and where clients were before."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, null, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database import chunks
from copconnect.delivery.roster_tree import leaf as leaf_bytes
from copconnect.delivery.standing import ClientPlaces
from copconnect.delivery.store import upsert
from copconnect.delivery.tables import CERTIFICATES, FORMER_PLACES, ROSTER_LEAVES
from copconnect.ids import CellId, ClientId, ConversationId, Epoch, PersonId, Seq

MOST_NAMED = 500  # An edit that names more reads all leaves of its conversations instead.
Leaves = dict[ConversationId, list[wire.RosterLeaf]]


async def leaves_in(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> Leaves:
    """Return the roster leaves of conversations, in the order of their tree."""
    in_them = select(ROSTER_LEAVES).where(ROSTER_LEAVES.c.conversation_id.in_(conversation_ids))
    return await _leaves(connection, in_them)


async def leaves_of_cells(
    connection: AsyncConnection,
    conversation_ids: Collection[ConversationId],
    cell_ids: Collection[CellId],
) -> Leaves:
    """Return the roster leaves of cells of these conversations, in the order of their tree."""
    r = ROSTER_LEAVES.c
    in_them = r.conversation_id.in_(conversation_ids) & r.cell_id.in_(cell_ids)
    return await _leaves(connection, select(ROSTER_LEAVES).where(in_them))


async def leaves_named(
    connection: AsyncConnection,
    conversation_ids: Collection[ConversationId],
    clients: Collection[ClientId],
    people: Collection[PersonId] = (),
) -> Leaves:
    """Return the roster leaves of these clients, and of all clients of these people; others too
    when they are many."""
    if len(clients) + len(people) > MOST_NAMED:
        return await leaves_in(connection, conversation_ids)
    r = ROSTER_LEAVES.c
    named = or_(r.client_id.in_(clients), r.person_id.in_(people))
    in_them = select(ROSTER_LEAVES).where(r.conversation_id.in_(conversation_ids), named)
    return await _leaves(connection, in_them)


async def _leaves(connection: AsyncConnection, query: Select[Any]) -> Leaves:
    r = ROSTER_LEAVES.c
    found: Leaves = {}
    for row in await connection.execute(query.order_by(r.cell_id, r.certificate_hash)):
        leaf = wire.RosterLeaf(
            cell_id=row.cell_id,
            certificate_hash=row.certificate_hash,
            client_id=row.client_id,
            person_id=row.person_id,
        )
        found.setdefault(row.conversation_id, []).append(leaf)
    return found


async def tree_leaves_in(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> dict[ConversationId, list[bytes]]:
    """Return the leaves of the rosters' Merkle trees."""
    r = ROSTER_LEAVES.c
    rows = await connection.execute(
        select(r.conversation_id, r.cell_id, r.certificate_hash).where(
            r.conversation_id.in_(conversation_ids)
        )
    )
    found: dict[ConversationId, list[bytes]] = {one: [] for one in conversation_ids}
    for conversation_id, cell_id, certificate_hash in rows:
        found[conversation_id].append(leaf_bytes(cell_id, certificate_hash))
    return found


async def owners_in(
    connection: AsyncConnection, conversation_id: ConversationId
) -> dict[str, tuple[ClientId, PersonId]]:
    """Return whose certificates a conversation's roster names, by hash."""
    r = ROSTER_LEAVES.c
    rows = await connection.execute(
        select(r.certificate_hash, r.client_id, r.person_id).where(
            r.conversation_id == conversation_id
        )
    )
    return {row[0]: (row[1], row[2]) for row in rows}


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


async def places_of_client(
    connection: AsyncConnection, conversation_id: ConversationId, client_id: ClientId
) -> ClientPlaces:
    """Return where a client is in a conversation, and was. One statement."""
    r, f = ROSTER_LEAVES.c, FORMER_PLACES.c
    now = select(r.cell_id, null().label("until_seq")).where(
        r.conversation_id == conversation_id, r.client_id == client_id
    )
    before = select(f.cell_id, f.until_seq).where(
        f.conversation_id == conversation_id, f.client_id == client_id
    )
    rows = (await connection.execute(now.union_all(before))).all()
    return ClientPlaces(
        now=frozenset(cell_id for cell_id, until_seq in rows if until_seq is None),
        before=tuple(
            sorted((until_seq, cell_id) for cell_id, until_seq in rows if until_seq is not None)
        ),
    )


async def conversations_with_clients(
    connection: AsyncConnection, client_ids: Collection[ClientId]
) -> dict[ConversationId, set[ClientId]]:
    """Return the conversations whose rosters name any of these clients, with which of them."""
    r = ROSTER_LEAVES.c
    found: dict[ConversationId, set[ClientId]] = {}
    for part in chunks(client_ids):
        rows = await connection.execute(
            select(r.conversation_id, r.client_id).where(r.client_id.in_(part))
        )
        for conversation_id, client_id in rows:
            found.setdefault(conversation_id, set()).add(client_id)
    return found


async def change_leaves(
    connection: AsyncConnection,
    added: Sequence[tuple[ConversationId, wire.RosterLeaf]],
    removed: Sequence[tuple[ConversationId, wire.RosterLeaf]],
    certificates: dict[str, bytes],
    newcomers: Mapping[tuple[ConversationId, ClientId], Epoch],
) -> None:
    """Delete and insert roster leaves, and keep the certificates they name.

    ``newcomers``: the clients among those added that had no place, with the roster epoch that
    names them. The others keep theirs, whatever cell or certificate is another.
    """
    there = {(c, leaf.client_id) for c, leaf in added} - newcomers.keys()
    named = dict(newcomers)
    if there:
        named |= await _named_epochs(connection, there)
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
                    "named_epoch": named.get((c, leaf.client_id)),
                }
                for c, leaf in added
            ],
        )


async def _named_epochs(
    connection: AsyncConnection, places: Collection[tuple[ConversationId, ClientId]]
) -> dict[tuple[ConversationId, ClientId], Epoch]:
    """Return the roster epochs that these clients got their places with, where they are kept."""
    r = ROSTER_LEAVES.c
    clients = {client_id for _, client_id in places}
    query = select(r.conversation_id, r.client_id, func.max(r.named_epoch)).where(
        r.conversation_id.in_({conversation_id for conversation_id, _ in places}),
        r.named_epoch.is_not(None),
    )
    if len(clients) <= MOST_NAMED:
        query = query.where(r.client_id.in_(clients))
    rows = await connection.execute(query.group_by(r.conversation_id, r.client_id))
    return {(conversation_id, client_id): epoch for conversation_id, client_id, epoch in rows}


async def add_former_places(
    connection: AsyncConnection,
    places: Iterable[tuple[ConversationId, ClientId, CellId, Seq]],
    now_ms: int,
) -> None:
    """Remember in which cells clients were until which seq."""
    rows = [
        {
            "conversation_id": conversation_id,
            "client_id": client_id,
            "cell_id": cell_id,
            "until_seq": until_seq,
            "created_ms": now_ms,
        }
        for conversation_id, client_id, cell_id, until_seq in places
    ]
    if rows:
        await connection.execute(insert(FORMER_PLACES), rows)


async def forget_former_places(connection: AsyncConnection, before_ms: int) -> None:
    """Delete what is older than a time: its log entries are gone."""
    await connection.execute(delete(FORMER_PLACES).where(FORMER_PLACES.c.created_ms < before_ms))


def _p(name: str) -> Any:
    return bindparam(f"p_{name}")
