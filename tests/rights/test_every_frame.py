"""Every frame of the socket: who may send it, and whom it reaches (``expected_socket.py``)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, get_args

import msgspec
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from copconnect import wire
from copconnect.bus import PositionWakeup, RosterWakeup
from copconnect.delivery.live.share_helpers import Question
from copconnect.ids import ClientId, ConversationId, Seq, new_id
from tests.harness.waiting import PATIENCE_S, until_async
from tests.rights.expected_socket import IGNORED, READY, SENT, TAKEN, TOLD
from tests.rights.socket_events import EVENTS
from tests.rights.world import Account, World
from tests.sockets.listening import listening

pytestmark = pytest.mark.asyncio(loop_scope="module")
_FRAME = msgspec.msgpack.Decoder(wire.ServerFrame)
NOBODYS_TOKEN = "x"

ADVICE = """no rule says {question} {frame}.
Add a line to {table} in tests/rights/expected_socket.py, beside the frames of its kind{more}."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port(world: World) -> AsyncIterator[int]:
    """Serve the world's sockets; return the port."""
    async with listening(world.whole.sockets) as found:
        yield found


@contextlib.asynccontextmanager
async def greeted(world: World, port: int, account: Account) -> AsyncIterator[ClientConnection]:
    """Connect and say Hello."""
    token = world.headers[account].get("authorization", "").partition(" ")[2]
    hello = wire.Hello(version=2, access_token=token or NOBODYS_TOKEN, positions=[])
    address = f"ws://127.0.0.1:{port}/v1/socket"
    async with connect(address, compression=None, max_queue=None) as socket:
        await socket.send(msgspec.msgpack.encode(hello))
        yield socket


