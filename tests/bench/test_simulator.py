"""The load simulator at a real server: it opens what it should, and notices what is lost, repeated,
changed, or not for it."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from bench.crowd.sending import Client, Sender, Sent
from bench.crowd.simulator import Simulator
from copconnect import wire
from copconnect.records.conversation.message import MessageHeader, check_signed
from tests.bench.conftest import PEOPLE, World

LIMIT_S = 60


@pytest.fixture
async def simulator(world: World) -> AsyncIterator[Simulator]:
    """Every device but the sender's, connected."""
    made = await Simulator.start(world.population, world.address)
    await made.connections.connect(made.devices, LIMIT_S)
    assert made.connections.ready == PEOPLE - 1
    yield made
    await made.disconnect()


async def _send(world: World, text: str = "text") -> Sent:
    return await asyncio.to_thread(world.sender.send, text)


async def _sent(world: World, simulator: Simulator, text: str = "text") -> Sent:
    """Send a message, and wait until it is at every device, unopened."""
    sent = await _send(world, text)
    assert await simulator.came_everywhere(sent.message_id, LIMIT_S) == PEOPLE - 1
    return sent


def _clean(verdict: dict[str, object], messages: int) -> bool:
    faults = ("lost", "duplicates", "repeated", "unexpected", "alarms", "waiting", "without_key")
    right = verdict["opened"] == messages * (PEOPLE - 1) and not verdict["refused"]
    return right and not any(verdict[name] for name in faults)


async def test_every_device_opens_every_message_once(world: World, simulator: Simulator) -> None:
    first = await _sent(world, simulator)
    # It begins a key, with a seal for each of the three cells; the second is under it.
    assert first.key_bytes > 3 * 1184
    assert _clean(simulator.verdict([]) | {"opened": 0, "unexpected": 0}, 0)
    simulator.open_all()
    assert _clean(simulator.verdict([first.message_id]), 1)
    second = await _sent(world, simulator)
    assert (second.key_bytes, second.upload_bytes < 2_000) == (0, True)
    # The second has no supplement: devices have what they need.
    assert simulator.entry_bytes < 1_000
    simulator.open_all()
    assert _clean(simulator.verdict([first.message_id, second.message_id]), 2)
    assert simulator.reading.keys_opened == PEOPLE - 1


