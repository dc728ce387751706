"""A stream of posts into one conversation, and clients that receive it while things break.

A listener does what a client does: it takes entries from its socket, and after each Ready fetches
from the log what it lacks. It keeps what it received in order, and what broke the protocol's
promises on the way: within one connection no entry repeats and none is left out.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from copconnect import wire
from copconnect.ids import CellId, ConversationId, Seq
from tests.contract.delivery_world import message
from tests.harness.officer import MSGPACK, Device

_FRAME = msgspec.msgpack.Decoder(wire.ServerFrame)
AGAIN_S = 0.1
PATIENCE_S = 120


@dataclass(frozen=True)
class Place:
    """The conversation of a stream: one founded cell."""

    conversation_id: ConversationId
    cell_id: CellId


def token_of(device: Device) -> str:
    """Return a device's access token."""
    return device.http.headers["authorization"].removeprefix("Bearer ")


@dataclass
class Listener:
    """One connection after another of one client to any of these addresses (host:port)."""

    addresses: Sequence[str]
    token: str
    place: Place
    received: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    says_position: bool = False
    cursor: int = 0
    connections: int = 0
    online: bool = False

    async def run(self) -> None:
        """Receive until cancelled."""
        tried = secrets.randbelow(len(self.addresses))
        async with httpx.AsyncClient(timeout=30) as http:
            while True:
                address = self.addresses[tried % len(self.addresses)]
                tried += 1
                with contextlib.suppress(OSError, WebSocketException, httpx.HTTPError):
                    async with connect(
                        f"ws://{address}/v1/socket", compression=None, ping_interval=None
                    ) as socket:
                        try:
                            await self._converse(socket, http, address)
                        finally:
                            self.online = False
                            if socket.close_code is not None:
                                self.closed.append(socket.close_code)
                await asyncio.sleep(AGAIN_S)

    async def _converse(
        self, socket: ClientConnection, http: httpx.AsyncClient, address: str
    ) -> None:
        position = wire.Position(conversation_id=self.place.conversation_id, seq=Seq(self.cursor))
        hello = wire.Hello(
            version=wire.WIRE_VERSION,
            access_token=self.token,
            positions=[position] if self.says_position else [],
        )
        await socket.send(msgspec.msgpack.encode(hello))
        ready = _FRAME.decode(await socket.recv(decode=False))
        assert isinstance(ready, wire.Ready)
        heads = {one.conversation_id: one for one in ready.heads}
        head = heads[self.place.conversation_id]
        covered = self.cursor if head.follows else head.last_seq
        if covered > self.cursor:
            await self._catch_up(http, address, covered)
        self.connections += 1
        self.online = True
        last = 0
        while True:
            frame = _FRAME.decode(await socket.recv(decode=False))
            if isinstance(frame, wire.EntryFrame) and self._concerns(frame.entry):
                # What came into the log just before Ready may come as a frame, too.
                if not last < frame.entry.seq <= covered + 1:
                    self.broken.append(
                        f"{frame.entry.kind} {frame.entry.seq} after {last} and {covered}"
                    )
                last = frame.entry.seq
                covered = max(covered, last)
                self._take(frame.entry)

    async def _catch_up(self, http: httpx.AsyncClient, address: str, upto: int) -> None:
        while self.cursor < upto:
            answer = await http.get(
                f"http://{address}/v1/conversations/{self.place.conversation_id}/log",
                params={"after": self.cursor, "limit": 200},
                headers={"authorization": f"Bearer {self.token}", "accept": MSGPACK},
            )
            answer.raise_for_status()
            page = msgspec.msgpack.decode(answer.content, type=wire.LogPage)
            for entry in page.entries:
                self._take(entry)

    def _concerns(self, entry: wire.LogEntry) -> bool:
        """Whether it is of the stream's conversation: devices may belong to others, as all of a
        synthetic force do."""
        return entry.conversation_id == self.place.conversation_id

    def _take(self, entry: wire.LogEntry) -> None:
        if entry.seq > self.cursor:
            if entry.seq != self.cursor + 1:
                self.broken.append(f"{self.cursor} then {entry.seq}")
            self.cursor = entry.seq
            if entry.kind == "message":
                self.received.append(entry.entry_id)


