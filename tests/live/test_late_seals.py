"""S9: whom a node asks for late seals, and whom it tells of them."""

from collections import Counter
from math import ceil

import msgspec
import pytest

from copconnect import wire
from copconnect.bus import EnteredWakeup, LateSealsWakeup, ShareAskedWakeup, ShareDoneWakeup
from copconnect.database.engine import Database
from copconnect.delivery.live.asking import HelpRequests
from copconnect.delivery.live.late_seals import (
    AGAIN_MS,
    ANEW,
    BATCH_MS,
    REST_MS,
    TOLD,
    TOLD_MS,
)
from copconnect.delivery.rules.limits import HELPED_MS
from copconnect.delivery.store import late_seals
from copconnect.ids import CellId, SealKeyId
from copconnect.principals import Caller
from tests.contract.statements import Statements
from tests.live.connected import AskingWorld, Node
from tests.live.rows import Rows, device

pytestmark = pytest.mark.databases("sqlite")

SEAL = 96  # Bytes of one with X25519.
LOOK_STATEMENTS = 10  # Which conversations have cells, which keys are missing, and who is asked.


class Force(AskingWorld):
    """Cells of two devices, three as a rule; the first has a seal of the conversation's key."""

    async def fill(self, cells: int = 3) -> "Force":
        """Write it."""
        self.people = [device() for _ in range(2 * cells)]
        self.devices.add(*self.people)
        self.rows = Rows(self.database, cells)
        await self.rows.roster(self.people)
        self.cell_keys: dict[CellId, bytes] = {}
        self.of_cell: dict[CellId, list[Caller]] = {}
        for one in self.rows.placed:
            self.of_cell.setdefault(one.cell_id, []).append(one.caller)
        for cell_id, own in self.of_cell.items():
            made = await self.rows.cell_key(own[0], cell_id, created_ms=self.clock.at)
            self.cell_keys[cell_id] = made
        self.first, *self.others = self.of_cell
        seal = self.cell_keys[self.first] + bytes(SEAL - 16)
        self.holder = self.of_cell[self.first][0]
        self.key_id = await self.rows.key(
            self.holder, created_ms=self.clock.at, messages=1, seals=seal
        )
        return self

    async def look(self, asking: HelpRequests) -> None:
        """Let the node look at the conversation when it is due."""
        await asking.late_seals.work()
        self.clock.at += BATCH_MS
        await asking.late_seals.work()

    def wanted(self, node: Node) -> list[tuple[Caller, set[SealKeyId]]]:
        """Return who was asked for seals to which cell keys since the last call."""
        frames = [
            (one, set(frame.cell_keys))
            for one, frame in node.frames
            if isinstance(frame, wire.SealsWanted)
        ]
        node.frames.clear()
        return frames

    def ids(self, cells: list[CellId]) -> set[SealKeyId]:
        """Return the ids of cells' keys."""
        return {SealKeyId(self.cell_keys[one].hex()) for one in cells}

    def added(self, cell_id: CellId, helper: Caller) -> LateSealsWakeup:
        """The announcement of a late seal."""
        return LateSealsWakeup(
            conversation_id=self.rows.conversation_id,
            key_id=self.key_id.hex(),
            record=b"record",
            seals={cell_id: b"seal"},
            helper=helper.device.hex(),
        )

    async def add(self, cell_id: CellId) -> None:
        """Store a late seal."""
        async with self.database.transaction() as connection:
            await late_seals.put(
                connection,
                self.rows.conversation_id,
                self.key_id,
                {self.cell_keys[cell_id]: b"seal"},
                self.clock.at,
            )

    def opened(self, who: Caller) -> ShareDoneWakeup:
        """The announcement that a device has opened the key."""
        return ShareDoneWakeup(
            conversation_id=self.rows.conversation_id,
            device=who.device.hex(),
            opened=[b"\1" + self.key_id[:16]],
            lacks=[],
        )

    def lacks(self, who: Caller, cell_id: CellId) -> ShareAskedWakeup:
        """The announcement that a device asks for a share of the key."""
        return ShareAskedWakeup(
            conversation_id=self.rows.conversation_id,
            device=who.device.hex(),
            client_id=who.client_id,
            person_id=who.person_id,
            cell_id=cell_id,
            lacks=[b"\1" + self.key_id[:16]],
        )


@pytest.fixture
async def force(database: Database) -> Force:
    return await Force(database).fill()


def _keys(node: Node) -> list[tuple[Caller, wire.KeyFrame]]:
    found = [(one, frame) for one, frame in node.frames if isinstance(frame, wire.KeyFrame)]
    node.frames.clear()
    return found


