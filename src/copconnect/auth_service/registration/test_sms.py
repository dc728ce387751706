"""Texts are sent in the background, tried again, and never block or leak."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from copconnect.auth_service.registration.sms import QUEUE, HttpGateway, SmsSender

NUMBER = "+917000000004"


class Flaky:
    """Refuses the first texts."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.taken: list[tuple[str, str]] = []

    async def send(self, number: str, text: str) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise OSError("down")
        self.taken.append((number, text))

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(("failures", "taken"), [(0, 1), (2, 1), (3, 0)])
async def test_a_text_is_tried_three_times(failures: int, taken: int) -> None:
    gateway = Flaky(failures)
    sender = SmsSender(gateway, retry_after_s=0)
    await sender.start()
    sender.queue(NUMBER, "hello")
    await sender.drained()
    await sender.close()
    assert len(gateway.taken) == taken


async def test_a_dead_gateway_does_not_block_callers(capsys: pytest.CaptureFixture[str]) -> None:
    sender = SmsSender(Flaky(10**9))
    for _ in range(QUEUE + 1):  # Not started: nothing is taken from the queue.
        sender.queue(NUMBER, "secret 123456")
    shown = capsys.readouterr().out
    assert "sms_queue_full" in shown
    assert NUMBER not in shown
    assert "123456" not in shown


async def test_the_http_gateway_posts_json() -> None:
    requests: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        requests.append((head, json.loads(await reader.readexactly(length))))
        status = b"200 OK" if len(requests) == 1 else b"502 Bad Gateway"
        writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gateway = HttpGateway(f"http://127.0.0.1:{port}/send", "token-1")
    await gateway.send(NUMBER, "123456 …")
    with pytest.raises(httpx.HTTPStatusError):
        await gateway.send(NUMBER, "123456 …")
    await gateway.close()
    server.close()
    await server.wait_closed()
    head, body = requests[0]
    assert b"authorization: bearer token-1" in head.lower()
    assert body == {"to": NUMBER, "text": "123456 …"}
