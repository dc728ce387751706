"""Two workers, PostgreSQL, NATS, and phones in conversations at both.

The first half of the phones is connected to the one worker, ``accepting``, to which the sender
sends; the others to the other one, ``hearing``. Every worker has its own line to NATS, which a test
can hold.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import httpx
import msgspec

from copconnect import wire
from copconnect.records.primitives.kem import XWING
from copconnect.services.postgresql import OWNER
from tests.faults.department import Department
from tests.faults.phones import Phone, Place, group, keyless, phone_of
from tests.faults.stopping import StoppingWorker
from tests.faults.stream import (
    AGAIN_S,
    PATIENCE_S,
    Listener,
    Poster,
    Stream,
    judge,
    last_seq,
    until,
)
from tests.harness import databank, processes
from tests.harness.officer import Device
from tests.harness.recording import RecordingProxy
from tests.harness.waiting import NO_TLS
from tests.harness.waiting import until as until_now

PHONES = 8


class TwoNodes:
    """The running parts; a module's tests leave them running."""

    def __init__(self, shared: Department) -> None:
        self.shared = shared
        self._stack = contextlib.ExitStack()

    def start(self) -> None:
        """Start the workers, register the phones."""
        self.accepting_line, self.accepting = self._worker("accepting")
        self.hearing_line, self.hearing = self._worker("hearing")
        officers = databank.officers()[:PHONES]
        self.phones = [
            phone_of(self._stack.enter_context(Device(self.accepting, one)).register(), XWING)
            for one in officers
        ]

    def close(self) -> None:
        """End the workers."""
        self._stack.close()

    @property
    def workers(self) -> list[StoppingWorker]:
        """Both."""
        return [self.accepting, self.hearing]

    def _worker(self, name: str) -> tuple[RecordingProxy, StoppingWorker]:
        line = self._stack.enter_context(RecordingProxy(self.shared.nats.port))
        settings = self.shared.settings | {"bus_url": f"nats://127.0.0.1:{line.port}"}
        worker = StoppingWorker(self.shared.data, name, **settings)
        self._stack.callback(worker.close)
        worker.start()
        return line, worker

    def whole(self) -> None:
        """Wait until the nodes hear each other."""
        until_now(lambda: all(one.hears for one in self.workers), "both workers at NATS")

    def crash_postgresql(self) -> None:
        """Kill PostgreSQL; its processes for connections end when they see that."""
        children = processes.children(self.shared.database.pid)
        self.shared.database.kill()
        until_now(lambda: not any(map(processes.alive, children)), "the end of its processes")

    def place(self) -> Place:
        """Return a new group of all phones, with its first key."""
        return group(self.accepting.url, self.phones)

    def keyless(self) -> Place:
        """Return a new group of all phones."""
        return keyless(self.accepting.url, self.phones)


class Talk:
    """A conversation while its phones are connected."""

    def __init__(self, nodes: TwoNodes, place: Place) -> None:
        self.nodes, self.place = nodes, place
        half = len(place.phones) // 2
        self.stream = Stream(
            [
                Poster([_address(worker)], phone, place)
                for phone, worker in zip(place.phones, nodes.workers, strict=False)
            ],
            [
                Listener(
                    [_address(nodes.accepting if n < half else nodes.hearing)],
                    phone,
                    place,
                    says_position=n % 2 == 0,
                )
                for n, phone in enumerate(place.phones)
            ],
        )

    async def send(self, by: int = 0) -> None:
        """Send a message by one of the two senders (1: at the hearing worker), until it is
        accepted."""
        async with httpx.AsyncClient(timeout=5, verify=NO_TLS) as http:
            await self.stream.posters[by].post(http)

    async def new_key(self, author: Phone) -> None:
        """Let a phone make a key, sending the same bytes until they are accepted (S5); return once
        both senders can open it."""
        body = self.place.new_key(author)
        key_id = await _submit_key(_address(self.nodes.accepting), self.place, author, body)
        self.place.key_id = key_id
        senders = [one.phone.keys.secrets for one in self.stream.posters]
        await until(lambda: all(key_id in one for one in senders), "both senders have the key")

    @property
    def connections(self) -> list[int]:
        """How often each phone has connected."""
        return [one.connections for one in self.stream.listeners]

    async def cursors_stored(self) -> None:
        """Wait until the server knows that everybody has everything."""
        async with asyncio.timeout(PATIENCE_S):
            while await self._behind():  # noqa: ASYNC110  It is another process's database.
                await asyncio.sleep(AGAIN_S)

    async def _behind(self) -> int:
        """Return how many phones have not acknowledged everything, as far as is stored."""
        connection = await asyncpg.connect(host=self.nodes.shared.database.host, user=OWNER)
        try:
            stored = await connection.fetchval(
                "SELECT count(*) FROM cursors JOIN conversations USING (conversation_id) "
                "WHERE conversation_id = $1 AND delivered_seq = last_seq",
                self.place.conversation_id,
            )
        finally:
            await connection.close()
        return len(self.place.phones) - int(stored)


@contextlib.asynccontextmanager
async def talking(nodes: TwoNodes, place: Place) -> AsyncIterator[Talk]:
    """Connect everybody while the block runs; then everybody must have received and opened every
    accepted message once, in order."""
    talk = Talk(nodes, place)
    after = await last_seq(_address(nodes.accepting), place)
    for one in talk.stream.listeners:
        one.cursor = after
    async with asyncio.TaskGroup() as tasks:
        listening = [tasks.create_task(one.run()) for one in talk.stream.listeners]
        await talk.stream.all_online()
        yield talk
        await talk.stream.received()
        await talk.cursors_stored()
        for task in listening:
            task.cancel()
    judge(talk.stream)


async def _submit_key(address: str, place: Place, author: Phone, body: wire.SubmitKey) -> bytes:
    async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(timeout=5, verify=NO_TLS) as http:
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await http.post(
                    f"http://{address}{place.path}/keys",
                    content=msgspec.msgpack.encode(body),
                    headers=author.headers,
                )
                if answer.status_code < 500:
                    answer.raise_for_status()
                    accepted = msgspec.msgpack.decode(answer.content, type=wire.KeyAccepted)
                    return bytes.fromhex(accepted.key_id)
            await asyncio.sleep(AGAIN_S)


def _address(worker: StoppingWorker) -> str:
    return f"127.0.0.1:{worker.port}"
