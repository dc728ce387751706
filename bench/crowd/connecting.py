"""Connections of simulated devices: they connect, say Hello, and come back as clients do."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

import msgspec

from bench.crowd.device import SimulatedDevice
from bench.net.websocket import WebSocketClient, local_address, masked, upgrade_request
from copconnect import wire
from copconnect.ids import Seq

CONNECTING_AT_ONCE = 1_000
# As client/src/transport/socket.ts.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
HELLO_S = 30.0


class Receives(Protocol):
    """The receiver of frames."""

    def came(self, device: SimulatedDevice, payload: bytes) -> None:
        """A frame came."""


class Link(WebSocketClient):
    """One connection of a device."""

    __slots__ = ("_connections", "_device")

    def __init__(self, connections: "Connections", device: SimulatedDevice) -> None:
        super().__init__(connections.upgrade)
        self._connections = connections
        self._device = device

    def opened(self) -> None:
        """Say Hello."""
        self.transport.write(masked(hello(self._device)))

    def received(self, data: bytes, start: int, end: int) -> None:
        """Hand on what came."""
        self._connections.receiver.came(self._device, data[start:end])

    def ended(self) -> None:
        """The device has no connection."""
        if self._device.link is self:
            self._connections.lost(self._device, self.close_code)


def hello(device: SimulatedDevice) -> bytes:
    """Return a device's first frame."""
    positions = [
        wire.Position(conversation_id=conversation_id, seq=Seq(max(place.cursor, place.came)))
        for conversation_id, place in device.places.items()
        if place.cursor or place.came
    ]
    said = wire.Hello(version=wire.WIRE_VERSION, access_token=device.token, positions=positions)
    return msgspec.msgpack.encode(said)


class Connections:
    """The connections of a process's devices. While ``live``, a device whose connection is lost
    comes back."""

    def __init__(self, address: tuple[str, int], network: str | None, receiver: Receives) -> None:
        self.upgrade = upgrade_request(*address)
        self.receiver = receiver
        self._address = address
        self._network = network
        self.live = False
        self.ready = 0  # Devices that have had their Ready on the connection they have.
        self.given_up = 0  # Connections without a Ready in time.
        self.closed: Counter[int] = Counter()
        self.changed = asyncio.Event()
        self._entering: set[SimulatedDevice] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def connect(self, devices: Sequence[SimulatedDevice], limit_s: float) -> None:
        """Connect the devices that have no connection, a few at a time; return when all are ready,
        or at the limit."""
        waiting = deque(one for one in devices if one.link is None)
        while waiting:
            await self.until(lambda: len(self._entering) < CONNECTING_AT_ONCE, limit_s)
            device = waiting.popleft()
            if await self._open(device) is None:
                waiting.append(device)
        await self.until(lambda: all(one.ready for one in devices), limit_s)

    async def _open(self, device: SimulatedDevice) -> Link | None:
        try:
            _, link = await asyncio.get_running_loop().create_connection(
                lambda: Link(self, device),
                *self._address,
                local_addr=local_address(self._network, device.index),
            )
        except OSError:
            return None
        device.link = link
        self._entering.add(device)
        return link

    def set_ready(self, device: SimulatedDevice, *, ready: bool) -> None:
        """Note whether a device has had its Ready."""
        self._entering.discard(device)
        self.ready += ready - device.ready
        device.ready = ready
        self.changed.set()
        if ready:
            device.failures = 0

    def lost(self, device: SimulatedDevice, code: int | None) -> None:
        """A connection ended; where ``live`` the device comes back, as clients do."""
        device.link = None
        self.set_ready(device, ready=False)
        self.closed[code or 0] += 1
        if code == wire.CLOSE_SIGNED_OUT:  # Before anybody told it that it is not listed any more.
            for place in device.places.values():
                place.gone = True
        self.changed.set()
        if self.live and code not in (wire.CLOSE_REPLACED, wire.CLOSE_SIGNED_OUT):
            self.spawn(self._come_back(device))

    def come_back(self, devices: Sequence[SimulatedDevice]) -> None:
        """Let devices that were away come back as clients do, all at once."""
        self.live = True
        for device in devices:
            if device.link is None:
                self.spawn(self._come_back(device))

    async def _come_back(self, device: SimulatedDevice) -> None:
        while self.live and device.link is None:
            ceiling = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**device.failures)
            device.failures = min(device.failures + 1, 10)
            await asyncio.sleep(ceiling * (0.5 + random.random() / 2))  # noqa: S311 - jitter.
            link = await self._open(device)
            if link is not None:
                asyncio.get_running_loop().call_later(HELLO_S, self._give_up, device, link)

    def _give_up(self, device: SimulatedDevice, link: Link) -> None:
        """No Ready came in time: as for a connection that is lost."""
        if device.link is link and not device.ready:
            self.given_up += 1
            link.transport.abort()

    async def disconnect(self, devices: Sequence[SimulatedDevice]) -> None:
        """Close every connection and end what is under way."""
        self.live = False
        for device in devices:
            self.end(device)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def end(self, device: SimulatedDevice) -> None:
        """Close a device's connection, if it has one; the device does not reconnect."""
        if device.link is not None:
            link, device.link = device.link, None
            link.transport.abort()
        self.set_ready(device, ready=False)

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Let something run beside."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def until(self, done: Callable[[], bool], limit_s: float) -> bool:
        """Wait until ``done`` holds; return False at the limit."""
        deadline = asyncio.get_running_loop().time() + limit_s
        while not done():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            self.changed.clear()
            try:
                async with asyncio.timeout(min(left, 1.0)):
                    await self.changed.wait()
            except TimeoutError:
                continue
        return True