async def test_each_device_checks_for_itself_when_told(
    world: World, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _sent(world, simulator)
    simulator.open_all()
    checked = 0

    def counted(header: MessageHeader, body: bytes, key: bytes) -> None:
        nonlocal checked
        checked += 1
        check_signed(header, body, key)

    monkeypatch.setattr("bench.crowd.knowledge.check_signed", counted)
    simulator.reading.share(sharing=False)
    await _sent(world, simulator)
    simulator.open_all()
    assert checked == PEOPLE - 1


async def test_a_lost_frame_is_lost(world: World, simulator: Simulator) -> None:
    first = await _sent(world, simulator)
    at = next(i for i, one in enumerate(simulator.inbox) if b"entry" in one[1][:9])
    del simulator.inbox[at]
    simulator.open_all()
    verdict = simulator.verdict([first.message_id])
    assert (verdict["lost"], verdict["duplicates"]) == (1, 0)
    second = await _sent(world, simulator)
    simulator.open_all()
    # The device notices that the log has a gap: it cannot know the log's hash any more.
    verdict = simulator.verdict([first.message_id, second.message_id])
    assert (verdict["lost"], verdict["refused"]) == (2, {"entries are missing": 1})


async def test_a_repeated_frame_is_counted_and_dropped(world: World, simulator: Simulator) -> None:
    sent = await _sent(world, simulator)
    again = next(one for one in simulator.inbox if b"entry" in one[1][:9])
    simulator.inbox.append(again)
    simulator.open_all()
    verdict = simulator.verdict([sent.message_id])
    assert (verdict["repeated"], verdict["lost"], verdict["duplicates"]) == (1, 0, 0)


async def test_changed_messages_are_refused(world: World, simulator: Simulator) -> None:
    sent = await _sent(world, simulator)
    frames = [one for one in simulator.inbox if b"entry" in one[1][:9]]
    device, payload, at = frames[0]
    changed = bytearray(payload)
    body = payload.rindex(msgspec.msgpack.decode(payload, type=wire.EntryFrame).entry.message[-20:])
    changed[body] ^= 1
    simulator.inbox[simulator.inbox.index(frames[0])] = (device, bytes(changed), at)
    simulator.open_all()
    verdict = simulator.verdict([sent.message_id])
    assert verdict["refused"] == {"R3: not the body that was signed": 1}
    assert verdict["lost"] == 1


async def test_a_seal_for_another_cell_opens_for_nobody(world: World, simulator: Simulator) -> None:
    places = [place for one in simulator.devices for place in one.places.values()]
    other = next(one for one in places if one.cell_keys != places[0].cell_keys)
    places[0].cell_keys = other.cell_keys
    sent = await _sent(world, simulator)
    simulator.open_all()
    verdict = simulator.verdict([sent.message_id])
    assert (verdict["lost"], verdict["waiting"], verdict["without_key"]) == (1, 1, 1)


async def test_devices_come_back_for_what_they_missed(world: World, simulator: Simulator) -> None:
    first = await _sent(world, simulator)
    simulator.open_all()
    await simulator.connections.disconnect(simulator.devices)
    # While they are away somebody of another cell signs out: the next message begins another key.
    # All devices of the sender's own cell are away, so that none could make a key for it.
    (conversation,) = world.prepared.conversations
    others = next(cell for cell in conversation.cells if 0 not in cell.members)
    leaving = world.prepared.force.devices[others.members[0]]
    simulator.devices.remove(  # It has no connection any more.
        next(one for one in simulator.devices if one.planned.device == leaving.device)
    )
    client = Client(world.address, leaving.token)
    await asyncio.to_thread(client.raw, "POST", "/v1/sign-out", leaving.sign_out())
    client.close()
    second = await _send(world)
    assert second.key_bytes > 0
    simulator.connections.come_back(simulator.devices)
    ids = [first.message_id, second.message_id]
    there = PEOPLE - 2

    def everywhere() -> bool:
        return simulator.reading.delivery(ids[1]).opened.count(1) == there

    assert await simulator.connections.until(everywhere, LIMIT_S), simulator.verdict(ids)
    verdict = simulator.verdict(ids)
    assert (verdict["refused"], verdict["waiting"], verdict["duplicates"]) == ({}, 0, 0)


async def test_a_device_without_a_position_reads_the_whole_log(world: World) -> None:
    sent = [await _send(world, f"text {number}") for number in range(3)]
    late = await Simulator.start(world.population, world.address)
    late.connections.live = True
    await late.connections.connect(late.devices, LIMIT_S)
    ids = [one.message_id for one in sent]
    assert await late.connections.until(lambda: late.missing(ids) == 0, LIMIT_S)
    assert _clean(late.verdict(ids), 3)
    assert late.asked_log == PEOPLE - 1
    await late.disconnect()


async def test_a_device_that_lost_a_key_gets_a_share(world: World, simulator: Simulator) -> None:
    simulator.connections.live = True
    first = await _send(world)
    ids = [first.message_id]
    assert await simulator.connections.until(lambda: simulator.missing(ids) == 0, LIMIT_S)
    (conversation,) = world.prepared.conversations
    device = simulator.devices[3]
    place = device.places[conversation.conversation_id]
    (key_id,) = place.receiver.secrets
    place.receiver.secrets.clear()
    place.lacking[key_id] = None
    simulator.duties.lacks(device, conversation.conversation_id, place, "entry", 0.0)
    second = await _send(world)
    ids.append(second.message_id)
    opened = simulator.reading.delivery(second.message_id).opened
    there = PEOPLE - 1
    assert await simulator.connections.until(lambda: opened.count(1) == there, LIMIT_S)
    duties = simulator.duties
    assert (duties.asked.total(), duties.share_posts >= 1) == (1, True)
    assert not duties.failed
    assert _clean(simulator.verdict(ids), 2)


async def test_a_cell_that_lost_a_device_gets_a_key_from_one_of_its_others(
    world: World, simulator: Simulator
) -> None:
    simulator.connections.live = True
    await _send(world)
    leaving = simulator.devices[4]
    client = Client(world.address, leaving.planned.token)
    await asyncio.to_thread(client.raw, "POST", "/v1/sign-out", leaving.planned.sign_out())
    client.close()
    duties = simulator.duties
    (left,) = leaving.places.values()
    until = simulator.connections.until
    assert await until(lambda: duties.cell_keys_made == 1 and left.gone, LIMIT_S)
    sent = await _send(world)
    opened = simulator.reading.delivery(sent.message_id).opened
    there = PEOPLE - 2
    assert await simulator.connections.until(lambda: opened.count(1) == there, LIMIT_S)
    (conversation,) = world.prepared.conversations
    messages = [(sent.message_id, sent.seq)]
    assert simulator.lost(conversation.conversation_id, messages) == 0
    # The secrets of the device that left open no later message.
    assert not opened[leaving.index]


async def test_a_sender_takes_up_a_key_that_somebody_else_made(
    world: World, simulator: Simulator
) -> None:
    """As after a transfer, when a member was asked for the key first (D7)."""
    await _sent(world, simulator)
    other = world.prepared.force.devices[1]
    devices = {one.device: one for one in world.prepared.force.devices}
    second = Sender(other, world.sender.conversation_id, world.address, devices)
    sent = await asyncio.to_thread(second.send, "under the same key")
    second.client.close()
    assert sent.key_bytes == 0
    assert second.key() == world.sender.key()
