"""D7: which device a node asks for the next conversation key, and when."""

import pytest

from copconnect import wire
from copconnect.bus import RosterWakeup
from copconnect.database.engine import Database
from copconnect.delivery.live.asking import HelpRequests
from copconnect.delivery.live.key_asking import (
    KEY_AGAIN_MS,
    KEY_PAUSE_MS,
    LOOK_MS,
    PATIENCE_MS,
    SCAN_MS,
)
from copconnect.delivery.rules.limits import HOUR_MS
from copconnect.principals import Caller
from tests.live.cell_force import CellForce, cell_keys, made
from tests.live.connected import Node

pytestmark = pytest.mark.databases("sqlite")


async def small(database: Database, messages: int = 1) -> tuple[CellForce, Node, HelpRequests]:
    """A conversation of one cell, with a key that was used."""
    force = await made(database, cells=1, people=5)
    await force.rows.key(force.officers[0], created_ms=force.clock.at, messages=messages)
    node, asking = force.node(*force.officers)
    await asking.work()
    assert node.asked() == []
    return force, node, asking


async def remove(force: CellForce, *who: Caller) -> RosterWakeup:
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