async def test_s9_a_holder_is_asked_for_what_the_key_lacks_and_another_after_a_while(
    force: Force,
) -> None:
    node, asking = force.node(*reversed(force.people))
    second = force.of_cell[force.first][1]
    await force.look(asking)
    assert force.wanted(node) == [(second, force.ids(force.others))]
    await asking.late_seals.work()
    assert force.wanted(node) == []
    await force.add(force.others[0])
    force.clock.at += AGAIN_MS
    await asking.late_seals.work()
    ((helper, wanted),) = force.wanted(node)
    assert helper != second
    assert wanted == force.ids(force.others[1:])


@pytest.mark.databases("sqlite", "postgresql")
async def test_s9_a_holder_that_says_that_it_makes_the_seals_has_ten_seconds_more(
    force: Force,
) -> None:
    nodes = [force.node(one) for one in force.of_cell[force.first]]
    for _, asking in nodes:
        await force.look(asking)
    (first, one), (other, another) = nodes
    assert len(force.wanted(first)) == 1
    one.late_seals.begun(first.there[0].client_id, force.rows.conversation_id)
    began = force.clock.at
    while not force.wanted(other):
        force.clock.at += AGAIN_MS
        await one.late_seals.work()
        await another.late_seals.work()
    assert force.clock.at - began >= HELPED_MS


async def test_s9_nobody_is_asked_where_nothing_is_missing_or_nobody_holds_the_key(
    force: Force,
) -> None:
    outside = [one for cell in force.others for one in force.of_cell[cell]]
    node, asking = force.node(*outside)
    await force.look(asking)
    assert force.wanted(node) == []
    for cell_id in force.others:
        await force.add(cell_id)
    node, asking = force.node(*force.people)
    await force.look(asking)
    assert force.wanted(node) == []


async def test_s9_a_holder_that_asks_for_the_key_itself_is_not_asked(force: Force) -> None:
    node, asking = force.node(*force.of_cell[force.first])
    await asking.receive(force.lacks(node.there[0], force.first))
    await force.look(asking)
    assert {one for one, _ in force.wanted(node)} == {node.there[1]}


async def test_s9_no_seal_is_asked_of_a_key_that_a_removal_made_old(force: Force) -> None:
    node, asking = force.node(*force.people)
    await force.rows.roster(remove=[force.of_cell[force.others[0]][0]], rekey=True)
    await force.look(asking)
    assert force.wanted(node) == []


async def test_s9_a_seal_goes_to_one_device_first_and_to_the_rest_once_it_opened(
    force: Force,
) -> None:
    node, asking = force.node(*force.people)
    cell_id = force.others[0]
    one, other = force.of_cell[cell_id]
    await asking.receive(force.added(cell_id, force.holder))
    ((first, frame),) = _keys(node)
    assert (first, frame.seal, frame.first) == (one, b"seal", True)
    opened = force.opened(one)
    await asking.receive(opened)
    ((rest, frame),) = _keys(node)
    assert (rest, frame.seal, frame.first) == (other, b"seal", False)
    await asking.receive(opened)
    assert _keys(node) == []


async def test_s9_the_rest_is_told_after_three_seconds_though_the_first_says_nothing(
    force: Force,
) -> None:
    node, asking = force.node(*force.people)
    cell_id = force.others[0]
    await asking.receive(force.added(cell_id, force.holder))
    _keys(node)
    force.clock.at += REST_MS
    await asking.late_seals.work()
    assert [one for one, _ in _keys(node)] == [force.of_cell[cell_id][1]]


async def test_s9_a_seal_that_failed_is_replaced_by_one_request_of_the_cell(force: Force) -> None:
    node, asking = force.node(*force.people)
    cell_id = force.others[0]
    one, other = force.of_cell[cell_id]
    for each in force.others:
        await force.add(each)
    await asking.receive(force.added(cell_id, force.holder))
    _keys(node)
    await asking.receive(force.lacks(one, cell_id))
    await asking.late_seals.work()
    waits = [
        (to, frame.seal, frame.awaited)
        for to, frame in node.frames
        if isinstance(frame, wire.KeyFrame)
    ]
    assert waits == [(one, None, True), (other, None, True)]
    ((_, wanted),) = force.wanted(node)
    assert wanted == force.ids([cell_id])
    force.clock.at += REST_MS  # The server does not ask the others for the seal that failed.
    await asking.late_seals.work()
    assert _keys(node) == []


