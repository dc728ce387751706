"""Whatever a socket is sent, it answers as documented or closes with a documented code."""

import contextlib
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from copconnect import wire
from tests.harness import databank
from tests.harness.officer import Device
from tests.harness.server import ServerProcess
from tests.harness.waiting import PATIENCE_S
from tests.harness.wire_values import JUNK, broken, valid

OFFICERS = 10
NORMAL, TOO_BIG = 1000, 1009  # RFC 6455 section 7.4.1.
FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FRAMES: st.SearchStrategy[bytes | str] = (
    st.binary(max_size=200)
    | st.text(max_size=100)
    | JUNK.map(msgspec.msgpack.encode)
    | (valid(wire.Cursors) | broken(wire.Cursors) | broken(wire.Hello)).map(msgspec.msgpack.encode)
)


@pytest.fixture(scope="module")
def live(serve: Callable[..., ServerProcess]) -> ServerProcess:
    """One server for the module."""
    return serve()


@pytest.fixture(scope="module")
def officers(live: ServerProcess) -> Iterator[Iterator[Device]]:
    """Registered officers in turns, as each may connect 16 times at once."""
    with contextlib.ExitStack() as stack:
        devices = [
            stack.enter_context(Device(live, one)).register()
            for one in databank.officers()[21 : 21 + OFFICERS]
        ]
        yield cycle(devices)


def dial(server: ServerProcess) -> ClientConnection:
    """Open a socket that has not said who it is."""
    return connect(
        f"ws://localhost:{server.port}/v1/socket", max_size=None, open_timeout=PATIENCE_S
    )


def greet(device: Device, socket: ClientConnection) -> wire.Ready:
    """Say who we are; return what the server answers."""
    token = device.http.headers["authorization"].removeprefix("Bearer ")
    hello = wire.Hello(version=wire.WIRE_VERSION, access_token=token, positions=[])
    socket.send(msgspec.msgpack.encode(hello))
    answer = socket.recv(timeout=PATIENCE_S)
    assert isinstance(answer, bytes)
    return msgspec.msgpack.decode(answer, type=wire.Ready)


def closed_with(socket: ClientConnection) -> int | None:
    """Wait until the server closes; return its code."""
    try:
        while True:
            socket.recv(timeout=PATIENCE_S)
    except ConnectionClosed as closed:
        return None if closed.rcvd is None else closed.rcvd.code


@FUZZ
@given(frame=FRAMES)
def test_a_stranger_is_turned_away(live: ServerProcess, frame: Any) -> None:
    with dial(live) as socket:
        socket.send(frame)
        assert closed_with(socket) in (wire.CLOSE_UNAUTHENTICATED, wire.CLOSE_BAD_FRAME)


@FUZZ
@given(frames=st.lists(FRAMES, max_size=5))
def test_an_officer_who_talks_nonsense_is_cut_off(
    live: ServerProcess, officers: Iterator[Device], frames: list[Any]
) -> None:
    officer = next(officers)
    with dial(live) as socket:
        greet(officer, socket)
        with contextlib.suppress(ConnectionClosed):
            for frame in frames:
                socket.send(frame)
            assert socket.ping(ack_on_close=True).wait(PATIENCE_S)  # All before it has been read.
        socket.close()
        assert socket.close_code in (NORMAL, wire.CLOSE_BAD_FRAME)
    with dial(live) as socket:
        assert greet(officer, socket).server_time_ms > 0


def test_a_wrong_token_is_turned_away(live: ServerProcess) -> None:
    with dial(live) as socket:
        hello = wire.Hello(version=wire.WIRE_VERSION, access_token="x" * 43, positions=[])
        socket.send(msgspec.msgpack.encode(hello))
        assert closed_with(socket) == wire.CLOSE_UNAUTHENTICATED


def test_a_huge_frame_closes_the_socket_and_nothing_else(
    live: ServerProcess, officers: Iterator[Device]
) -> None:
    with dial(live) as other, dial(live) as socket:
        greet(next(officers), other)
        greet(next(officers), socket)
        # Its head alone: who writes on to a closed connection may be reset before the code comes.
        masked_binary_of_64_bits = b"\x82\xff"
        length, mask = (8 * 1024 * 1024).to_bytes(8), bytes(4)
        socket.socket.sendall(masked_binary_of_64_bits + length + mask)
        assert closed_with(socket) in (TOO_BIG, wire.CLOSE_BAD_FRAME)
        assert other.ping().wait(PATIENCE_S)
