"""The live connections as the server runs them, with one conversation in memory behind them.

Everything from the accepted connection to the written frame is the program's own; the database,
authentication and HTTP are not there. Commands: ``fire`` (bytes of a payload), ``usage``.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Collection, Mapping, Sequence

import msgspec
import uvicorn
import uvloop
from litestar import Litestar

from bench.machine.children import Answer, answer_lines, resident_kb
from copconnect import wire
from copconnect.bus import AnyWakeup, EntryWakeup, LocalBus, SealWantedWakeup
from copconnect.clock import SystemClock
from copconnect.commands import descriptors
from copconnect.ids import CellId, ClientId, ConversationId, EntryId, PersonId, Seq
from copconnect.principals import Caller
from copconnect.sockets.endpoint import Limits, Sockets
from copconnect.sockets.feed import Place, Seat, SeenCursor

CONVERSATION = ConversationId("c" * 32)
IN_CELL = 256


class MemoryFeed:
    """One conversation of everybody, in cells."""

    def __init__(self) -> None:
        self.stored = 0

    async def places(self, client_ids: Collection[ClientId]) -> Mapping[ClientId, Sequence[Place]]:
        """Return each client's place."""

        def place(client_id: ClientId) -> Place:
            cell = CellId(f"{int(client_id, 16) // IN_CELL:032x}")
            return Place(CONVERSATION, cell, "0" * 64, Seq(0), Seq(0), removal_pending=False)

        return {client_id: [place(client_id)] for client_id in client_ids}

    async def seats(self, *_: object) -> Mapping[ClientId, Sequence[Seat]]:
        """Nobody came or went."""
        return {}

    async def entries(self, *_: object) -> Sequence[EntryWakeup]:
        """Nothing was missed."""
        return []

    async def heads_since(self, since_ms: int) -> dict[ConversationId, Seq]:  # noqa: ARG002
        """Nothing was missed."""
        return {}

    async def roster_changes_since(self, since_ms: int) -> Sequence[EntryWakeup]:  # noqa: ARG002
        """Nobody came or went."""
        return []

    async def seals_wanted_since(self, since_ms: int) -> Sequence[SealWantedWakeup]:  # noqa: ARG002
        """No seal is missing."""
        return []

    async def removal_pending(self, cell_id: CellId) -> bool:  # noqa: ARG002
        """Nobody was removed."""
        return False

    async def store_cursors(self, cursors: Sequence[SeenCursor]) -> Sequence[AnyWakeup]:
        """Count."""
        self.stored += len(cursors)
        return []


class TokenIsClient:
    """The token is the client's number."""

    async def authenticate_all(self, access_tokens: Sequence[str]) -> Sequence[Caller | None]:
        """Return it."""
        clients = [f"{int(token):032x}" for token in access_tokens]
        return [Caller(PersonId(one), ClientId(one), conduct_accepted=True) for one in clients]


class NoVersions:
    """Versions that do not move."""

    async def trust_version(self) -> int:
        """Return one."""
        return 1

    async def directory_version(self) -> str:
        """Return one."""
        return "1"


class NoOtherNode:
    """Every lease is granted."""

    async def take(self, name: str, for_s: float) -> bool:  # noqa: ARG002
        """Grant it."""
        return True

    async def release(self, name: str) -> None:
        """Nobody waits for it."""


class TransportServer:
    """What is measured."""

    def __init__(self) -> None:
        self.feed = MemoryFeed()
        self.sockets = Sockets(
            feed=self.feed,
            tokens=TokenIsClient(),
            versions=NoVersions(),
            bus=LocalBus(),
            leases=NoOtherNode(),
            clock=SystemClock(),
            limits=Limits(hellos_per_s=1_000_000, strangers=100_000, strangers_per_address=100_000),
        )
        self._seq = 0

    def server(self, host: str, port: int) -> uvicorn.Server:
        """Return the web server, configured as ``copconnect serve`` does."""
        app = Litestar([], openapi_config=None, logging_config=None)
        return uvicorn.Server(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                backlog=4096,
                lifespan="off",
                loop="uvloop",
                ws=self.sockets.handover,  # type: ignore[arg-type]
                access_log=False,
                log_level="warning",
            )
        )

    async def answer(self, asked: Answer) -> Answer:
        """Carry out one command."""
        if asked["command"] == "usage":
            return {
                "cpu_s": time.process_time(),
                "rss_kb": resident_kb(),
                "stored": self.feed.stored,
            }
        self._seq += 1
        wakeup = _wakeup(self._seq, asked["size"])
        started = time.monotonic_ns()
        await self.sockets.receive(wakeup)
        return {"started_ns": started, "passed_ns": time.monotonic_ns(), "seq": self._seq}


def _wakeup(seq: int, size: int) -> EntryWakeup:
    """Return the wake-up of an entry whose frame has ``size`` bytes."""

    def frame(payload: bytes) -> bytes:
        entry = wire.LogEntry(
            conversation_id=CONVERSATION,
            seq=Seq(seq),
            kind="message",
            cell_id=None,
            epoch=None,
            sender=None,
            entry_id=EntryId("e" * 32),
            sent_ms=0,
            payload=payload,
        )
        return msgspec.msgpack.encode(wire.EntryFrame(entry=entry))

    around = len(frame(bytes(300))) - 300
    return EntryWakeup(
        conversation_id=CONVERSATION,
        cell_id=None,
        seq=seq,
        kind="message",
        frame=frame(bytes(max(1, size - around))),
    )


async def _main(host: str, port: str) -> None:
    logging.disable(logging.INFO)
    descriptors.raise_limit()
    measured = TransportServer()
    server = measured.server(host, int(port))
    serving = asyncio.create_task(server.serve())
    await measured.sockets.start()
    await answer_lines(measured.answer)
    serving.cancel()


if __name__ == "__main__":
    uvloop.run(_main(*sys.argv[1:]))
