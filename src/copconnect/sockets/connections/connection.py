"""One live connection: a WebSocket that frames are written to, and how it ends.

A slow reader never delays anybody: ``push`` only hands bytes to the transport. Bytes that the
reader does not take wait there, and beyond the limit the connection is closed as too slow; the
client catches up from the log. Frames are parsed by picows; outgoing frames are built once for
all connections (:mod:`copconnect.sockets.connections.framing`) and written as they are.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest
from picows.picows import WSAutoPingStrategy, WSProtocol  # type: ignore[attr-defined]

from copconnect import wire
from copconnect.ids import ConversationId
from copconnect.principals import Caller
from copconnect.sockets.connections import framing

PATH = "/v1/socket"
MAX_CLIENT_FRAME_BYTES = 256 * 1024  # A thousand cursors are 100 KB.
_READ_BUFFER_BYTES = 2048  # At first; it grows with the frames that a client sends.
CLOSE_S = 5.0  # How long a peer may take to answer a close, and to read what it was sent.
_MESSAGES = (WSMsgType.BINARY, WSMsgType.CONTINUATION)
# An adapter keeps picows from making a logger for each connection.
_LOG = logging.LoggerAdapter(logging.getLogger("picows.server"), {})
_LOG.logger.setLevel(logging.CRITICAL)  # Peers that break the protocol are no news.


class Owner(Protocol):
    """The receiver of a connection's events."""

    def opened(self, connection: "Connection") -> None:
        """The upgrade is done; a first message is due."""

    def heard(self, connection: "Connection", size: int) -> bool:
        """A frame of so many bytes came. Return whether it is taken; else the connection is being
        closed."""

    def received(self, connection: "Connection", message: Any) -> None:
        """A binary message came, bytes-like and valid only during this call; None: another kind."""

    def turned_away(self, connection: "Connection") -> None:
        """The connection is being closed before it was admitted."""

    def gone(self, connection: "Connection") -> None:
        """The connection has ended. Called once."""


