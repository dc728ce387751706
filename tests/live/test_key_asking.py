"""C1, C2, D7: which devices are asked to make keys, and when."""

import pytest
from sqlalchemy import insert

from copconnect import wire
from copconnect.bus import CellKeyFlaggedWakeup, CellKeyWakeup, RosterWakeup
from copconnect.database.engine import Database
from copconnect.delivery.live.asking import HelpRequests
from copconnect.delivery.live.key_asking import (
    CELL_AGAIN_MS,
    CELLS_AT_ONCE,
    KEY_AGAIN_MS,
    KEY_PAUSE_MS,
    LOOK_MS,
    PATIENCE_MS,
    SCAN_MS,
    WORKING_MS,
)
from copconnect.delivery.rules.limits import CELL_KEY_RENEWED_MS, DAY_MS, HOUR_MS
from copconnect.delivery.store.tables import CELL_KEY_FLAGS
from copconnect.ids import CellId, new_id
from copconnect.principals import Caller
from tests.contract.statements import Statements
from tests.live.connected import AskingWorld, Node
from tests.live.rows import Rows, device

pytestmark = pytest.mark.databases("sqlite")


class Force(AskingWorld):
    """A conversation, in two cells as a rule."""

    def __init__(self, database: Database, cells: int = 2, people: int = 6) -> None:
        super().__init__(database)
        self.officers = [device() for _ in range(people)]
        self.devices.add(*self.officers)
        self.rows = Rows(database, cells)
        # With two cells 0, 2, 4 sit in the first and 1, 3, 5 in the second.

    def change(self, *removed: Caller, whole: bool = True) -> RosterWakeup:
        """The announcement of the newest head."""
        return RosterWakeup(
            conversation_id=self.rows.conversation_id,
            epoch=self.rows.epoch,
            cells=len(self.rows.cells),
            devices=len(self.rows.cells),
            added={},
            removed=[one.client_id for one in removed],
            whole=whole,
        )

    def came(self, cell_id: CellId) -> CellKeyWakeup:
        """The announcement of a cell's key."""
        return CellKeyWakeup(
            conversation_id=self.rows.conversation_id,
            cell_id=cell_id,
            record=b"record",
            seals=b"",
            size=0,
            devices=[],
        )

    async def mark(self, key_id: bytes, people: int) -> None:
        """So many people cannot open a cell key."""
        async with self.database.transaction() as connection:
            for _ in range(people):
                await connection.execute(
                    insert(CELL_KEY_FLAGS).values(
                        conversation_id=self.rows.conversation_id,
                        key_id=key_id,
                        person_id=new_id(),
                        flagged_ms=self.clock.at,
                    )
                )


async def made(database: Database, cells: int = 2, people: int = 6) -> Force:
    force = Force(database, cells, people)
    await force.rows.roster(force.officers)
    return force


def wanted(node: Node) -> list[tuple[Caller, int, int]]:
    """Return who was asked for a cell key since the last call, of which epoch and generation."""
    found: list[tuple[Caller, int, int]] = []
    for caller, frame in node.frames:
        assert isinstance(frame, wire.CellKeyWanted)
        found.append((caller, frame.epoch, frame.generation))
    node.frames.clear()
    return found


def same(found: list[tuple[Caller, int, int]], expected: list[tuple[Caller, int, int]]) -> bool:
    """Whether these are the same, in whichever order of cells."""
    return sorted(found, key=repr) == sorted(expected, key=repr)


async def cell_keys(force: Force, created_ms: int, cells: int = 2) -> list[bytes]:
    """Write a key of each cell, by its first officer."""
    return [
        await force.rows.cell_key(force.officers[n], force.rows.cells[n], created_ms=created_ms)
        for n in range(cells)
    ]


async def test_c1_one_device_of_each_cell_then_another_after_three_seconds(
    database: Database,
) -> None:
    force = await made(database)
    o = force.officers
    node, asking = force.node(*o)
    await asking.receive(force.change())
    await asking.work()
    assert same(wanted(node), [(o[0], 1, 1), (o[1], 1, 1)])
    await asking.work()
    assert wanted(node) == []
    force.clock.at += CELL_AGAIN_MS
    await force.rows.cell_key(o[0], force.rows.cells[0], created_ms=force.clock.at)
    await asking.work()
    assert wanted(node) == [(o[3], 1, 1)]  # The node read that the first cell has a key.


