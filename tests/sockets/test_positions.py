"""Live positions: passed on to the members and kept for a while, in memory alone."""

from collections import OrderedDict
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

import pytest

from copconnect import wire
from copconnect.bus import PositionWakeup, RosterWakeup
from copconnect.sockets.positions import APART_MS, KEPT_MS
from tests.sockets.live_world import Live, LiveClient


async def _say(client: LiveClient, frame: wire.ClientFrame) -> None:
    """Send a frame that the server has taken before the next step."""
    await client.send(frame)
    await (await client.socket.ping())


async def test_positions_reach_members_and_the_newest_waits_for_who_asks(live: Live) -> None:
    a, b, stranger = live.officer(), live.officer(), live.officer()
    made = live.group(a, b)
    here, positions = made.conversation_id, live.sockets.positions

    def sent(data: bytes) -> wire.SendPosition:
        return wire.SendPosition(conversation_id=here, data=data)

    async with live.client(a) as alice, live.client(b) as bob, live.client(stranger) as other:
        await _say(alice, sent(b"one"))
        await positions.publish()
        assert await bob.next() == wire.PositionFrame(conversation_id=here, data=b"one")
        await _say(alice, sent(b"too soon"))
        await _say(other, sent(b"not a member's"))
        await positions.publish()
        live.feed.now_ms += APART_MS
        await _say(alice, sent(b"two"))
        await _say(alice, sent(b"three"))
        await positions.publish()
        assert await bob.next() == wire.PositionFrame(conversation_id=here, data=b"three")
        await _say(bob, wire.WatchPositions(conversation_id=here))
        assert await bob.next() == wire.PositionFrame(conversation_id=here, data=b"three")
        assert len(positions) == 1
        live.feed.now_ms += KEPT_MS + 1
        await _say(bob, wire.WatchPositions(conversation_id=here))
        await _say(alice, sent(b"four"))
        await positions.publish()
        assert await bob.next() == wire.PositionFrame(conversation_id=here, data=b"four"), "old"
        await _say(alice, sent(b""))
        await positions.publish()
        assert len(positions) == 0, "who stops is forgotten"


class Watched(OrderedDict[Any, Any]):
    """Counts the values that are read from it or walked over."""

    read = 0

    def __getitem__(self, key: Any) -> Any:
        Watched.read += 1
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[Any]:
        for key in super().__iter__():
            Watched.read += 1
            yield key

    def keys(self) -> Any:
        return KeysView(self)

    def values(self) -> Any:
        return ValuesView(self)

    def items(self) -> Any:
        return ItemsView(self)


async def test_a_question_costs_what_is_kept_of_its_conversation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("copconnect.sockets.positions.OrderedDict", Watched)
    monkeypatch.setattr("copconnect.sockets.positions.MOST_KEPT", 200)
    async with Live().serving() as live:
        await ask_among_many(live)


async def ask_among_many(live: Live) -> None:
    a, b = live.officer(), live.officer()
    here, elsewhere = live.group(a, b), [live.group(a) for _ in range(300)]
    positions = live.sockets.positions
    for made in [*elsewhere, here]:
        kept = PositionWakeup(
            conversation_id=made.conversation_id, client_id=a.client_id, data=b"one"
        )
        await positions.receive(kept)
    assert len(positions) == 200, "the oldest are forgotten"
    before = Watched.read
    async with live.client(b) as bob:
        await _say(bob, wire.WatchPositions(conversation_id=here.conversation_id))
        frame = wire.PositionFrame(conversation_id=here.conversation_id, data=b"one")
        assert await bob.next() == frame
    assert Watched.read - before == 1
    for made in [*elsewhere, here]:
        left = RosterWakeup(
            conversation_id=made.conversation_id,
            epoch=2,
            cells=1,
            devices=1,
            added={},
            removed=[a.client_id],
            whole=True,
        )
        await positions.receive(left)
    assert len(positions) == 0
    assert Watched.read - before == 1 + 200


async def test_the_position_of_a_removed_device_is_forgotten(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    positions = live.sockets.positions
    async with live.client(a) as alice:
        await _say(alice, wire.SendPosition(conversation_id=made.conversation_id, data=b"here"))
        await positions.publish()
        assert len(positions) == 1
        removed = RosterWakeup(
            conversation_id=made.conversation_id,
            epoch=2,
            cells=1,
            devices=1,
            added={},
            removed=[a.client_id],
            whole=True,
        )
        await positions.receive(removed)
        assert len(positions) == 0
