"""A process that drew the head before draws the next one from the trees that it keeps: it reads no
leaf and no cell line, and hashes only above the leaves that change. Another process's head, or a
restart, costs the touched cells once more."""

from math import log2
from typing import Any

import pytest

from copconnect import wire
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.service import DeliveryService
from copconnect.delivery.store import leaves, rosters
from copconnect.ids import ConversationId, PersonId
from copconnect.records.conversation.roster import RosterHead
from copconnect.records.primitives import merkle
from copconnect.records.primitives.fields import sha256
from copconnect.records.primitives.kem import X25519
from tests.contract.delivery_world import World
from tests.contract.device import Device

CELL = 16
CELLS = 16


class Costs:
    """Leaves and cell lines that are read, and hashes that trees are made of."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.leaves = self.lines = self.hashes = 0
        of_cells, current = leaves.of_cells, rosters.current_cells

        async def counted_leaves(*given: Any) -> Any:
            found = await of_cells(*given)
            self.leaves += sum(len(own) for own in found.values())
            return found

        async def counted_lines(*given: Any) -> Any:
            found = await current(*given)
            self.lines += sum(len(own) for own in found.values())
            return found

        def counted_hash(data: bytes) -> bytes:
            self.hashes += 1
            return sha256(data)

        monkeypatch.setattr(leaves, "of_cells", counted_leaves)
        monkeypatch.setattr(rosters, "current_cells", counted_lines)
        monkeypatch.setattr(merkle, "sha256", counted_hash)

    def take(self) -> tuple[int, int, int]:
        """Return leaves, lines and hashes since the last time."""
        found = self.leaves, self.lines, self.hashes
        self.leaves = self.lines = self.hashes = 0
        return found


class Force:
    """A group of the whole force, of 16 full cells but for one place."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chief = self.officer("TG", admin=True)
        self.people = [self.officer("TG.HYD") for _ in range(CELL * CELLS - 2)]
        self.conversation_id = ConversationId("")

    def officer(self, unit: str, *, admin: bool = False) -> Device:
        device = self.world.registry.register()
        self.world.chart.post(device.caller.person_id, unit, admin=admin)
        return device

    async def talking(self) -> None:
        made = await self.world.unit(self.chief)
        assert (made.cells, made.devices) == (CELLS, CELL * CELLS - 1)
        self.conversation_id = made.conversation_id

    async def draw(self, node: DeliveryService, *people: Device) -> None:
        """Let a process bring these people up to date with one head."""
        ids = [PersonId(one.caller.person_id) for one in people]
        await node.following.update_people({self.conversation_id: ids})


@pytest.fixture
async def force(database: Database, monkeypatch: pytest.MonkeyPatch) -> Force:
    monkeypatch.setattr(wire, "CELL_SIZE", CELL)
    force = Force(World(database, Options(kem=X25519, cell_size=CELL)))
    await force.talking()
    return force


async def is_sound(force: Force) -> None:
    """The head's root is that of the stored leaves, as a process reads them that keeps nothing."""
    cold = force.world.node()
    async with force.world.database.reading() as connection:
        kept = await rosters.newest_heads(connection, [force.conversation_id])
        stored = await rosters.current_cells(connection, [force.conversation_id])
        lines = [one.line for one in stored[force.conversation_id]]
        cells = await cold.deps.trees.current_cells(connection, {force.conversation_id: lines})
    head = RosterHead.parse(kept[force.conversation_id].head)
    assert [cells[line.root].line.root for line in lines] == [line.root for line in lines]
    assert cold.deps.trees.keep_lines(stored[force.conversation_id]).tree.root == head.root
    latest = [cells[line.root].latest_history_from for line in lines]
    assert latest == [one.latest_history_from for one in stored[force.conversation_id]]
    assert head.latest_history_from == max(latest)


@pytest.mark.databases("sqlite")
async def test_a_process_that_keeps_the_trees_reads_no_leaf(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs, node = Costs(monkeypatch), force.world.service
    # People of many cells go, others come: 4 of 16 cells change, or more.
    gone, new = force.people[::60], [force.officer("TG.HYD") for _ in range(3)]
    for one in gone:
        force.world.chart.post(one.caller.person_id, "AP")
    await force.draw(node, *gone, *new)
    found, lines, hashes = costs.take()
    assert (found, lines) == (0, 0)
    # The leaves that come, the nodes of a cell for each that comes or goes, the lines' tree.
    assert 0 < hashes <= len(new) + (len(gone) + len(new)) * (CELL - 1) + 2 * CELLS
    monkeypatch.undo()
    await is_sound(force)


@pytest.mark.databases("sqlite")
async def test_leaves_that_change_in_place_cost_the_hashes_above_them(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs, node = Costs(monkeypatch), force.world.service
    chosen = force.people[::80]
    for one in chosen:
        force.world.chart.post(one.caller.person_id, "TG", admin=True)
    await force.draw(node, *chosen)
    found, lines, hashes = costs.take()
    assert (found, lines) == (0, 0)
    above = log2(CELL) + log2(CELLS)
    # A leaf, a line, and the nodes above both.
    assert len(chosen) <= hashes <= len(chosen) * (2 + above)
    monkeypatch.undo()
    await is_sound(force)


async def test_another_processs_head_and_a_restart_are_read_again(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs, first, other = Costs(monkeypatch), force.world.service, force.world.node()
    one, two, three = force.people[:3]
    force.world.chart.post(one.caller.person_id, "AP")
    await force.draw(other, one)
    found, lines, _ = costs.take()
    assert lines == CELLS
    assert found in (CELL - 1, CELL)  # One cell, of which one has a free place.
    # The first process keeps the cells of the head before: it reads only cells that changed since.
    force.world.chart.post(two.caller.person_id, "AP")
    force.world.chart.post(three.caller.person_id, "AP")
    await force.draw(first, two, three)
    found, lines, _ = costs.take()
    assert lines == CELLS
    assert found <= CELL
    monkeypatch.undo()
    await is_sound(force)


async def test_a_transaction_that_fails_leaves_no_wrong_tree(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = force.world.service
    gone = force.people[0]
    force.world.chart.post(gone.caller.person_id, "AP")

    async def fail(*_: Any) -> None:
        raise RuntimeError("the database is away")

    with monkeypatch.context() as away:
        away.setattr(rosters, "add_heads", fail)
        with pytest.raises(RuntimeError):
            await force.draw(node, gone)
    await force.draw(node, gone)
    await is_sound(force)