async def test_s9_a_device_that_always_says_so_has_few_replaced(force: Force) -> None:
    node, asking = force.node(*force.people)
    cell_id = force.first
    for each in force.others:
        await force.add(each)
    asked = 0
    for _ in range(3 * ANEW):
        await asking.receive(force.lacks(force.of_cell[cell_id][0], cell_id))
        force.clock.at += AGAIN_MS
        await asking.late_seals.work()
        asked += len(force.wanted(node))
        await asking.receive(force.added(cell_id, force.holder))
    assert asked == ANEW


async def test_s9_a_newcomer_of_a_cell_without_a_seal_has_none_replaced(force: Force) -> None:
    """It asks for a share as a device whose seal failed does."""
    node, asking = force.node(*force.people)
    await force.look(asking)
    cell_id = force.others[0]
    first, newcomer = force.of_cell[cell_id]
    for each in force.others[1:]:
        await force.add(each)
    node.frames.clear()
    for _ in range(ANEW):
        await asking.receive(force.lacks(newcomer, cell_id))
        await asking.late_seals.work()
        assert _keys(node) == []
    await force.add(cell_id)
    await asking.receive(force.added(cell_id, force.holder))
    assert [one for one, _ in _keys(node)] == [first]
    force.clock.at += AGAIN_MS
    await asking.receive(force.lacks(first, cell_id))
    await asking.late_seals.work()
    assert [wanted for _, wanted in force.wanted(node)] == [force.ids([cell_id])]


async def test_s9_the_rest_gets_a_seal_that_is_replaced_no_more(force: Force) -> None:
    """The first device of a cell says each time that its seal failed."""
    node, asking = force.node(*force.people)
    cell_id = force.others[0]
    first, other = force.of_cell[cell_id]
    for each in force.others:
        await force.add(each)
    for _ in range(ANEW + 1):
        force.clock.at += AGAIN_MS
        await asking.receive(force.added(cell_id, force.holder))
        await asking.receive(force.lacks(first, cell_id))
        await asking.late_seals.work()
    node.frames.clear()
    force.clock.at += REST_MS
    await asking.late_seals.work()
    assert [(one, frame.seal) for one, frame in _keys(node)] == [(other, b"seal")]


async def test_s9_a_cell_without_a_seal_is_told_to_wait_again(force: Force) -> None:
    node, asking = force.node(*force.people)
    cell_id = force.others[0]
    await force.add(force.others[1])
    await force.look(asking)
    told: list[list[Caller]] = []
    for _ in range(2 * TOLD):
        assert _keys(node) == []
        force.clock.at += TOLD_MS
        await asking.late_seals.work()
        told.append([one for one, frame in _keys(node) if frame.awaited])
    assert told == [force.of_cell[cell_id]] * TOLD + [[]] * TOLD


async def test_s9_a_conversation_of_one_cell_waits_for_no_seals(database: Database) -> None:
    force = await Force(database).fill(1)
    force.rows.cell_rekey[force.first] = force.rows.epoch + 1
    await force.rows.roster()
    node, asking = force.node(*force.people)
    await force.look(asking)
    force.clock.at += TOLD_MS
    await asking.late_seals.work()
    assert node.frames == []
    one = next(iter(node.online(force.rows.conversation_id)))
    assert not asking.late_seals.waits(force.rows.conversation_id, one, b"\1" + force.key_id[:16])


async def test_s9_devices_of_a_cell_without_a_key_are_asked_for_no_share(force: Force) -> None:
    """A removal made the keys of their cell old, so that it cannot have a seal yet."""
    cell_id = force.others[0]
    force.rows.cell_rekey[cell_id] = force.rows.epoch + 1
    await force.rows.roster()
    node, asking = force.node(*force.of_cell[cell_id], *force.of_cell[force.first])
    await force.look(asking)
    node.frames.clear()
    asker = force.of_cell[force.others[1]][0]
    await force.rows.share_request(asker, 1, force.key_id[:16], force.clock.at)
    await asking.receive(force.lacks(asker, force.others[1]))
    force.clock.at += 2_000
    await asking.shares.work()
    asked = [one for one, frame in node.frames if isinstance(frame, wire.ShareWanted)]
    assert asked == force.of_cell[force.first][:1]


async def test_s9_a_seal_that_is_being_replaced_costs_no_further_look(force: Force) -> None:
    """Each device of the cell asks for a share meanwhile."""
    _, asking = force.node(*force.people)
    cell_id = force.others[0]
    await force.look(asking)
    await force.add(cell_id)
    await asking.receive(force.added(cell_id, force.holder))
    costs = []
    for one in force.of_cell[cell_id]:
        await asking.receive(force.lacks(one, cell_id))
        with Statements(force.database) as statements:
            await asking.late_seals.work()
        costs.append(len(statements))
    assert costs[0] > 0
    assert costs[1:] == [0] * len(costs[1:])


