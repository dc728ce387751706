"""The bus of several nodes."""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence

import msgspec
import nats.errors
import structlog
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

from copconnect.background import cut_off
from copconnect.bus.local import LocalBus
from copconnect.bus.wakeups import AnyWakeup, Receiver, shortened

MAX_PUBLISHED_BYTES = 1000 * 1024  # NATS takes 1 MiB unless told otherwise.
_CONNECT_S = 3
_RETRY_S = 1
# Turns of the event loop until a published message has left: the client's task takes it, then the
# loop writes it. If it took more turns, it would leave later; nothing depends on it.
_TURNS_TO_SEND = 3
_SEND_LIMIT_S = 1.0  # The client waits for a server that takes nothing; it is replaced meanwhile.
ECHO_EVERY_S = 5.0
ECHO_LIMIT_S = 10.0  # A busy machine is not a lost connection.
log = structlog.get_logger()


class NatsBus:
    """The bus of several nodes: NATS core pub/sub on one subject.

    This node's own receivers are called directly, so that they do not depend on NATS; the echo is
    recognised by the node's id. While NATS is away wake-ups to other nodes are dropped: their
    sockets reconcile with the log each second instead (sockets/dispatch/fanout.py).

    A connection counts only while what this node sends comes back to it, and is replaced as soon
    as it does not. The client's own idea of being connected is not enough: a PING of the server
    ahead of its first PONG leaves nats-py connecting for ever (or, after a reconnect, unable to
    send), and an -ERR closes it for good; all of them without a word.
    """

    def __init__(self, url: str, subject: str = "copconnect.wakeups") -> None:
        self.joined = asyncio.Event()  # Set while this node hears and is heard.
        self._servers = url.split(",")
        self._subject = subject
        self._node = secrets.token_bytes(8)
        self._local = LocalBus()
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(tuple[bytes, AnyWakeup])
        self._client: NatsClient | None = None
        self._echoed = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def publish(self, wakeups: Sequence[AnyWakeup]) -> None:
        """Pass wake-ups to the other nodes and to this node's receivers.

        The others first: to write to this node's tens of thousands of sockets takes a tenth of a
        second, in which they can write to theirs. This node's have them whatever NATS does.
        """
        try:
            if self._client is not None:
                async with asyncio.timeout(_SEND_LIMIT_S):
                    for wakeup in wakeups:
                        await self.send(wakeup)
                    for _ in range(_TURNS_TO_SEND):
                        await asyncio.sleep(0)
        except TimeoutError:
            log.warning("wakeup_lost", error="NATS takes nothing")
        finally:
            await self._local.publish(wakeups)

    async def send(self, wakeup: AnyWakeup) -> None:
        """Pass a wake-up to the other nodes alone; it is lost while NATS is away."""
        client = self._client
        if client is None:
            return
        data = self._encoder.encode((self._node, wakeup))
        limit = min(MAX_PUBLISHED_BYTES, client.max_payload)
        if len(data) > limit:
            data = self._encoder.encode((self._node, shortened(wakeup)))
        if len(data) > limit:
            log.error("wakeup_too_large", kind=type(wakeup).__name__, size=len(data))
            return
        try:
            await client.publish(self._subject, data)
        except (nats.errors.Error, OSError) as error:
            log.warning("wakeup_lost", error=str(error))

    def subscribe(self, receiver: Receiver) -> None:
        """Add a receiver."""
        self._local.subscribe(receiver)

    @property
    def hears(self) -> bool:
        """Whether NATS is connected."""
        return self.joined.is_set()

    async def start(self) -> None:
        """Begin to connect; returns at once if NATS is there, else continues in the background."""
        self._keeper = asyncio.create_task(self._keep())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.joined.wait(), _CONNECT_S)

    async def _keep(self) -> None:
        """Hold one connection, and replace it when it ends or falls silent; whatever the client
        raises, as a node without this task hears nobody until it is started again."""
        while True:
            client = NatsClient()
            try:
                await self._hold(client)
            except Exception as error:
                log.warning("bus_lost", error=str(error) or type(error).__name__)
            finally:
                self._client = None
                self.joined.clear()
                try:
                    # Sends what was published; a server that reads nothing must not stop us.
                    await asyncio.wait_for(client.close(), _CONNECT_S)
                except Exception as error:
                    log.warning("bus_not_closed", error=str(error) or type(error).__name__)
            await asyncio.sleep(_RETRY_S)

    async def _hold(self, client: NatsClient) -> None:
        """Connect and use the connection. Raises when it is of no use any more."""
        ended = asyncio.Event()
        echoes = f"{self._subject}.echo.{self._node.hex()}"

        async def on_end() -> None:
            ended.set()

        async def on_echo(_: Msg) -> None:
            self._echoed.set()

        await client.connect(
            self._servers,
            name="copconnect",
            connect_timeout=_CONNECT_S,
            allow_reconnect=False,
            max_reconnect_attempts=-1,  # For the first connection.
            reconnect_time_wait=_RETRY_S,
            error_cb=self._on_error,
            closed_cb=on_end,
        )
        if not client.is_connected:
            raise nats.errors.ConnectionClosedError
        await client.subscribe(self._subject, cb=self._on_message)
        await client.subscribe(echoes, cb=on_echo)
        while not ended.is_set():
            self._echoed.clear()
            await client.publish(echoes, b"")
            await asyncio.wait_for(self._echoed.wait(), ECHO_LIMIT_S)
            # The server took the subscriptions before the echo: others are heard from here on.
            self._client = client
            self.joined.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), ECHO_EVERY_S)
        raise nats.errors.ConnectionClosedError

    async def _on_message(self, message: Msg) -> None:
        try:
            node, wakeup = self._decoder.decode(message.data)
        except msgspec.MsgspecError:
            log.error("wakeup_malformed")
            return
        if node != self._node:
            await self._local.publish([wakeup])

    async def _on_error(self, error: Exception) -> None:
        log.warning("bus_error", error=str(error))

    async def close(self) -> None:
        """Disconnect, after what was published has gone out."""
        await cut_off(self._keeper)