@dataclass
class Poster:
    """Posts messages one after another; each until it is accepted, with the same bytes."""

    addresses: Sequence[str]
    token: str
    place: Place
    accepted: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    repeats: int = 0

    async def run(self) -> None:
        """Post until cancelled."""
        async with httpx.AsyncClient(timeout=5) as http:
            while True:
                await self.post(http)
                await asyncio.sleep(0.01)

    async def post(self, http: httpx.AsyncClient) -> None:
        """Post one message until it is accepted."""
        conversation_id, cell_id = self.place.conversation_id, self.place.cell_id
        body = message(conversation_id, cell_id, 1, text=secrets.token_bytes(90))
        tried = secrets.randbelow(len(self.addresses))
        while True:
            address = self.addresses[tried % len(self.addresses)]
            tried += 1
            with contextlib.suppress(httpx.HTTPError):
                answer = await http.post(
                    f"http://{address}/v1/conversations/{self.place.conversation_id}/messages",
                    content=msgspec.msgpack.encode(body),
                    headers={
                        "authorization": f"Bearer {self.token}",
                        "accept": MSGPACK,
                        "content-type": MSGPACK,
                    },
                )
                if answer.is_success:
                    accepted = msgspec.msgpack.decode(answer.content, type=wire.Accepted)
                    self.accepted[body.entry_id] = accepted.seq
                    return
                if answer.status_code < 500:
                    self.refused.append(answer.text)
                    return
            self.repeats += 1
            await asyncio.sleep(AGAIN_S)


@dataclass
class Stream:
    """Posters and listeners at work."""

    posters: list[Poster]
    listeners: list[Listener]

    @property
    def accepted(self) -> dict[str, int]:
        """Every accepted message with its seq."""
        return {one: seq for poster in self.posters for one, seq in poster.accepted.items()}

    async def more(self, count: int) -> None:
        """Wait until so many more messages are accepted."""
        wanted = len(self.accepted) + count
        await until(lambda: len(self.accepted) >= wanted, f"{count} more messages are accepted")

    async def all_online(self) -> None:
        """Wait until every listener is connected."""
        await until(lambda: all(one.online for one in self.listeners), "everybody is online")

    async def received(self) -> None:
        """Wait until everybody has what is accepted now, or something broke: that is judged."""
        accepted = set(self.accepted)

        def missing() -> dict[int, tuple[int, bool, int]]:
            """What each lacks: how many, whether it is online, how far it has come."""
            return {
                n: (len(accepted - set(one.received)), one.online, one.cursor)
                for n, one in enumerate(self.listeners)
                if not accepted <= set(one.received)
            }

        try:
            await until(
                lambda: any(one.broken for one in self.listeners) or not missing(),
                "everybody receives what was accepted",
            )
        except AssertionError as error:
            error.add_note(f"missing, online, cursor of each listener: {missing()}")
            raise


async def until(done: Callable[[], bool], what: str) -> None:
    """Wait for a condition. Raises AssertionError if it does not come."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not done():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"it did not happen that {what}") from None


@contextlib.asynccontextmanager
async def streaming(
    addresses: Sequence[str], devices: Sequence[Device], place: Place
) -> AsyncIterator[Stream]:
    """As :func:`streaming_to`, for devices."""
    async with streaming_to(addresses, [token_of(device) for device in devices], place) as stream:
        yield stream


@contextlib.asynccontextmanager
async def streaming_to(
    addresses: Sequence[str], tokens: Sequence[str], place: Place
) -> AsyncIterator[Stream]:
    """Let two clients post and all receive while the block runs; then everybody must have received
    every accepted message once, in order."""
    stream = Stream(
        [Poster(addresses, token, place) for token in tokens[:2]],
        [
            Listener(addresses, token, place, says_position=n % 2 == 0)
            for n, token in enumerate(tokens)
        ],
    )
    async with asyncio.TaskGroup() as tasks:
        listening = [tasks.create_task(one.run()) for one in stream.listeners]
        await stream.all_online()
        posting = [tasks.create_task(one.run()) for one in stream.posters]
        await stream.more(20)
        yield stream
        await stream.more(20)
        for task in posting:
            task.cancel()
        await stream.received()
        for task in listening:
            task.cancel()
    judge(stream)


def judge(stream: Stream) -> None:
    """Check what everybody received against what was accepted."""
    accepted = sorted(stream.accepted, key=stream.accepted.__getitem__)
    for poster in stream.posters:
        assert poster.refused == []
    for listener in stream.listeners:
        assert listener.broken == []
        known = [one for one in listener.received if one in stream.accepted]
        assert known == accepted
        assert len(set(listener.received)) == len(listener.received)
        # What was on its way when the posters stopped may be in the log without an answer.
        unanswered = set(listener.received) - set(accepted)
        assert len(unanswered) <= len(stream.posters)
