"""A TCP relay between clients and the server that keeps every byte, and can cut or stop the line.

It relays raw bytes and changes none, so what it records is what was sent. It runs on its own
event loop in a thread, because browser tests are synchronous. Recordings stay in memory;
:mod:`tests.harness.traffic` takes them apart.
"""

import asyncio
import contextlib
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

READ_BYTES = 64 * 1024


@dataclass
class Recording:
    """One TCP connection: all that the client sent, and all that the server sent."""

    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)


class Gate:
    """One direction of the relay. Held, it lets so many more bytes through and then none."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self._left: int | None = None
        self._open = asyncio.Event()

    def hold(self, after_bytes: int) -> None:
        """Stop once so many bytes have passed. On the loop's thread."""
        self._left = after_bytes
        self._open.clear()

    def release(self) -> None:
        """Let everything pass. On the loop's thread."""
        self._left = None
        self._open.set()

    async def passage(self, size: int) -> None:
        """Wait until so many bytes may pass."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self._left is None:
            return
        self._left -= size
        if self._left < 0:
            await self._open.wait()


class RecordingProxy:
    """Listens on a free loopback port and relays to ``upstream_port``."""

    def __init__(self, upstream_port: int, port: int = 0) -> None:
        self.upstream_port = upstream_port
        self.port = port
        self.recordings: list[Recording] = []
        self._dark = False
        self._up, self._down = Gate(), Gate()
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None]] = set()
        self._listening = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="recording-proxy", daemon=True)

    @property
    def url(self) -> str:
        """The address that browsers use."""
        return f"http://localhost:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._listening.wait(10):
            raise RuntimeError("the recording proxy does not listen")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def cut(self) -> None:
        """Reset every open connection, whatever is on its way."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(self._abort_all)
        self._loop.call_soon_threadsafe(done.set)
        done.wait(10)

    def go_dark(self) -> None:
        """Cut everything and let nobody through until :meth:`come_back`."""
        self._dark = True
        self.cut()

    def come_back(self) -> None:
        """Relay again."""
        self._dark = False

    def hold(self, *, up: int | None = None, down: int | None = None) -> None:
        """Stop a direction once so many more bytes have passed it, over all connections."""
        for gate, after_bytes in ((self._up, up), (self._down, down)):
            if after_bytes is not None:
                self._loop.call_soon_threadsafe(gate.hold, after_bytes)

    def delay(self, seconds: float) -> None:
        """Let each piece that the server sends from now on come so much later."""
        self._down.delay_s = seconds

    def release(self) -> None:
        """Let held bytes, and all that follow, pass."""
        self._loop.call_soon_threadsafe(self._up.release)
        self._loop.call_soon_threadsafe(self._down.release)

    def _abort_all(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stop.wait()
        server.close()
        self._abort_all()
        for relay in list(self._relays):
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _accept(
        self, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)
        if self._dark:
            client_writer.transport.abort()
            return
        recording = Recording()
        self.recordings.append(recording)
        try:
            server_reader, server_writer = await asyncio.open_connection(
                "127.0.0.1", self.upstream_port
            )
        except OSError:
            client_writer.transport.abort()
            return
        writers = {client_writer, server_writer}
        self._writers |= writers
        try:
            await asyncio.gather(
                _relay(client_reader, server_writer, recording.sent, self._up),
                _relay(server_reader, client_writer, recording.received, self._down),
            )
        except (OSError, asyncio.CancelledError):
            pass  # One side reset the connection, so do we with the other; or the proxy closes.
        finally:
            self._writers -= writers
            for writer in writers:
                writer.transport.abort()


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray, gate: Gate
) -> None:
    while data := await reader.read(READ_BYTES):
        await gate.passage(len(data))
        record += data
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
