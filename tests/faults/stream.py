"""A stream of messages into one conversation, and clients that receive it while things break.

A listener does what a client does: it takes keys and messages from its socket, after each Ready
fetches from the log what it lacks, asks for a key that it has not got, and opens every message. It
keeps what it opened in order, and what broke the protocol's promises on the way: within one
connection no message repeats and none is left out.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from copconnect import wire
from copconnect.ids import Seq
from tests.contract.device import header_of
from tests.faults.phones import SENDERS, Phone, Place
from tests.harness.waiting import NO_TLS

_FRAME = msgspec.msgpack.Decoder(wire.ServerFrame)
AGAIN_S = 0.1
PAUSE_S = 0.15  # Without it a stream takes a processor for as long as a test waits for something.
PATIENCE_S = 120
T = TypeVar("T")


@dataclass
class Listener:
    """One connection after another of one client to any of these addresses (host:port)."""

    addresses: Sequence[str]
    phone: Phone
    place: Place
    received: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    says_position: bool = False
    keys_asked: int = 0
    cursor: int = 0
    connections: int = 0
    online: bool = False

    async def run(self) -> None:
        """Receive until cancelled."""
        tried = secrets.randbelow(len(self.addresses))
        async with httpx.AsyncClient(timeout=30, verify=NO_TLS) as http:
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
            access_token=self.phone.token,
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
        if self.cursor:
            await self._acknowledge(socket)
        last = 0
        while True:
            frame = _FRAME.decode(await socket.recv(decode=False))
            if isinstance(frame, wire.KeyFrame) and self._concerns(frame.conversation_id):
                self.phone.take_key(frame)
            if isinstance(frame, wire.EntryFrame) and self._concerns(frame.entry.conversation_id):
                # An entry that came into the log just before Ready may come as a frame, too.
                if not last < frame.entry.seq <= covered + 1:
                    self.broken.append(f"{frame.entry.seq} after {last} and {covered}")
                last = frame.entry.seq
                covered = max(covered, last)
                await self._take(frame.entry, http, address)
                await self._acknowledge(socket)

    async def _acknowledge(self, socket: ClientConnection) -> None:
        update = wire.CursorUpdate(
            conversation_id=self.place.conversation_id,
            delivered_seq=Seq(self.cursor),
            read_seq=Seq(self.cursor),
        )
        await socket.send(msgspec.msgpack.encode(wire.Cursors(updates=[update])))

    async def _catch_up(self, http: httpx.AsyncClient, address: str, upto: int) -> None:
        while self.cursor < upto:
            page = await self._get(
                http,
                f"http://{address}{self.place.path}/log?after={self.cursor}&limit=200",
                wire.LogPage,
            )
            for item in page.keys:
                self.phone.take_key(item)
            for entry in page.entries:
                await self._take(entry, http, address)

    async def _get(self, http: httpx.AsyncClient, url: str, kind: type[T]) -> T:
        answer = await http.get(url, headers=self.phone.headers)
        answer.raise_for_status()
        return msgspec.msgpack.decode(answer.content, type=kind)

    def _concerns(self, conversation_id: str) -> bool:
        """Whether it is of the stream's conversation: devices may belong to others, as all of a
        synthetic force do."""
        return conversation_id == self.place.conversation_id

    async def _take(self, entry: wire.LogEntry, http: httpx.AsyncClient, address: str) -> None:
        if entry.seq <= self.cursor:
            return
        if entry.seq != self.cursor + 1:
            self.broken.append(f"{self.cursor} then {entry.seq}")
        lacking = self.phone.lacks(entry)
        if lacking is not None:
            url = f"http://{address}{self.place.path}/keys?key={lacking}"
            found = await self._get(http, url, wire.Keys)
            assert found.key is not None
            self.phone.take_key(found.key)
            self.keys_asked += 1
        self.received.append(self.phone.open(entry))
        self.cursor = entry.seq


@dataclass
class Poster:
    """Sends messages one after another; each until it is accepted, with the same bytes."""

    addresses: Sequence[str]
    phone: Phone
    place: Place
    accepted: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    repeats: int = 0

    async def run(self) -> None:
        """Send until cancelled."""
        async with httpx.AsyncClient(timeout=5, verify=NO_TLS) as http:
            while True:
                await self.post(http)
                await asyncio.sleep(PAUSE_S)

    async def post(self, http: httpx.AsyncClient) -> None:
        """Send one message until it is accepted (S5)."""
        body = self.place.message(self.phone, secrets.token_bytes(90))
        message_id = header_of(body.message).message_id.hex()
        tried = secrets.randbelow(len(self.addresses))
        while True:
            address = self.addresses[tried % len(self.addresses)]
            tried += 1
            with contextlib.suppress(httpx.HTTPError):
                answer = await http.post(
                    f"http://{address}{self.place.path}/messages",
                    content=msgspec.msgpack.encode(body),
                    headers=self.phone.headers,
                )
                if answer.is_success:
                    accepted = msgspec.msgpack.decode(answer.content, type=wire.Accepted)
                    self.accepted[message_id] = accepted.seq
                    self.phone.keys.accepted(body)
                    return
                if answer.status_code < 500 and answer.status_code != 429:
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
            """Return each listener's lack: how many, whether online, how far it has come."""
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


async def last_seq(address: str, place: Place) -> int:
    """Return how far the log of a conversation has come."""
    async with httpx.AsyncClient(headers=place.phones[0].headers, verify=NO_TLS) as http:
        answer = await http.get(f"http://{address}{place.path}/log?after=0&limit=1")
    answer.raise_for_status()
    return msgspec.msgpack.decode(answer.content, type=wire.LogPage).last_seq


async def until(done: Callable[[], bool], what: str) -> None:
    """Wait for a condition. Raises AssertionError if it does not come."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not done():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"it did not happen that {what}") from None


@contextlib.asynccontextmanager
async def streaming(addresses: Sequence[str], place: Place) -> AsyncIterator[Stream]:
    """Let some phones send and all receive while the block runs; then everybody must have received
    and opened every accepted message once, in order."""
    stream = Stream(
        [Poster(addresses, phone, place) for phone in place.phones[:SENDERS]],
        [
            Listener(addresses, phone, place, says_position=n % 2 == 0)
            for n, phone in enumerate(place.phones)
        ],
    )
    async with asyncio.TaskGroup() as tasks:
        listening = [tasks.create_task(one.run()) for one in stream.listeners]
        await stream.all_online()
        sending = [tasks.create_task(one.run()) for one in stream.posters]
        await stream.more(20)
        yield stream
        await stream.more(20)
        for task in sending:
            task.cancel()
        await stream.received()
        for task in listening:
            task.cancel()
    judge(stream)


def judge(stream: Stream) -> None:
    """Check what everybody received against what was accepted."""
    accepted = sorted(stream.accepted, key=stream.accepted.__getitem__)
    for poster in stream.posters:
        assert poster.refused == [], poster.refused
    for listener in stream.listeners:
        assert listener.broken == []
        known = [one for one in listener.received if one in stream.accepted]
        assert known == accepted
        assert len(set(listener.received)) == len(listener.received)
        # A message on its way when the posters stopped may be in the log without an answer.
        unanswered = set(listener.received) - set(accepted)
        assert len(unanswered) <= len(stream.posters)