async def test_c1_each_pause_is_twice_as_long(database: Database) -> None:
    """A slow phone is left the time to make 256 seals, and nobody makes them beside it."""
    force = await made(database)
    o = force.officers
    node, asking = force.node(o[0], o[2], o[4])
    await asking.receive(force.change())
    asked: list[tuple[int, Caller]] = []
    began = force.clock.at
    while force.clock.at <= began + 4 * CELL_AGAIN_MS:
        await asking.work()
        asked += [(force.clock.at - began, one) for one, _, _ in wanted(node)]
        force.clock.at += LOOK_MS
    assert asked == [(0, o[0]), (CELL_AGAIN_MS, o[2]), (3 * CELL_AGAIN_MS, o[4])]


async def test_c1_a_device_that_says_that_it_makes_the_key_has_half_a_minute_more(
    database: Database,
) -> None:
    """No node asks a second device beside it, on a slow machine either."""
    force = await made(database)
    o = force.officers
    nodes = [force.node(o[0]), force.node(o[2])]
    for _, asking in nodes:
        await asking.receive(force.change())
        await asking.work()
    assert wanted(nodes[0][0]) == [(o[0], 1, 1)]
    for _ in range(2):  # Only once for each question.
        nodes[0][1].begun(o[0].client_id, force.rows.conversation_id)
    began, asked = force.clock.at, 0
    while not asked:
        force.clock.at += LOOK_MS
        for node, asking in nodes:
            await asking.work()
            asked += len(wanted(node))
    assert asked == 1
    assert force.clock.at - began == CELL_AGAIN_MS + WORKING_MS


