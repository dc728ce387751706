"""A TCP relay between clients and the server that keeps every byte, and can cut the line.

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


class RecordingProxy:
    """Listens on a free loopback port and relays to ``upstream_port``."""

    def __init__(self, upstream_port: int, port: int = 0) -> None:
        self.upstream_port = upstream_port
        self.port = port
        self.recordings: list[Recording] = []
        self._dark = False
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None]] = set()
        self._listening = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="recording-proxy", daemon=True)

    @property
    def url(self) -> str:
        """Where browsers go."""
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
                _relay(client_reader, server_writer, recording.sent),
                _relay(server_reader, client_writer, recording.received),
            )
        except (OSError, asyncio.CancelledError):
            pass  # One side reset the connection, so do we with the other; or the proxy closes.
        finally:
            self._writers -= writers
            for writer in writers:
                writer.transport.abort()


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray
) -> None:
    while data := await reader.read(READ_BYTES):
        record += data
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