@pytest.mark.databases("sqlite", "postgresql")
async def test_s9_devices_that_wait_for_a_seal_are_asked_for_no_share(force: Force) -> None:
    """They have not asked for it, and do not hold it."""
    node, asking = force.node(*force.people)
    await force.look(asking)
    node.frames.clear()
    asker = force.of_cell[force.others[0]][0]
    request = force.lacks(asker, force.others[0])
    await force.rows.share_request(asker, 1, force.key_id[:16], force.clock.at)
    await asking.receive(request)
    asked = set()
    for _ in range(6):
        await asking.shares.work()
        asked |= {one for one, frame in node.frames if isinstance(frame, wire.ShareWanted)}
        force.clock.at += 2_000
    assert asked == set(force.of_cell[force.first])


async def test_s9_a_holder_that_slept_is_asked_when_it_wakes(force: Force) -> None:
    """A cell slept whole when the key was made: its first device woke, made the cell's key and
    sleeps again before a holder is there."""
    node, asking = force.node(*force.of_cell[force.others[0]])
    await force.look(asking)
    assert force.wanted(node) == []
    node.there[:] = [force.holder]
    await asking.receive(EnteredWakeup(clients={}))
    force.clock.at += BATCH_MS
    await asking.late_seals.work()
    assert force.wanted(node) == [(force.holder, force.ids(force.others))]


async def test_s9_a_holder_is_asked_that_wakes_where_nobody_was_connected(force: Force) -> None:
    node, asking = force.node()
    await force.look(asking)
    node.there.append(force.holder)
    await asking.receive(EnteredWakeup(clients={}))
    force.clock.at += BATCH_MS
    await asking.late_seals.work()
    assert force.wanted(node) == [(force.holder, force.ids(force.others))]


@pytest.mark.parametrize("cells", [3, 200])
async def test_s9_two_hundred_cells_cost_as_many_statements_as_three(
    database: Database, cells: int
) -> None:
    force = await Force(database).fill(cells)
    node, asking = force.node(*force.people)
    with Statements(database) as texts:
        await force.look(asking)
    assert len([one for one in texts if one != "BEGIN"]) <= LOOK_STATEMENTS
    asked = [some for _, some in force.wanted(node)]
    assert len(asked) == min(2, ceil((cells - 1) / wire.SEALS_ASKED))  # There are two holders.
    for cell_id in force.others:
        if SealKeyId(force.cell_keys[cell_id].hex()) in set[SealKeyId]().union(*asked):
            await force.add(cell_id)
    force.clock.at += AGAIN_MS
    await asking.late_seals.work()
    asked += [some for _, some in force.wanted(node)]
    assert set[SealKeyId]().union(*asked) == force.ids(force.others)


async def test_s9_rubbish_for_many_cells_is_replaced_with_few_requests(
    database: Database,
) -> None:
    """The first device of each cell asks for a share; the server tells the others once to wait."""
    force = await Force(database).fill(200)
    for cell_id in force.others:
        await force.add(cell_id)
    node, asking = force.node(*force.people)
    await force.look(asking)
    assert force.wanted(node) == []
    node.looked_at = 0
    with Statements(database) as texts:
        for cell_id in force.others:
            await asking.receive(force.lacks(force.of_cell[cell_id][0], cell_id))
        await asking.late_seals.work()
    assert len(texts) < 12
    told = Counter(one for one, frame in node.frames if isinstance(frame, wire.KeyFrame))
    assert told == Counter(one for cell_id in force.others for one in force.of_cell[cell_id])
    asked = force.wanted(node)
    assert len(asked) == ceil(len(force.others) / wire.SEALS_ASKED)
    assert node.looked_at <= 20 * len(force.people)


async def test_s9_passing_on_seals_of_two_hundred_cells_looks_at_each_device_a_few_times(
    database: Database,
) -> None:
    force = await Force(database).fill(200)
    node, asking = force.node(*force.people)
    seals = dict.fromkeys(force.others, b"seal")
    with Statements(database) as texts:
        added = force.added(force.others[0], force.holder)
        await asking.receive(msgspec.structs.replace(added, seals=seals))
        firsts = [one for one, _ in _keys(node)]
        assert len(firsts) == len(force.others)
        for one in firsts:
            await asking.receive(force.opened(one))
    assert texts == []
    rest = [one for one, _ in _keys(node)]
    assert {*firsts, *rest} == {one for cell in force.others for one in force.of_cell[cell]}
    assert node.looked_at <= 4 * len(force.people)
