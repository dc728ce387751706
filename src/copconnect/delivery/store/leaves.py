"""Statements on leaves: the devices of rosters, as intervals of epochs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, func, insert, literal_column, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import BULK, chunks, padded
from copconnect.delivery.rules.roster_plan import PlacedLeaf, RosterLeaf
from copconnect.delivery.store.tables import LEAVES, MEMBERS
from copconnect.ids import CellId, ConversationId, PersonId
from copconnect.principals import ListedDevice
from copconnect.records.conversation.roster import Leaf, LeafRights

_L, _M = LEAVES.c, MEMBERS.c
PLACED = (
    _L.conversation_id,
    _L.device,
    _L.client_id,
    _L.person_id,
    _L.cell_id,
    _L.history_from_ms,
    _L.rights,
)
LeavesByConversation = dict[ConversationId, list[PlacedLeaf]]


_MAY_ISSUE = and_(_L.rights >= literal_column("4"), _L.to_epoch.is_(None))
_RIGHTS = [LeafRights(number) for number in range(1 << len(LeafRights))]


def placed(row: Any) -> PlacedLeaf:
    """Return the leaf in a row of PLACED."""
    rights = _RIGHTS[row.rights]
    leaf = RosterLeaf(row.device, row.client_id, row.person_id, row.history_from_ms, rights)
    return PlacedLeaf(leaf, row.cell_id)


def record_of(one: PlacedLeaf) -> Leaf:
    """Return the leaf as docs/keys.md encodes it."""
    leaf = one.leaf
    return Leaf(
        cell_id=bytes.fromhex(one.cell_id),
        person_id=bytes.fromhex(leaf.person_id),
        device=leaf.device,
        history_from=leaf.history_from_ms,
        rights=leaf.rights,
    )


def device_of(one: PlacedLeaf) -> ListedDevice:
    """Return whose device a leaf lists."""
    return ListedDevice(one.leaf.device, one.leaf.client_id, one.leaf.person_id)


async def of_people(
    connection: AsyncConnection,
    people: Collection[PersonId],
    only: Collection[ConversationId] | None = None,
) -> LeavesByConversation:
    """Return the current leaves of these people. ``only``: in these conversations."""
    query = select(*PLACED).where(_L.to_epoch.is_(None), among(_L.person_id, people))
    if only is not None:
        query = query.where(among(_L.conversation_id, only))
    found: LeavesByConversation = {}
    for row in await connection.execute(query):
        found.setdefault(row.conversation_id, []).append(placed(row))
    return found


async def issuers(
    connection: AsyncConnection, conversation_ids: Collection[ConversationId]
) -> LeavesByConversation:
    """Return the current leaves of these conversations that may issue orders. One statement for
    each 500 conversations."""
    found: LeavesByConversation = {}
    for some in chunks(conversation_ids):
        query = select(*PLACED).where(_MAY_ISSUE, _L.conversation_id.in_(some))
        for row in await connection.execute(query):
            found.setdefault(row.conversation_id, []).append(placed(row))
    return found


async def issuers_among(
    connection: AsyncConnection, people: Collection[PersonId] | None
) -> dict[tuple[ConversationId, PersonId], LeafRights]:
    """Return by (conversation, person) the rights in the leaf of each person who may issue orders.

    ``people``: only in conversations to which any of them belongs; None: in all conversations.
    """
    query = select(_L.conversation_id, _L.person_id, _L.rights).where(_MAY_ISSUE)
    if people is not None:
        theirs = select(_M.conversation_id).where(
            _M.removed_ms.is_(None), among(_M.person_id, people)
        )
        query = query.where(_L.conversation_id.in_(theirs))
    rows = await connection.execute(query)
    return {(c, person): _RIGHTS[rights] for c, person, rights in rows}


async def of_cells(
    connection: AsyncConnection, cells: Mapping[ConversationId, Collection[CellId]]
) -> dict[CellId, list[Leaf]]:
    """Return the current leaves of these cells. A round reads hundreds of thousands of them."""
    query = select(_L.cell_id, _L.person_id, _L.device, _L.history_from_ms, _L.rights).where(
        among(_L.conversation_id, cells),
        among(_L.cell_id, {cell for own in cells.values() for cell in own}),
        _L.to_epoch.is_(None),
    )
    found: dict[CellId, list[Leaf]] = {}
    for cell, person, device, history_from, rights in await connection.execute(query):
        leaf = Leaf(
            bytes.fromhex(cell), bytes.fromhex(person), device, history_from, _RIGHTS[rights]
        )
        found.setdefault(cell, []).append(leaf)
    return found


async def all_current(
    connection: AsyncConnection, conversation_id: ConversationId
) -> list[PlacedLeaf]:
    """Return every current leaf of a conversation."""
    query = select(*PLACED).where(_L.conversation_id == conversation_id, _L.to_epoch.is_(None))
    return [placed(row) for row in await connection.execute(query)]


async def owners(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    only: Collection[PersonId] | None = None,
) -> dict[bytes, PersonId]:
    """Return the person of every device that a conversation lists now; ``only``: of these
    people."""
    query = select(_L.device, _L.person_id).where(
        _L.conversation_id == conversation_id, _L.to_epoch.is_(None)
    )
    if only is not None:
        query = query.where(among(_L.person_id, only))
    return {row.device: row.person_id for row in await connection.execute(query)}


async def devices_of_cells_at(
    connection: AsyncConnection,
    conversation_id: ConversationId,
    cell_ids: Collection[CellId],
    epoch: int,
) -> list[bytes]:
    """Return the devices of some cells under a kept head."""
    found: list[bytes] = []
    for some in chunks(cell_ids):
        query = select(_L.device).where(
            _L.conversation_id == conversation_id, _L.cell_id.in_(some), *listed_at(epoch)
        )
        found += await connection.scalars(query)
    return found


def listed_at(epoch: int) -> tuple[Any, Any]:
    """Return the conditions that a leaf belongs to the head of an epoch."""
    return _L.from_epoch <= epoch, or_(_L.to_epoch.is_(None), _L.to_epoch > epoch)


async def current_of_device(
    connection: AsyncConnection, conversation_id: ConversationId, device: bytes
) -> PlacedLeaf | None:
    """Return a device's current leaf."""
    query = select(*PLACED).where(
        _L.conversation_id == conversation_id, _L.device == device, _L.to_epoch.is_(None)
    )
    row = (await connection.execute(query)).first()
    return None if row is None else placed(row)