async def next_of(socket: ClientConnection) -> wire.ServerFrame | int | None:
    """Return the next frame, or the code with which the server closed."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            frame: wire.ServerFrame = _FRAME.decode(await socket.recv(decode=False))
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else None
    return frame


def tags(frames: Any) -> set[str]:
    return {str(one.__struct_config__.tag) for one in get_args(frames)}


async def test_every_frame_has_a_line() -> None:
    for frame in sorted(tags(wire.ClientFrame) - SENT.keys()):
        raise AssertionError(
            ADVICE.format(question="who may send", frame=frame, table="SENT", more="")
        )
    for frame in sorted(tags(wire.ServerFrame) - TOLD.keys()):
        more = ",\nand what makes the server send one to EVENTS in tests/rights/socket_events.py"
        raise AssertionError(
            ADVICE.format(question="whom the server sends", frame=frame, table="TOLD", more=more)
        )
    assert SENT.keys() == tags(wire.ClientFrame)
    assert TOLD.keys() == tags(wire.ServerFrame) == EVENTS.keys() | {"ready"}


async def test_every_account_is_greeted_or_turned_away(world: World, port: int) -> None:
    for account in Account:
        async with greeted(world, port, account) as socket:
            first = await next_of(socket)
        expected = SENT["hello"][account]
        found = READY if isinstance(first, wire.Ready) else first
        assert found == expected, account.value
        assert (found == READY) == (account in TOLD["ready"]), account.value


async def test_cursors_count_of_members_alone(world: World, port: int) -> None:
    update = wire.CursorUpdate(conversation_id=world.group, delivered_seq=Seq(0), read_seq=Seq(0))
    frame = msgspec.msgpack.encode(wire.Cursors(updates=[update]))
    taken: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            world.whole.sockets.cursors, "add", lambda cursor: taken.append(cursor.client_id)
        )
        for account in Account:
            taken.clear()
            async with greeted(world, port, account) as socket:
                found: Any = await next_of(socket)
                if isinstance(found, wire.Ready):
                    await socket.send(frame)
                    await (await socket.ping())
                    found = TAKEN if taken else IGNORED
            assert found == SENT["cursors"][account], account.value


async def test_positions_are_passed_on_for_members_alone(world: World, port: int) -> None:
    positions = world.whole.sockets.positions
    send = msgspec.msgpack.encode(wire.SendPosition(conversation_id=world.group, data=b"p"))
    watch = msgspec.msgpack.encode(wire.WatchPositions(conversation_id=world.group))
    head = PositionWakeup(conversation_id=world.group, client_id=ClientId("f" * 32), data=b"h")
    for account in Account:
        async with greeted(world, port, account) as socket:
            found: Any = await next_of(socket)
            asked = found
            if isinstance(found, wire.Ready):
                await positions.receive(head)
                await socket.send(watch)
                await (await socket.ping())
                told = await _until_last(world, account, socket)
                asked = TAKEN if "position" in told else IGNORED
                await socket.send(send)
                await (await socket.ping())
                before = len(positions)
                await positions.publish()
                found = TAKEN if len(positions) > before else IGNORED
                await positions.receive(
                    RosterWakeup(
                        conversation_id=world.group,
                        epoch=9,
                        cells=1,
                        devices=1,
                        added={},
                        removed=[],
                        whole=False,
                    )
                )
        assert found == SENT["send_position"][account], account.value
        assert asked == SENT["watch_positions"][account], account.value


async def test_only_a_device_that_was_asked_makes_shares(world: World, port: int) -> None:
    shares = world.whole.delivery.asking.shares
    asked = world.devices[Account.OFFICER].client_id
    question = Question(asked, {}, 2**50)
    frame = msgspec.msgpack.encode(wire.Working(conversation_id=world.group))
    for account in Account:
        question.working = False
        async with greeted(world, port, account) as socket:
            found: Any = await next_of(socket)
            if isinstance(found, wire.Ready):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(shares, "questions", {(asked, world.group): question})
                    await socket.send(frame)
                    await (await socket.ping())
                    found = TAKEN if question.working else IGNORED
        assert found == SENT["working"][account], account.value


async def test_orders_are_watched_by_those_who_oversee_them(world: World, port: int) -> None:
    frame = msgspec.msgpack.encode(wire.WatchOrder(order_id=world.order, unit_id=None))
    watching = world.whole.orders.watching
    for account in Account:
        async with greeted(world, port, account) as socket:
            found: Any = await next_of(socket)
            if isinstance(found, wire.Ready):
                await socket.send(frame)
                await (await socket.ping())
                await watching.round()
                found = TAKEN if watching.watched else IGNORED
        await until_async(lambda: not watching.watched)
        assert found == SENT["watch_order"][account], account.value


async def test_every_frame_reaches_those_of_its_line(world: World, port: int) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sockets: dict[Account, ClientConnection] = {}
        for account in sorted(TOLD["ready"], key=lambda one: one.name):
            socket = await stack.enter_async_context(greeted(world, port, account))
            assert isinstance(await next_of(socket), wire.Ready)
            sockets[account] = socket
        for tag, event in EVENTS.items():
            await event(world)
            reached = await _reached(world, sockets, tag)
            assert reached == TOLD[tag], f"{tag} reaches {[one.value for one in reached]}"


async def _reached(
    world: World, sockets: dict[Account, ClientConnection], tag: str
) -> frozenset[Account]:
    """Return who is sent such a frame by what has happened: read up to a frame that is sent to
    everybody afterwards."""
    fanout = world.whole.sockets.fanout
    await until_async(lambda: not world.whole.sockets.waiting and fanout.under_way == 0)
    reached = set()
    for account, socket in sockets.items():
        if tag in await _until_last(world, account, socket):
            reached.add(account)
    return frozenset(reached)


async def _until_last(world: World, account: Account, socket: ClientConnection) -> set[str]:
    """Return the tags of the frames that wait at a connected account."""
    last = wire.ShareFrame(conversation_id=ConversationId(new_id()), share=b"last")
    assert world.whole.sockets.fanout.push_to(world.devices[account].client_id, last)
    found: set[str] = set()
    while (frame := await next_of(socket)) != last:
        assert isinstance(frame, wire.ServerFrame), f"{account.value}: {frame}"
        found.add(str(frame.__struct_config__.tag))
    return found