async def test_c1_a_device_that_was_asked_has_its_time_though_a_head_comes(
    database: Database,
) -> None:
    """A newcomer's head makes no cell's key old: nobody makes the key beside the first device."""
    force = await made(database)
    o = force.officers
    node, asking = force.node(*o)
    await asking.receive(force.change())
    await asking.work()
    assert len(wanted(node)) == 2
    await force.rows.roster([device()])
    await asking.receive(force.change())
    for _ in range(CELL_AGAIN_MS // LOOK_MS - 1):
        force.clock.at += LOOK_MS
        await asking.work()
        assert wanted(node) == []
    force.clock.at += LOOK_MS
    await asking.work()
    assert same(wanted(node), [(o[2], 2, 1), (o[3], 2, 1)])


async def test_c1_a_node_asks_for_some_cells_at_a_time(database: Database) -> None:
    force = await made(database, cells=CELLS_AT_ONCE + 3, people=CELLS_AT_ONCE + 3)
    node, asking = force.node(*force.officers)
    await asking.receive(force.change())
    await asking.work()
    first = wanted(node)
    assert len(first) == CELLS_AT_ONCE
    cells = dict(zip(force.officers, force.rows.cells, strict=True))
    for author, _, _ in first[:2]:
        await force.rows.cell_key(author, cells[author], created_ms=force.clock.at)
        await asking.receive(force.came(cells[author]))
    with Statements(database) as statements:
        await asking.cell_keys.work()
    assert not [one for one in statements if "cell_lines" in one]  # The node reads no cells again.
    second = wanted(node)
    assert len(second) == 2
    assert {one for one, _, _ in second}.isdisjoint(one for one, _, _ in first)


async def test_c1_a_cell_whose_key_is_usable_is_not_asked(database: Database) -> None:
    force = await made(database)
    node, asking = force.node(*force.officers)
    await cell_keys(force, force.clock.at)
    await asking.receive(force.change())
    await asking.work()
    assert wanted(node) == []


async def test_c1_after_a_removal_the_cells_key_is_asked_for_anew(database: Database) -> None:
    force = await made(database)
    o = force.officers
    node, asking = force.node(*o)
    await cell_keys(force, force.clock.at)
    force.rows.cell_rekey[force.rows.cells[1]] = 2
    await force.rows.roster(remove=[o[5]])
    await asking.receive(force.change(o[5]))
    await asking.work()
    assert wanted(node) == [(o[1], 2, 1)]


async def test_c1_a_key_is_renewed_before_it_is_too_old(database: Database) -> None:
    force = await made(database)
    node, asking = force.node(*force.officers)
    await cell_keys(force, force.clock.at)
    force.clock.at += CELL_KEY_RENEWED_MS - SCAN_MS
    await asking.work()
    assert wanted(node) == []
    force.clock.at += SCAN_MS
    await asking.work()
    o = force.officers
    assert same(wanted(node), [(o[0], 1, 2), (o[1], 1, 2)])


async def test_c1_of_two_nodes_one_asks(database: Database) -> None:
    force = await made(database)
    o = force.officers
    nodes = [force.node(o[0], o[1]), force.node(o[2], o[3])]
    for _, asking in nodes:
        await asking.receive(force.change())
        await asking.work()
    assert len(wanted(nodes[0][0])) == 2
    assert wanted(nodes[1][0]) == []
    force.clock.at += LOOK_MS
    with Statements(database) as statements:
        await nodes[1][1].work()
    # It waits for the other node's questions and claims nothing meanwhile.
    assert not [one for one in statements if "cell_key_asks" in one]
    force.clock.at += CELL_AGAIN_MS - LOOK_MS
    for _, asking in reversed(nodes):
        await asking.work()
    assert same(wanted(nodes[1][0]), [(o[2], 1, 1), (o[3], 1, 1)])
    assert wanted(nodes[0][0]) == []


async def test_c1_a_cell_with_nobody_online_waits_for_the_next_scan(database: Database) -> None:
    force = await made(database)
    o = force.officers
    node, asking = force.node(o[0])
    await asking.receive(force.change())
    await asking.work()
    assert wanted(node) == [(o[0], 1, 1)]
    node.there.append(o[1])
    force.clock.at += SCAN_MS
    await asking.work()
    assert (o[1], 1, 1) in wanted(node)


@pytest.mark.databases("sqlite", "postgresql")
async def test_c2_three_marks_open_one_more_generation_by_another_author(
    database: Database,
) -> None:
    force = await made(database)
    o = force.officers
    node, asking = force.node(*o)
    keys = await cell_keys(force, force.clock.at)
    marked = CellKeyFlaggedWakeup(
        conversation_id=force.rows.conversation_id, cell_id=force.rows.cells[0]
    )
    await force.mark(keys[0], 2)
    await asking.receive(marked)
    await asking.work()
    assert wanted(node) == []
    await force.mark(keys[0], 1)
    await asking.receive(marked)
    await asking.work()
    assert wanted(node) == [(o[2], 1, 2)]
    second = await force.rows.cell_key(
        o[2], force.rows.cells[0], created_ms=force.clock.at, generation=2
    )
    await force.mark(second, 3)
    await asking.receive(marked)
    await asking.work()
    assert wanted(node) == []  # At most once a day.
    force.clock.at += DAY_MS
    await asking.receive(marked)
    await asking.work()
    assert wanted(node) == [(o[4], 1, 3)]


async def test_c1_conversations_of_one_cell_have_no_cell_keys(database: Database) -> None:
    force = await made(database, cells=1)
    node, asking = force.node(*force.officers)
    await asking.receive(force.change())
    await asking.work()
    assert node.frames == []


# --- D7 -----------------------------------------------------------------------------------------


async def small(database: Database, messages: int = 1) -> tuple[Force, Node, HelpRequests]:
    """A conversation of one cell, with a key that was used."""
    force = await made(database, cells=1, people=5)
    await force.rows.key(force.officers[0], created_ms=force.clock.at, messages=messages)
    node, asking = force.node(*force.officers)
    await asking.work()
    assert node.asked() == []
    return force, node, asking


async def remove(force: Force, *who: Caller) -> RosterWakeup:
    """Take somebody out; keys of before do not serve any more."""
    await force.rows.roster(remove=who, rekey=True)
    return force.change(*who)


async def test_d7_after_a_removal_one_device_is_asked_then_others(database: Database) -> None:
    force, node, asking = await small(database)
    o = force.officers
    await asking.receive(await remove(force, o[4]))
    await asking.work()
    assert node.frames == [(o[0], wire.KeyWanted(conversation_id=force.rows.conversation_id))]
    assert node.asked() == [o[0]]
    for other in (o[1], o[2]):
        force.clock.at += KEY_AGAIN_MS
        await asking.work()
        assert node.asked() == [other]
    force.clock.at += KEY_AGAIN_MS
    await asking.work()
    assert node.asked() == []  # A sender makes it, or the next look.


async def test_d7_no_more_often_than_every_ten_minutes(database: Database) -> None:
    force, node, asking = await small(database)
    o = force.officers
    await asking.receive(await remove(force, o[4]))
    await asking.work()
    assert node.asked() == [o[0]]
    await force.rows.key(o[0], created_ms=force.clock.at, messages=1)
    force.clock.at += KEY_PAUSE_MS - SCAN_MS
    await asking.receive(await remove(force, o[3]))
    await asking.work()
    assert node.asked() == []
    force.clock.at += SCAN_MS
    await asking.work()
    assert node.asked() == [o[0]]


async def test_d7_an_unused_key_is_not_replaced(database: Database) -> None:
    force, node, asking = await small(database, messages=0)
    await asking.receive(await remove(force, force.officers[4]))
    await asking.work()
    force.clock.at += 23 * HOUR_MS
    await asking.work()
    assert node.asked() == []


async def test_d7_at_23_hours_and_once_there_is_a_new_one_no_more(database: Database) -> None:
    force, node, asking = await small(database)
    force.clock.at += 23 * HOUR_MS - SCAN_MS
    await asking.work()
    assert node.asked() == []
    force.clock.at += SCAN_MS
    await asking.work()
    assert node.asked() == [force.officers[0]]
    await force.rows.key(force.officers[0], created_ms=force.clock.at)
    force.clock.at += KEY_PAUSE_MS
    await asking.work()
    assert node.asked() == []


async def test_d7_at_9000_messages(database: Database) -> None:
    force, node, asking = await small(database, messages=8_999)
    await force.rows.key(force.officers[0], created_ms=force.clock.at + 1, messages=9_000)
    force.clock.at += SCAN_MS
    await asking.work()
    assert node.asked() == [force.officers[0]]


async def test_d7_cells_get_their_keys_first(database: Database) -> None:
    force = await made(database)
    await cell_keys(force, force.clock.at)
    await force.rows.key(force.officers[0], created_ms=force.clock.at, messages=1)
    node, asking = force.node(*force.officers)
    await asking.work()
    await asking.receive(await remove(force, force.officers[4]))
    await asking.work()
    # The former key is sealed to the cells' keys that come (S9).
    assert {type(frame) for _, frame in node.frames} - {wire.SealsWanted} == {wire.CellKeyWanted}
    node.asked()
    await cell_keys(force, force.clock.at)
    await asking.receive(force.came(force.rows.cells[0]))
    await asking.work()
    asked = [type(frame) for _, frame in node.frames if not isinstance(frame, wire.SealsWanted)]
    assert asked == [wire.KeyWanted]


@pytest.mark.parametrize("writer", [0, 1])
async def test_d7_waits_for_the_cells_of_those_who_wrote_but_not_for_ever(
    database: Database, writer: int
) -> None:
    """The first cell has its key, the second gets none. Sealed before it, the conversation's key
    would come late to the writers."""
    force = await made(database)
    await cell_keys(force, force.clock.at)
    await force.rows.key(force.officers[0], created_ms=force.clock.at, messages=1)
    await force.rows.post(force.officers[writer])
    node, asking = force.node(*force.officers[1:], force.officers[0])
    await asking.work()
    wakeup = await remove(force, force.officers[4])
    await cell_keys(force, force.clock.at, cells=1)
    await asking.receive(wakeup)
    began = force.clock.at
    while not (asked := [one for one, f in node.frames if isinstance(f, wire.KeyWanted)]):
        force.clock.at += LOOK_MS
        await asking.work()
        assert force.clock.at <= began + 2 * PATIENCE_MS
    assert asked == [force.officers[2]]  # It is in the first cell.
    assert force.clock.at - began == (PATIENCE_MS if writer else LOOK_MS)


async def test_c1_the_cells_of_those_who_wrote_are_ahead(database: Database) -> None:
    force = await made(database)
    o = force.officers
    await force.rows.post(o[1])
    node, asking = force.node(*o)
    await asking.receive(force.change())
    await asking.work()
    assert wanted(node) == [(o[1], 1, 1)]
    force.clock.at += LOOK_MS
    await asking.work()
    assert wanted(node) == [(o[0], 1, 1)]


@pytest.mark.parametrize("whole", [True, False])
async def test_d7_of_two_nodes_one_asks(database: Database, *, whole: bool) -> None:
    force, node, asking = await small(database)
    other, elsewhere = force.node(*force.officers[1:])
    await elsewhere.work()  # Its first look at everything finds nothing.
    await remove(force, force.officers[4])
    for one in (asking, elsewhere):
        await one.receive(force.change(force.officers[4], whole=whole))
        await one.work()
    assert node.asked() == [force.officers[0]]
    assert other.asked() == []


async def test_c1_a_cell_that_slept_whole_is_asked_when_its_first_device_wakes(
    database: Database,
) -> None:
    force = await made(database)
    node, asking = force.node(*force.officers[::2])
    await asking.cell_keys.work()
    assert [one for one, _, _ in wanted(node)] == [force.officers[0]]
    node.there.append(force.officers[3])
    force.clock.at += LOOK_MS
    await asking.cell_keys.work()
    assert [one for one, _, _ in wanted(node)] == [force.officers[3]]


async def test_c1_a_conversation_that_slept_whole_is_asked_when_its_first_device_wakes(
    database: Database,
) -> None:
    force = await made(database)
    node, asking = force.node()
    await asking.cell_keys.work()
    node.there.append(force.officers[3])
    force.clock.at += LOOK_MS
    await asking.cell_keys.work()
    assert [one for one, _, _ in wanted(node)] == [force.officers[3]]