async def current_of_devices(
    connection: AsyncConnection, places: Collection[tuple[ConversationId, bytes]]
) -> dict[tuple[ConversationId, bytes], PlacedLeaf]:
    """Return the current leaves of devices in conversations. One statement for each 500."""
    found: dict[tuple[ConversationId, bytes], PlacedLeaf] = {}
    for some in padded(places):
        query = select(*PLACED).where(
            tuple_(_L.conversation_id, _L.device).in_(some), _L.to_epoch.is_(None)
        )
        for row in await connection.execute(query):
            found[row.conversation_id, row.device] = placed(row)
    return found


async def intervals(
    connection: AsyncConnection, devices: Mapping[ConversationId, Collection[bytes]]
) -> Sequence[Any]:
    """Return every kept interval of these devices: PLACED, from_epoch, to_epoch."""
    found: list[Any] = []
    asked = [(c, device) for c, own in devices.items() for device in own]
    for some in padded(asked):
        query = select(*PLACED, _L.from_epoch, _L.to_epoch).where(
            _L.conversation_id.in_({c for c, _ in some}),
            _L.device.in_([device for _, device in some]),
        )
        wanted = set(some)
        rows = await connection.execute(query)
        found += [row for row in rows if (row.conversation_id, row.device) in wanted]
    return found


async def cell_intervals(
    connection: AsyncConnection, places: Collection[tuple[ConversationId, CellId]]
) -> dict[CellId, list[tuple[PlacedLeaf, int, int | None]]]:
    """Return every kept leaf of these cells with its interval, ascending by device."""
    found: dict[CellId, list[tuple[PlacedLeaf, int, int | None]]] = {}
    for some in chunks(places):
        query = (
            select(*PLACED, _L.from_epoch, _L.to_epoch)
            .where(
                _L.conversation_id.in_({c for c, _ in some}),
                _L.cell_id.in_({cell for _, cell in some}),
            )
            .order_by(_L.device)
        )
        for row in await connection.execute(query):
            one = (placed(row), row.from_epoch, row.to_epoch)
            found.setdefault(row.cell_id, []).append(one)
    return found


async def devices_by_person(
    connection: AsyncConnection, people: Mapping[ConversationId, Collection[PersonId]]
) -> dict[tuple[ConversationId, PersonId], int]:
    """Return how many devices of these people these conversations list."""
    rows = await connection.execute(
        select(_L.conversation_id, _L.person_id, func.count())
        .where(
            among(_L.conversation_id, people),
            among(_L.person_id, {person for own in people.values() for person in own}),
            _L.to_epoch.is_(None),
        )
        .group_by(_L.conversation_id, _L.person_id)
    )
    return {(c, person_id): count for c, person_id, count in rows}


# --- Writing ----------------------------------------------------------------------------------

NewLeaf = tuple[ConversationId, int, PlacedLeaf]
_CLOSE = (
    update(LEAVES)
    .where(
        _L.conversation_id == bindparam("p_conversation_id"),
        _L.device == bindparam("p_device"),
        _L.to_epoch.is_(None),
    )
    .values(to_epoch=bindparam("p_epoch"))
)


async def close(connection: AsyncConnection, ended: Iterable[NewLeaf]) -> None:
    """End the current intervals of these devices with an epoch."""
    rows = [
        {"p_conversation_id": c, "p_device": one.leaf.device, "p_epoch": epoch}
        for c, epoch, one in ended
    ]
    if rows:
        await connection.execute(_CLOSE, rows)


async def open_(connection: AsyncConnection, begun: Iterable[NewLeaf]) -> None:
    """Begin intervals with an epoch."""
    rows = [
        {
            "conversation_id": c,
            "device": one.leaf.device,
            "from_epoch": epoch,
            "to_epoch": None,
            "client_id": one.leaf.client_id,
            "person_id": one.leaf.person_id,
            "cell_id": one.cell_id,
            "history_from_ms": one.leaf.history_from_ms,
            "rights": int(one.leaf.rights),
        }
        for c, epoch, one in begun
    ]
    for some in chunks(rows, BULK):
        await connection.execute(insert(LEAVES), some)
