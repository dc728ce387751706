"""Single connections: frames of every kind, slow and silent readers."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import msgspec
import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import CloseCode

from copconnect import wire
from copconnect.bus import AnyWakeup
from copconnect.ids import Seq
from copconnect.sockets import cursors, endpoint
from copconnect.sockets.connections import connection, heartbeat
from copconnect.sockets.connections.connection import MAX_CLIENT_FRAME_BYTES
from copconnect.sockets.feed import SeenCursor
from tests.harness.waiting import PATIENCE_S, until_async
from tests.sockets.live_world import Live, close_code, hello


@pytest.mark.parametrize(
    "first",
    [
        hello("nobody"),
        msgspec.msgpack.encode(wire.Cursors(updates=[])),
        b"\xc1 not MessagePack",
        b"",
        "text",
        bytes(200_000),
    ],
)
async def test_a_wrong_first_frame_closes(live: Live, first: bytes | str) -> None:
    async with live.raw() as socket:
        await socket.send(first)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == wire.CLOSE_UNAUTHENTICATED


async def test_silence_closes() -> None:
    async with Live(hello_ms=200).serving() as live, live.raw() as socket:
        assert await close_code(socket) == wire.CLOSE_UNAUTHENTICATED


@pytest.mark.parametrize(
    "frame",
    [
        hello("x"),
        b"\x81\xa1t\xa7cursors",
        b"\x82\xa1t\xa7cursors\xa7updates\xc0",
        b"\xdf\xff\xff\xff\xff",
        b"\x91" * 5000,
        bytes(200_000),
        "{}",
    ],
)
async def test_a_bad_frame_closes(live: Live, frame: bytes | str) -> None:
    async with live.client(live.officer()) as client:
        await client.socket.send(frame)
        assert await client.close_code() == wire.CLOSE_BAD_FRAME


async def test_a_frame_that_is_too_large_closes(live: Live) -> None:
    async with live.client(live.officer()) as client:
        await client.socket.send(bytes(MAX_CLIENT_FRAME_BYTES + 1))
        assert await client.close_code() == CloseCode.MESSAGE_TOO_BIG


async def test_a_message_in_several_frames_is_one(live: Live) -> None:
    """Browsers may cut a large message (RFC 6455 section 5.4)."""
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(a) as alice, live.client(b) as bob:
        await live.post(made, a)
        await alice.entry()
        update = wire.CursorUpdate(
            conversation_id=made.conversation_id, delivered_seq=Seq(1), read_seq=Seq(1)
        )
        whole = msgspec.msgpack.encode(wire.Cursors(updates=[update] * 3))
        await bob.socket.send([whole[:7], whole[7:50], whole[50:]])
        receipt = wire.Receipt(
            person_id=b.person_id, delivered_seq=Seq(1), read_seq=Seq(1), lacks=[]
        )
        assert await alice.next() == wire.Receipts(
            conversation_id=made.conversation_id, receipts=[receipt], receipts_version=1
        )
        endless = MAX_CLIENT_FRAME_BYTES // 2 * b"x"
        with suppress(ConnectionClosed):
            await bob.socket.send([endless] * 4)
        assert await bob.close_code() == wire.CLOSE_BAD_FRAME


async def test_a_message_in_any_number_of_frames_holds_nobody_up(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(a) as alice, live.client(b) as bob:
        await live.post(made, a)
        await alice.entry()
        update = wire.CursorUpdate(
            conversation_id=made.conversation_id, delivered_seq=Seq(1), read_seq=Seq(1)
        )
        whole = msgspec.msgpack.encode(wire.Cursors(updates=[update] * 3))
        # A binary message of empty frames, masked with zeros; the last frame has its bytes.
        empty = bytes([0, 0x80]) + bytes(4)
        last = bytes([0x80, 0x80 | 126]) + len(whole).to_bytes(2, "big") + bytes(4) + whole
        first = bytes([2, 0x80]) + bytes(4)
        bob.socket.transport.write(first + 500 * empty + last)
        assert isinstance(await alice.next(), wire.Receipts)
        bob.socket.transport.write(first + 200_000 * empty + last)
        assert await bob.close_code() == wire.CLOSE_TOO_MANY_FRAMES


async def test_firefox_asks_for_more_than_the_upgrade(live: Live) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    try:
        writer.write(
            b"GET /v1/socket?x=1 HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer
        assert b"permessage-deflate" not in answer
    finally:
        writer.close()


async def test_another_path_is_no_socket(live: Live) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{live.port}/v1/sockets", compression=None)
    assert refused.value.response.status_code == 404


async def test_silent_connections_are_ended_and_answering_ones_stay(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, live.officer())
    async with live.client(a) as alice, live.raw() as deaf:
        await deaf.send(hello(b.client_id))
        await deaf.recv()
        deaf.transport.pause_reading()
        connections = live.sockets.fanout.connections
        answering = next(one for one in connections if one.client == a)
        for silent in (1, 2):  # Turns; only after the second a ping is due.
            heartbeat.ping(connections)
            assert {one.unheard for one in connections} == {silent}
        await until_async(lambda: answering.unheard == 0, "the answer")
        heartbeat.ping(connections)
        assert answering.unheard == 1
        await until_async(lambda: len(live.sockets.fanout.connections) == 1, "the end")
        assert live.sockets.fanout.connections == [answering]
        await live.post(made, a)
        assert (await alice.entry()).seq == 1
        deaf.transport.resume_reading()  # So that closing it hears the end instead of waiting.


async def test_slow_reader_is_dropped_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSE_S", PATIENCE_S)
    async with Live(buffer_bytes=2 * 1024 * 1024).serving() as live:
        a, b, slow = live.officer(), live.officer(), live.officer()
        made = live.group(a, b, slow)
        async with live.raw(max_queue=1) as stuck, live.client(b) as bob:
            await stuck.send(hello(slow.client_id))
            await stuck.recv()
            stuck.transport.pause_reading()
            there = [one for one in live.sockets.fanout.connections if one.caller == slow]
            posts = 0
            while there[0].close_code is None:
                posts += 1
                assert posts < 200, "50 MB wait for a reader that reads nothing"
                await live.post(made, a, bytes(250_000))
                assert (await bob.entry()).seq == posts
            stuck.transport.resume_reading()
            with suppress(ConnectionClosed):
                async for _ in stuck:
                    pass
            assert stuck.close_code == wire.CLOSE_TOO_SLOW
            await live.post(made, a)
            assert (await bob.entry()).seq == posts + 1


async def test_a_cut_socket_is_forgotten(live: Live) -> None:
    a, b = live.officer(), live.officer()
    made = live.group(a, b)
    async with live.client(b) as bob:
        bob.socket.transport.abort()
        await until_async(lambda: not live.sockets.fanout.connections, "forgetting the socket")
        await live.post(made, a)
    async with live.client(b) as bob:
        assert bob.ready.heads[0].last_seq == 1


async def test_a_stop_waits_for_nobody_who_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint, "ANSWERS_S", 0.1)
    async with Live().serving() as live, live.raw() as deaf:
        a = live.officer()
        await deaf.send(hello(live.officer().client_id))
        await deaf.recv()
        async with live.client(a) as alice, live.raw() as stranger:
            deaf.transport.pause_reading()
            async with asyncio.timeout(PATIENCE_S):
                await live.sockets.close()
            assert await alice.close_code() == wire.CLOSE_RESTART
            assert await close_code(stranger) == wire.CLOSE_RESTART
        await until_async(lambda: not live.sockets.connections)
        async with live.raw() as late:  # Before the port is closed.
            assert await close_code(late) == wire.CLOSE_RESTART
        deaf.transport.resume_reading()


async def test_a_stop_waits_for_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients send their cursors again."""
    monkeypatch.setattr(cursors, "LAST_FLUSH_S", 0.05)
    async with Live().serving() as live:

        async def silent(_: Sequence[SeenCursor]) -> Sequence[AnyWakeup]:
            await asyncio.sleep(3600)
            raise AssertionError

        monkeypatch.setattr(live.feed, "store_cursors", silent)
        a = live.officer()
        made = live.group(a)
        live.sockets.cursors.add(
            SeenCursor(made.conversation_id, a.client_id, a.person_id, Seq(1), Seq(1))
        )
        with capture_logs() as logged:
            async with asyncio.timeout(PATIENCE_S):
                await live.sockets.close()
        assert [one["event"] for one in logged] == ["cursors_not_stored"]
