"""The relay keeps every byte, and what HTTP and WebSocket wrap around them is undone."""

import asyncio
import gzip
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import brotli
import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError, InvalidMessage

from tests.harness.plaintext import scan, secret_text
from tests.harness.recording import Recording, RecordingProxy
from tests.harness.traffic import Exhibit, exhibits
from tests.harness.waiting import NO_TLS

ASKED = "asked: is the bandobast ready"
ANSWERED = "answered: bandobast ready at six"


class Handler(BaseHTTPRequestHandler):
    """Answers in the coding that the path names."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        coding = self.path.strip("/")
        body = ANSWERED.encode()
        if coding == "gzip":
            body = gzip.compress(body)
        elif coding == "deflate":
            body = zlib.compress(body)
        elif coding == "br":
            body = brotli.compress(body)
        self.send_response(200)
        if coding in ("gzip", "deflate", "br"):
            self.send_header("content-encoding", coding)
        if coding == "chunked":
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for at in range(0, len(body), 5):
                part = body[at : at + 5]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web_port() -> Iterator[int]:
    """A small HTTP server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def _places(things: list[Exhibit], text: str) -> list[str]:
    return [finding.where for finding in scan(things, [secret_text(text)])]


def test_http_bodies_are_found_whatever_wraps_them(web_port: int) -> None:
    paths = ("plain", "gzip", "deflate", "br", "chunked")
    with (
        RecordingProxy(web_port) as proxy,
        httpx.Client(base_url=proxy.url, verify=NO_TLS) as client,
    ):
        for path in paths:  # On one kept-alive connection.
            body = gzip.compress(ASKED.encode())
            answer = client.post(f"/{path}", content=body, headers={"content-encoding": "gzip"})
            assert answer.text == ANSWERED
        recordings = proxy.recordings
    assert len(recordings) == 1
    things = list(exhibits(recordings))
    for index, path in enumerate(paths):
        assert f"connection 0 request {index} POST /{path}, body" in _places(things, ASKED)
        assert f"connection 0 answer {index} 200, body" in _places(things, ANSWERED)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_an_answer_that_is_on_its_way_is_read_as_far_as_it_came(web_port: int, coding: str) -> None:
    with (
        RecordingProxy(web_port) as proxy,
        httpx.Client(base_url=proxy.url, verify=NO_TLS) as client,
    ):
        client.post(f"/{coding}", content=ASKED.encode())
    (recording,) = proxy.recordings
    recording.received = recording.received[:-1]
    assert "connection 0 answer 0 200, body" in _places(list(exhibits([recording])), ANSWERED[:9])


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_socket_messages_are_found_in_both_directions(compression: str | None) -> None:
    async def echo(socket: ServerConnection) -> None:
        async for message in socket:
            assert isinstance(message, bytes)
            await socket.send([ANSWERED.encode()[:7], ANSWERED.encode()[7:]])

    async with serve(echo, "127.0.0.1", 0, compression=compression) as server:
        with RecordingProxy(server.sockets[0].getsockname()[1]) as proxy:
            url = f"ws://127.0.0.1:{proxy.port}/v1/socket?probe"
            async with connect(url, compression=compression) as socket:
                for _ in range(3):  # The second and third are short: the window is kept.
                    await socket.send(ASKED.encode())
                    assert await socket.recv() == ANSWERED.encode()
            things = list(exhibits(proxy.recordings))
    for index in range(3):
        assert f"connection 0 socket up message {index}" in _places(things, ASKED)
    assert len([where for where in _places(things, ANSWERED) if "socket down" in where]) == 3


async def test_the_line_can_be_cut_and_comes_back() -> None:
    async def wait(socket: ServerConnection) -> None:
        async for message in socket:
            await socket.send(message)

    async with serve(wait, "127.0.0.1", 0) as server:
        with RecordingProxy(server.sockets[0].getsockname()[1]) as proxy:
            url = f"ws://127.0.0.1:{proxy.port}"
            async with connect(url) as socket:
                await asyncio.to_thread(proxy.go_dark)
                with pytest.raises(ConnectionClosedError):
                    await socket.recv()
            with pytest.raises((OSError, InvalidMessage)):
                await connect(url)
            proxy.come_back()
            async with connect(url) as socket:
                await socket.send(b"again")
                assert await socket.recv() == b"again"


def test_a_stream_cut_in_the_middle_is_still_searched() -> None:
    cut = Recording(
        bytearray(b"POST /x HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n" + ASKED.encode()),
        bytearray(b"not HTTP at all: " + ANSWERED.encode()),
    )
    things = list(exhibits([cut]))
    assert "connection 0 up, raw" in _places(things, ASKED)
    assert "connection 0 down, raw" in _places(things, ANSWERED)
