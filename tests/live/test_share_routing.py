"""D4: whom a node asks for what a device lacks, and in which order."""

from collections.abc import Collection

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.database.engine import Database
from copconnect.delivery.live.share_routing import AGAIN_MS, PAUSE_MS
from copconnect.delivery.store import shares
from copconnect.delivery.store.shares import Asker
from copconnect.records.conversation.key_share import SecretName
from copconnect.records.conversation.roster import HeadStamp, RosterHead, check_proof
from tests.live.rows import device
from tests.live.share_force import Force

pytestmark = pytest.mark.databases("sqlite")


async def test_d4_own_devices_first_then_the_longest_connected_one_at_a_time(force: Force) -> None:
    node, asking = force.node(*force.others, force.own, force.asker)
    await asking.receive(await force.lack())
    await asking.work()
    assert node.asked() == [force.own]
    await asking.work()
    assert node.asked() == []
    force.clock.at += AGAIN_MS
    assert await force.turns(node, asking, 6) == force.others  # Then all were asked.
    force.clock.at += PAUSE_MS
    assert await force.turns(node, asking, 2) == [force.own, force.others[0]]  # By now, perhaps.


async def test_d4_a_device_that_lacks_the_same_is_not_asked(force: Force) -> None:
    """K4: of a key that was sealed as rubbish everybody else asks for a share."""
    author, *receivers = force.others
    node, asking = force.node(*receivers, author)
    for force.asker in receivers:
        await asking.receive(await force.lack())
    questions = []
    for _ in range(10):
        await asking.work()
        questions += node.questions()
        force.clock.at += AGAIN_MS
    assert questions == [(author, [one.device.hex() for one in receivers])]
    # A device that has opened it helps the others.
    force.asker = receivers[0]
    await asking.receive(force.opened(force.asker))
    asking.shares.entered()
    await asking.work()
    assert node.questions() == [(receivers[0], [one.device.hex() for one in receivers[1:]])]


@pytest.mark.databases("sqlite", "postgresql")
async def test_d4_who_is_left_out_of_an_answer_asks_the_next_device(force: Force) -> None:
    askers = [device() for _ in range(3)]
    await force.join(askers)
    node, asking = force.node(*force.others[:2], *askers)
    await force.all_lack(asking, askers)
    await asking.work()
    node.questions()
    await force.help(asking, askers[:2])
    await asking.work()
    assert node.questions() == [(force.others[1], [askers[2].device.hex()])]


async def test_d4_the_next_device_is_asked_at_once_if_a_connection_ends(force: Force) -> None:
    node, asking = force.node(*force.others[:2], force.asker)
    await asking.receive(await force.lack())
    await asking.work()
    assert node.asked() == [force.others[0]]
    node.there.remove(force.others[0])
    await asking.work()
    assert node.asked() == [force.others[1]]


async def test_d4_of_two_nodes_one_asks(force: Force) -> None:
    nodes = [force.node(one) for one in force.others[:4]]
    wakeup = msgspec.structs.replace(await force.lack(), anybody=True)
    for _, asking in nodes:
        await asking.receive(wakeup)
        await asking.work()
    assert [len(node.asked()) for node, _ in nodes] == [1, 0, 0, 0]
    force.clock.at += AGAIN_MS
    for _, asking in reversed(nodes):
        await asking.work()
    assert [len(node.asked()) for node, _ in nodes] == [0, 0, 0, 1]


async def test_d4_a_removed_member_is_in_no_question(force: Force) -> None:
    askers = [device() for _ in range(4)]
    await force.join(askers)
    node, asking = force.node(force.others[0], *askers)
    await force.all_lack(asking, askers)
    await force.rows.roster(remove=[askers[2]])
    await asking.work()
    left = [one.device.hex() for one in askers if one is not askers[2]]
    assert node.questions() == [(force.others[0], left)]


async def test_d4_a_helper_is_told_what_it_must_check(force: Force) -> None:
    node, asking = force.node(force.own, force.asker)
    await asking.receive(await force.lack(count=2))
    await asking.work()
    ((_, frame),) = node.frames
    assert isinstance(frame, wire.ShareWanted)
    head = RosterHead.parse(frame.head)
    stamp = HeadStamp.parse(frame.stamp)
    assert (stamp.head, stamp.time) == (head.hash(), force.clock.at)
    (asker,) = frame.askers
    leaf, _ = check_proof(head, force.asker.device, asker.proof, "H1")
    assert leaf.device == force.asker.device
    assert (asker.device, asker.person_id) == (force.asker.device.hex(), force.asker.person_id)
    assert asker.keys == [b"key of " + force.asker.device]
    assert frame.references == [
        wire.ShareReference(kind=1, reference=n.to_bytes(16, "big").hex()) for n in range(2)
    ]


async def test_d4_more_that_is_lacked_while_helpers_are_told(
    force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, asking = force.node(force.own, force.asker)
    await force.lack(count=2)
    await asking.receive(force.announced(count=1))
    read = shares.requested

    async def early(
        connection: AsyncConnection, askers: Collection[Asker]
    ) -> dict[Asker, set[SecretName]]:
        """Read before the second was written; it is announced before any device is notified."""
        monkeypatch.undo()
        await asking.receive(force.announced(count=2))
        return {key: {min(found)} for key, found in (await read(connection, askers)).items()}

    monkeypatch.setattr(shares, "requested", early)
    await asking.work()
    told = [frame.references for _, frame in node.frames if isinstance(frame, wire.ShareWanted)]
    assert [len(references) for references in told] == [2]


async def test_d4_an_unlisted_device_gets_no_help(force: Force) -> None:
    node, asking = force.node(*force.others)
    wakeup = await force.lack()
    await force.rows.roster(remove=[force.asker])
    await asking.receive(wakeup)
    force.clock.at += AGAIN_MS
    await asking.work()
    assert node.asked() == []
    assert len(asking.shares) == 0


async def test_d4_devices_of_the_cell_are_asked_for_its_key_first(database: Database) -> None:
    force = await Force(database).fill(cells=2)
    # Asker and others 1, 3 sit in the first cell, others 0, 2, 4 in the second, own in the first.
    node, asking = force.node(*force.others, force.asker)
    await asking.receive(await force.lack(kind=2))
    found = []
    for _ in range(3):
        await asking.shares.work()
        found += node.asked()
        force.clock.at += AGAIN_MS
    assert found == [force.others[1], force.others[3], force.others[0]]
