"""Two workers, a conversation of several cells at them, and everybody who is in it.

Sixty-four devices are leaves of real MLS trees, in six cells. Two of them, of different cells, are
whole clients: the real core under Node; one sends by the one worker, the other receives by the
other. The rest are simulated, half of them at each worker: they open every message; but a few are
not connected, for a test to use. Every worker has its own line to NATS, which a test can hold.
"""

import asyncio
import contextlib
import shutil
from pathlib import Path

import asyncpg

from copconnect.bench import copying, founding
from copconnect.bench.crowd import Crowd, new_keys
from copconnect.bench.force import Device
from copconnect.bench.founding import Conversation
from copconnect.bench.node import NodeProgram
from copconnect.bench.served import full_clients
from copconnect.services.nats import NatsServer
from copconnect.services.postgresql import OWNER, PostgreSQL
from tests.faults.founded import CELL_SIZE
from tests.faults.stopping import StoppingWorker
from tests.harness import processes
from tests.harness.recording import RecordingProxy
from tests.harness.waiting import PATIENCE_S, until

IDLE = 6  # Devices.
# A crash of PostgreSQL loses nothing that the system has; only a power cut would.
DATABASE = {"max_connections": "100", "shared_buffers": "64MB", "fsync": "off"}


class TwoNodes:
    """What runs. ``posting`` is the sender's worker, ``hearing`` the reader's."""

    def __init__(self, conversation: Conversation, folder: Path) -> None:
        self.database = PostgreSQL(DATABASE)
        self.nats = NatsServer(folder)
        self._conversation = conversation
        self._folder = folder
        self._data = folder / "data"
        self._stack = contextlib.ExitStack()

    def start(self) -> None:
        """Start everything, found the cells, connect everybody."""
        shutil.copytree(self._conversation.folder.parent / "keys", self._data / "keys")
        self._stack.callback(self.database.close)
        self.database.start()
        url = self.database.url()
        asyncio.run(copying.to_postgresql(self._conversation.database, url))
        self._stack.callback(self.nats.stop)
        self.nats.start()
        self.posting_line, self.posting = self._worker("posting", url)
        self.hearing_line, self.hearing = self._worker("hearing", url)
        creator = self._devices[0]  # An admin: only they may name it.
        whole = [creator, self._stranger_to(creator)]
        self.idle = [one for one in self._devices if one not in whole][-IDLE:]
        self.crowd = Crowd(
            self._conversation,
            [("127.0.0.1", one.port) for one in self.workers],
            len(self.workers),
            self._folder,
            self._stack,
            {device.client_id for device in (*whole, *self.idle)},
        )
        addresses = [("127.0.0.1", self.posting.port)]
        key_ids = asyncio.run(founding.found(self._conversation, addresses))
        seeds = {cell.cell_id: cell.seed for cell in self._conversation.cells}
        self.crowd.publish({one: (key_id, seeds[one]) for one, key_id in key_ids.items()})
        self.crowd.ask("live", on=True)
        self.crowd.ask("connect", limit_s=PATIENCE_S)
        self.sender, self.reader = map(self._core, whole, self.workers)
        for core in (self.sender, self.reader):
            core.tell("start")
        for core in (self.sender, self.reader):
            core.hear(PATIENCE_S)
            self.crowd.publish(new_keys(core.seeds()))
        self.sender.ask("name", text="Night duty")  # Clients ask for a name when they know none.
        self.reader.ask("name")
        self._reader = whole[1]
        self.sent: list[str] = []

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    @property
    def _devices(self) -> list[Device]:
        """Everybody's, the creator's first."""
        return list(self._conversation.devices.values())

    @property
    def workers(self) -> list[StoppingWorker]:
        """Both."""
        return [self.posting, self.hearing]

    def _worker(self, name: str, database_url: str) -> tuple[RecordingProxy, StoppingWorker]:
        line = self._stack.enter_context(RecordingProxy(self.nats.port))
        worker = StoppingWorker(
            self._data,
            name,
            database_url=database_url,
            bus_url=f"nats://127.0.0.1:{line.port}",
            cell_size=CELL_SIZE,
        )
        self._stack.callback(worker.close)
        worker.start()
        return line, worker

    def _core(self, device: Device, worker: StoppingWorker) -> NodeProgram:
        folder = self._folder / device.client_id
        folder.mkdir()
        program = full_clients(self._conversation, [worker.url], folder, [device])
        return self._stack.enter_context(contextlib.closing(program))

    def _stranger_to(self, device: Device) -> Device:
        """Return a device of another cell."""
        cells = self._conversation.cells
        other = next(cell for cell in cells if device.client_id not in cell.client_ids)
        return self._conversation.devices[other.client_ids[0]]

    def whole(self) -> None:
        """Wait until the nodes hear each other."""
        until(lambda: all(one.hears for one in self.workers), "both workers at NATS")

    # --- What breaks ------------------------------------------------------------------------

    def crash_postgresql(self) -> None:
        """Kill PostgreSQL; its processes for connections end when they see that."""
        children = processes.children(self.database.pid)
        self.database.kill()
        until(lambda: not any(map(processes.alive, children)), "the end of its processes")

    # --- Messages ---------------------------------------------------------------------------

    def begin_to_send(self, text: str) -> None:
        """Let the sender send."""
        self.sender.tell("send", text=text)
        self.sent.append(text)

    def reader_sends(self, text: str) -> None:
        """Let the reader send, until it is accepted."""
        self.reader.ask("send", text=text)
        self.sent.append(text)

    def received_once(self) -> None:
        """Wait until what the sender has begun to send is accepted, everybody has it and is
        connected; judge what everybody has received of all messages so far."""
        self.sender.hear(PATIENCE_S)
        posted = [*self.sender.posted, *self.reader.posted]
        waited = self.crowd.ask("wait_for", entry_ids=posted, limit_s=PATIENCE_S)
        assert all(one["all"] for one in waited), self._lacking()
        self.crowd.ask("open")
        found = self.crowd.verdict(posted)
        assert (found["lost"], found["duplicates"], found["unexpected"]) == (0, 0, 0), found
        assert (found["refused"], found["waiting"]) == ({}, 0), found
        for core in (self.sender, self.reader):
            for text in self.sent[-2:]:
                core.tell("shows", text=text)
                shown = core.hear(PATIENCE_S)["texts"]
            assert sorted(shown) == sorted(self.sent)

    def connections_lost(self) -> int:
        """Return how many connections of simulated devices have ended so far."""
        usage = self.crowd.ask("usage")
        return sum(count for one in usage for count in one["closed"].values())

    def cursor_stored(self) -> None:
        """Wait until the server knows that the reader has everything."""
        conversation_id = self._conversation.founding.conversation_id

        async def stored() -> bool:
            connection = await asyncpg.connect(host=self.database.host, user=OWNER)
            try:
                return bool(
                    await connection.fetchval(
                        "SELECT delivered_seq = last_seq FROM cursors "
                        "JOIN conversations USING (conversation_id) "
                        "WHERE conversation_id = $1 AND client_id = $2",
                        conversation_id,
                        self._reader.client_id,
                    )
                )
            finally:
                await connection.close()

        until(lambda: asyncio.run(stored()), "the reader's cursor")

    def _lacking(self) -> str:
        usage = self.crowd.ask("usage")
        return f"ready, closed: {[(one['ready'], one['closed']) for one in usage]}"
