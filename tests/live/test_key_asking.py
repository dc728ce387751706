"""C1, C2: which device a node asks for its cell's next key, and when."""

import pytest

from copconnect.bus import CellKeyFlaggedWakeup
from copconnect.database.engine import Database
from copconnect.delivery.live.key_asking import (
    CELL_AGAIN_MS,
    CELLS_AT_ONCE,
    LOOK_MS,
    SCAN_MS,
    WORKING_MS,
)
from copconnect.delivery.rules.limits import CELL_KEY_RENEWED_MS, DAY_MS
from copconnect.principals import Caller
from tests.contract.statements import Statements
from tests.live.cell_force import cell_keys, made, same, wanted
from tests.live.rows import device

pytestmark = pytest.mark.databases("sqlite")


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
async def test_c2_three_flags_open_one_more_generation_by_another_author(
    database: Database,
) -> None:
    force = await made(database)
    o = force.officers
    node, asking = force.node(*o)
    keys = await cell_keys(force, force.clock.at)
    marked = CellKeyFlaggedWakeup(
        conversation_id=force.rows.conversation_id, cell_id=force.rows.cells[0]
    )
    await force.flag(keys[0], 2)
    await asking.receive(marked)
    await asking.work()
    assert wanted(node) == []
    await force.flag(keys[0], 1)
    await asking.receive(marked)
    await asking.work()
    assert wanted(node) == [(o[2], 1, 2)]
    second = await force.rows.cell_key(
        o[2], force.rows.cells[0], created_ms=force.clock.at, generation=2
    )
    await force.flag(second, 3)
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
