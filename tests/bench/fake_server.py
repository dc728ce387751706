"""A server that speaks just enough to be wrong on purpose: Ready, entries, a log."""

import asyncio
import contextlib
from typing import Self

import msgspec

from copconnect import wire
from copconnect.ids import ConversationId, Seq
from copconnect.sockets import framing

_ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


class FakeServer:
    """Its devices' tokens are their indexes. ``logs``: the log as each device would read it."""

    def __init__(self, conversation_id: str, devices: int) -> None:
        self.conversation_id = ConversationId(conversation_id)
        self.logs: list[list[wire.LogEntry]] = [[] for _ in range(devices)]
        self.last_seq = 0
        self.cursors: dict[int, wire.CursorUpdate] = {}
        self.asked = 0
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1000)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers.values():
            writer.close()

    def push(self, device: int, entry: wire.LogEntry) -> None:
        """Write an entry to a device's socket."""
        payload = msgspec.msgpack.encode(wire.EntryFrame(entry=entry))
        self._writers[device].write(framing.binary(payload))

    def push_late_seal(self, device: int, seq: int, seal: bytes) -> None:
        """Write the seal of an earlier entry to a device's socket."""
        self.say(
            device, wire.LateSeal(conversation_id=self.conversation_id, seq=Seq(seq), seal=seal)
        )

    def say(self, device: int, frame: wire.Frame) -> None:
        """Write any frame to a device's socket."""
        self._writers[device].write(framing.binary(msgspec.msgpack.encode(frame)))

    def drop(self, device: int, code: int) -> None:
        """Close a device's socket."""
        writer = self._writers.pop(device)
        writer.write(framing.close(code))
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if head.startswith("GET /v1/socket "):
                await self._socket(reader, writer)
            else:
                self._log(head, writer)

    async def _socket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_ACCEPT)
        hello = msgspec.msgpack.decode(await _frame(reader), type=wire.Hello)
        device = int(hello.access_token)
        self._writers[device] = writer
        head = wire.ConversationHead(
            conversation_id=self.conversation_id, last_seq=Seq(self.last_seq)
        )
        ready = wire.Ready(server_time_ms=0, trust_version=1, directory_version="", heads=[head])
        writer.write(framing.binary(msgspec.msgpack.encode(ready)))
        while True:
            frame = msgspec.msgpack.decode(await _frame(reader), type=wire.Cursors)
            self.cursors[device] = frame.updates[0]

    def _log(self, head: str, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        after = int(head.split("after=")[1].split(" ")[0])
        device = int(head.split("Bearer ")[1].split("\r\n")[0])
        entries = [entry for entry in self.logs[device] if entry.seq > after]
        page = wire.LogPage(entries=entries[:2], last_seq=Seq(self.last_seq), more=len(entries) > 2)
        body = msgspec.msgpack.encode(page)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """Return the payload of a client's frame, whose mask is zero."""
    head = await reader.readexactly(2)
    size = head[1] & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    await reader.readexactly(4)
    return await reader.readexactly(size)
