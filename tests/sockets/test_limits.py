"""Frames of a device and of a person are limited; what an app sends at its busiest passes."""

from collections.abc import Sequence

import msgspec
from websockets.exceptions import ConnectionClosed

from copconnect import wire
from copconnect.ids import ConversationId, Seq
from copconnect.principals import Caller
from copconnect.sockets.admission import HELLO_FRAMES
from copconnect.sockets.endpoint import FRAME_BYTES, FRAMES_AT_ONCE, FRAMES_BEFORE_READY, Limits
from tests.sockets.live_world import Live, LiveClient, Served, hello

MANY = [
    wire.CursorUpdate(
        conversation_id=ConversationId(f"{number:032x}"),
        delivered_seq=Seq(9),
        read_seq=Seq(9),
    )
    for number in range(wire.CURSORS_IN_FRAME)
]
EMPTY = msgspec.msgpack.encode(wire.Cursors(updates=[]))


async def send(client: LiveClient, frames: Sequence[bytes]) -> None:
    """Send frames, and wait until the server has taken all."""
    for frame in frames:
        await client.socket.send(frame)
    await (await client.socket.ping())


async def test_a_flood_of_a_device_closes_it_and_nobody_else(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(a) as alice, live.client(b) as bob:
        for _ in range(FRAMES_AT_ONCE + 1):
            await alice.socket.send(EMPTY)
        assert await alice.close_code() == wire.CLOSE_TOO_MANY_FRAMES
        assert alice.socket.close_reason == "frames_per_device"
        await live.post(made, b)
        await bob.entry()
    await _is_turned_away(live, a)  # A new connection is no new budget.
    live.feed.now_ms += 30_000  # As its app does.
    async with live.client(a) as back:
        await send(back, [EMPTY] * 100)
        assert back.socket.state.name == "OPEN"


async def _is_turned_away(live: Live, device: Caller) -> None:
    async with live.raw() as socket:
        await socket.send(hello(device.client_id))
        await socket.wait_closed()
        assert socket.close_code == wire.CLOSE_TOO_MANY_FRAMES
        assert socket.close_reason == "frames_per_device"


async def test_connections_count_as_frames(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        for _ in range(FRAMES_AT_ONCE // HELLO_FRAMES):
            async with live.client(a):
                pass
        await _is_turned_away(live, a)
        await live.post(made, b)
        await bob.entry()
    live.feed.now_ms += 30_000  # As its app does.
    async with live.client(a) as back:
        await send(back, [EMPTY] * 100)


async def test_pings_count_and_a_large_frame_counts_as_several(live: Live) -> None:
    async with live.client(live.officer()) as pinging:
        for _ in range(FRAMES_AT_ONCE + 1):
            await pinging.socket.ping()
        assert await pinging.close_code() == wire.CLOSE_TOO_MANY_FRAMES
    large = msgspec.msgpack.encode(wire.Cursors(updates=MANY))
    frames = (FRAMES_AT_ONCE - HELLO_FRAMES) // (1 + len(large) // FRAME_BYTES)
    async with live.client(live.officer()) as one:
        await send(one, [large] * frames)
        assert one.socket.state.name == "OPEN"
        for _ in range(2):
            await one.socket.send(large)
        assert await one.close_code() == wire.CLOSE_TOO_MANY_FRAMES


async def test_the_devices_of_a_person_share_a_limit(live: Live) -> None:
    devices = [live.officer("ab" * 16) for _ in range(5)]
    closed: list[str] = []
    for device in devices:
        try:
            async with live.client(device) as one:
                await send(one, [EMPTY] * (FRAMES_AT_ONCE - HELLO_FRAMES - 10))
        except ConnectionClosed as error:
            closed.append(error.rcvd.reason if error.rcvd is not None else "")
    assert closed == ["frames_per_person"] * 2


async def test_another_node_is_no_new_budget(live: Live) -> None:
    device = live.officer()
    other = Served(live.feed, live.bus, live.clock)
    other.tokens.callers[device.client_id] = device
    async with live.client(device) as one:
        await send(one, [EMPTY] * (FRAMES_AT_ONCE - 2 * HELLO_FRAMES - 100))
        await live.rates.tell()
    async with other.serving(), other.client(device) as one:
        for _ in range(101):
            await one.socket.send(EMPTY)
        assert await one.close_code() == wire.CLOSE_TOO_MANY_FRAMES
        assert one.socket.close_reason == "frames_per_device"


async def test_a_return_after_weeks_passes(live: Live) -> None:
    """An app that catches up sends 20 frames a second for minutes, each with many cursors."""
    a = live.officer()
    async with live.client(a) as alice:
        await send(alice, [msgspec.msgpack.encode(wire.Cursors(updates=MANY))])
        for _ in range(300):
            live.feed.now_ms += 1_000
            await send(alice, [EMPTY] * 20)
        assert alice.socket.state.name == "OPEN"
    assert Limits().frames_per_minute > 20 * 60


async def test_a_connection_sends_little_before_it_is_let_in(live: Live) -> None:
    live.tokens.answers.clear()
    async with live.raw() as socket:
        await socket.send(hello(live.officer().client_id))
        for _ in range(FRAMES_BEFORE_READY):
            await socket.ping()
        await socket.wait_closed()
        assert socket.close_code == wire.CLOSE_TOO_MANY_FRAMES
    live.tokens.answers.set()