class Connection(WSListener):
    """One socket. Used from one event loop; ``push`` and ``close`` never wait.

    ``caller`` is None until Hello was accepted; ``token``, ``app`` and ``positions`` are what
    Hello carried, at ``hello_ms``. ``forwarded`` is what proxies say of the ``address`` it counts
    under. ``unheard``: checks of the heartbeat since something came from it; ``heard``: frames
    before Ready; ``slot``: its slot of the heartbeat.
    """

    __slots__ = (
        "_limit",
        "_owner",
        "_parts",
        "_timer",
        "_transport",
        "address",
        "app",
        "caller",
        "close_code",
        "forwarded",
        "heard",
        "hello_ms",
        "positions",
        "slot",
        "token",
        "unheard",
    )

    def __init__(self, owner: Owner, limit_bytes: int, forwarded: str = "") -> None:
        self._owner = owner
        self._limit = limit_bytes
        self._parts: bytearray | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.address = ""
        self.app = ""
        self.caller: Caller | None = None
        self.close_code: int | None = None
        self.forwarded = forwarded
        self.heard = 0
        self.hello_ms = 0
        self.positions: Mapping[ConversationId, int] = {}
        self.slot = -1
        self.token = ""
        self.unheard = 0

    @property
    def client(self) -> Caller:
        """Whose connection it is, after Hello."""
        if self.caller is None:
            raise RuntimeError("this connection has not said who it is")
        return self.caller

    def push(self, frame: bytes) -> None:
        """Write a whole WebSocket frame."""
        if self.close_code is None and self._transport is not None:
            try:  # noqa: SIM105 - a block costs nothing here, a context manager as much as a write.
                self._transport.write(frame)
            except RuntimeError:
                pass  # The network closed it in this turn of the loop; ``gone`` follows.

    def close(self, code: int, reason: str = "") -> None:
        """End the connection after what was written; the first code stays."""
        if self.close_code is None:
            self.push(framing.close(code, reason))
            self.close_code = code
            self._end_after(CLOSE_S)
            if self.caller is None:
                self._owner.turned_away(self)

    def farewell(self, code: int, frame: bytes) -> None:
        """Say that the connection ends, as everybody's does, with the close frame of this code: the
        caller sees to the end of it."""
        if self.close_code is None:
            self.push(frame)
            self.close_code = code

    def dismiss(self, code: int) -> None:
        """Say why, and end the connection without waiting for an answer."""
        self.close(code)
        if self._transport is not None:
            self._transport.close()

    @property
    def peer(self) -> str:
        """The address at the other end of the line."""
        found = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(found[0]) if isinstance(found, tuple) else ""

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def expect_hello(self, seconds: float) -> None:
        """Close as unauthenticated unless :meth:`greeted` is called in time."""
        self._set_timer(seconds, lambda: self.close(wire.CLOSE_UNAUTHENTICATED))

    def greeted(self) -> None:
        """Hello is here."""
        self._forget_timer()

    def _end_after(self, seconds: float) -> None:
        self._set_timer(seconds, self.abort)

    def _set_timer(self, seconds: float, call: Any) -> None:
        self._forget_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, call)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- What picows calls ------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Begin."""
        self._transport = transport.underlying_transport
        # Above it the transport asks to pause: that is our sign of a slow reader.
        self._transport.set_write_buffer_limits(high=self._limit)
        self._owner.opened(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Pass a message on; answer a close."""
        kind = frame.msg_type
        self.unheard = 0
        if kind == WSMsgType.PONG:
            return
        if kind == WSMsgType.CLOSE:
            if self.close_code is None:
                self.close(int.from_bytes(frame.get_payload_as_bytes()[:2]) or 1000)
            transport.disconnect()  # After what was written.
        elif self.close_code is not None or not self._owner.heard(self, frame.payload_size):
            return
        elif kind == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.BINARY and frame.fin:
            self._owner.received(self, frame.get_payload_as_memoryview())
        elif kind in _MESSAGES:
            self._collect(frame)
        else:
            self._owner.received(self, None)

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002
        """End."""
        self._forget_timer()
        if self.close_code is None:
            self.close_code = 1006
        self._owner.gone(self)

    def pause_writing(self) -> None:
        """More waits for the reader than it may."""
        self.close(wire.CLOSE_TOO_SLOW)

    def resume_writing(self) -> None:
        """It took something after all."""

    def _collect(self, frame: WSFrame) -> None:
        """Put a message in several frames together."""
        if (self._parts is None) != (frame.msg_type == WSMsgType.BINARY):
            self._owner.received(self, None)
            return
        if self._parts is None:
            self._parts = bytearray()
        self._parts += frame.get_payload_as_memoryview()
        if len(self._parts) > MAX_CLIENT_FRAME_BYTES:
            self._parts = None
            self._owner.received(self, None)
        elif frame.fin:
            whole, self._parts = self._parts, None
            self._owner.received(self, whole)


def parser(owner: Owner, limit_bytes: int) -> WSProtocol:
    """Return the asyncio protocol of a new connection, which begins with its upgrade request."""

    def listener(request: WSUpgradeRequest) -> Connection | None:
        path = request.path.decode("latin-1").partition("?")[0]
        if path != PATH:
            return None
        # A proxy may append its own header instead of appending to the caller's.
        forwarded = ",".join(request.headers.getall("x-forwarded-for", []))
        return Connection(owner, limit_bytes, forwarded)

    return WSProtocol(
        None,  # host_port, ws_path: of clients only
        None,
        False,  # is_client_side
        listener,
        _LOG,
        True,  # disconnect_on_exception
        None,  # websocket_handshake_timeout: the request is here already
        False,  # enable_auto_ping: a task for each connection; Heartbeat pings
        0.0,
        0.0,
        WSAutoPingStrategy.PING_WHEN_IDLE,
        False,  # enable_auto_pong: a ping counts as any frame does
        MAX_CLIENT_FRAME_BYTES,
        None,  # extra_headers
        _READ_BUFFER_BYTES,
    )


def push_all(connections: Iterable[Connection], frame: bytes) -> None:
    """Send a frame to each."""
    for connection in connections:
        connection.push(frame)
