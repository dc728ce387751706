"""Texts are sent in the background, tried again, never block or leak; an outage is an alarm."""

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from prometheus_client import REGISTRY

from copconnect import errors
from copconnect.auth_service.registration import gateway as gateways
from copconnect.auth_service.registration.gateway import (
    NO_FIELDS,
    GatewayDown,
    HttpGateway,
    TextRefused,
    place,
)
from copconnect.auth_service.registration.sms import QUEUE, SmsSender
from copconnect.clock import SystemClock

NUMBER = "+917000000004"


class Flaky:
    """Refuses the first ``failures`` texts, and fails checks while it is ``unreachable``."""

    name = "https://sms.example"

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.unreachable = False
        self.tried = 0
        self.taken: list[tuple[str, str]] = []
        self._error = error or OSError(f"no way to {NUMBER}")

    async def send(self, number: str, text: str, more: Mapping[str, object] = NO_FIELDS) -> None:
        del more
        self.tried += 1
        if self.failures > 0:
            self.failures -= 1
            raise self._error
        self.taken.append((number, text))

    async def check(self) -> str:
        if self.unreachable:
            raise GatewayDown("ConnectError")
        return ""

    async def close(self) -> None:
        pass


async def sent(sender: SmsSender, *texts: str) -> None:
    """Send texts to one number by a sender, and stop it."""
    await sender.start()
    for text in texts:
        sender.queue(NUMBER, text)
    await sender.drained()
    await sender.close()


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(("failures", "taken"), [(0, 1), (2, 1), (3, 0)])
async def test_a_text_is_tried_three_times(failures: int, taken: int) -> None:
    gateway = Flaky(failures)
    outcome = "taken" if taken else "failed"
    before = counted("copconnect_sms_texts_total", outcome=outcome)
    await sent(SmsSender(gateway, SystemClock(), retry_after_s=0), "hello")
    assert len(gateway.taken) == taken
    assert counted("copconnect_sms_texts_total", outcome=outcome) == before + 1


async def test_a_text_that_is_refused_for_good_is_not_tried_again() -> None:
    gateway = Flaky(1, TextRefused("status 400"))
    before = counted("copconnect_sms_texts_total", outcome="refused")
    await sent(SmsSender(gateway, SystemClock(), retry_after_s=0), "hello")
    assert (gateway.tried, gateway.taken) == (1, [])
    assert counted("copconnect_sms_texts_total", outcome="refused") == before + 1


async def test_an_outage_is_one_alarm_and_its_end_another_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gateway = Flaky(9)
    sender = SmsSender(gateway, SystemClock(), retry_after_s=0)
    await sender.start()
    for _ in range(3):
        sender.queue(NUMBER, "secret 123456")
    await sender.drained()
    assert counted("copconnect_sms_gateway_alarm") == 1
    sender.queue(NUMBER, "secret 123456")
    await sender.drained()
    await sender.close()
    shown = capsys.readouterr().out
    assert len(re.findall(r"sms_gateway_alarm\b", shown)) == 1
    assert "texts cannot be handed over: OSError" in shown
    assert shown.count("sms_gateway_alarm_over") == 1
    assert NUMBER not in shown
    assert "123456" not in shown
    assert counted("copconnect_sms_gateway_alarm") == 0
    assert counted("copconnect_sms_taken_timestamp_seconds") > 1.7e9


async def test_checks_that_fail_are_told_to_everybody_who_asks() -> None:
    gateway = Flaky(0)
    sender = SmsSender(gateway, SystemClock())
    gateway.unreachable = True
    await sender.check()
    sender.require()  # One failure is not an outage.
    await sender.check()
    with pytest.raises(errors.SmsUnavailable) as refused:
        sender.require()
    assert (refused.value.retry_after_ms or 0) > 0
    gateway.unreachable = False
    await sender.check()
    sender.require()


async def test_a_dead_gateway_does_not_block_callers(capsys: pytest.CaptureFixture[str]) -> None:
    sender = SmsSender(Flaky(10**9), SystemClock())
    before = counted("copconnect_sms_texts_total", outcome="dropped")
    for _ in range(QUEUE + 1):  # Not started: nothing is taken from the queue.
        sender.queue(NUMBER, "secret 123456")
    shown = capsys.readouterr().out
    assert "the queue is full" in shown
    assert counted("copconnect_sms_texts_total", outcome="dropped") == before + 1
    assert NUMBER not in shown
    assert "123456" not in shown


class Gateway:
    """An HTTP server that answers each request with the next status, and keeps what it got."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.requests: list[tuple[bytes, Any]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ]
        body = json.loads(await reader.readexactly(lengths[0])) if lengths else None
        self.requests.append((head, body))
        lines = (
            f"HTTP/1.1 {self.statuses.pop(0)}",
            "date: Fri, 27 Nov 2026 00:00:00 GMT",
            "content-length: 0",
            "connection: close",
        )
        writer.write("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        await writer.drain()
        writer.close()


async def answered(
    statuses: list[str], ask: Callable[[HttpGateway], Any], check_path: str = ""
) -> tuple[list[Any], list[tuple[bytes, Any]]]:
    """Ask a gateway once for each status; return what came of it and what it was sent."""
    server = Gateway()
    server.statuses = statuses
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    gateway = HttpGateway(f"{url}/send", "token-1", f"{url}{check_path}" if check_path else "")
    results: list[Any] = []
    for _ in range(len(statuses)):
        try:
            results.append(await ask(gateway))
        except (GatewayDown, TextRefused) as error:
            results.append(error)
    await gateway.close()
    listening.close()
    await listening.wait_closed()
    return results, server.requests


async def test_the_http_gateway_posts_json() -> None:
    results, requests = await answered(
        ["200 OK", "502 Bad Gateway", "401 Unauthorized", "422 Unprocessable"],
        lambda gateway: gateway.send(NUMBER, "123456 …"),
    )
    assert [type(one) for one in results] == [type(None), GatewayDown, GatewayDown, TextRefused]
    assert [str(one) for one in results[1:]] == ["status 502", "status 401", "status 422"]
    head, body = requests[0]
    assert head.startswith(b"POST /send ")
    assert b"authorization: bearer token-1" in head.lower()
    assert body == {"to": NUMBER, "text": "123456 …"}


async def test_fields_of_a_registered_template_go_along() -> None:
    _, requests = await answered(
        ["200 OK"], lambda gateway: gateway.send(NUMBER, "…", {"templateId": "11071"})
    )
    assert requests[0][1] == {"to": NUMBER, "text": "…", "templateId": "11071"}


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (b"", "unsure"),  # Hangs up.
        (b"\x00\xff garbage\r\n\r\n", "unsure"),
        (None, "unsure"),  # Says nothing for too long.
        (b"HTTP/1.1 504 Late\r\ncontent-length: 0\r\n\r\n", "unsure"),
        (b"HTTP/1.1 429 Slow down\r\ncontent-length: 0\r\n\r\n", "failed"),
        (b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", "failed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n<html>\n", "taken"),
        (b"HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n", "refused"),
    ],
    ids=["hangs up", "garbage", "silent", "late", "too many", "moved", "taken", "refused"],
)
async def test_a_text_handed_over_once_is_known_to_be_taken_or_not(
    said: bytes | None, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateways, "TIMEOUT_S", 0.3 if said is None else 10.0)
    asked, done = 0, asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        if said is None:
            await reader.read()  # Until the other side gives up.
        else:
            writer.write(said)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        done.set()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/send"
    sender = SmsSender(HttpGateway(url, ""), SystemClock())
    assert await sender.hand_over(NUMBER, "…", {}) == outcome
    assert asked == 1
    assert counted("copconnect_sms_gateway_alarm") == (outcome in ("unsure", "failed"))
    await sender.close()
    await done.wait()
    listening.close()
    await listening.wait_closed()


async def test_a_text_for_nobody_there_has_failed() -> None:
    sender = SmsSender(HttpGateway("http://127.0.0.1:9/send", ""), SystemClock())
    assert await sender.hand_over(NUMBER, "…", {}) == "failed"
    await sender.close()


async def test_a_check_without_an_address_of_its_own_takes_any_answer_of_the_gateway() -> None:
    results, requests = await answered(
        ["405 Method Not Allowed", "500 Whatever", "503 Service Unavailable"],
        lambda gateway: gateway.check(),
    )
    assert results[:2] == ["Fri, 27 Nov 2026 00:00:00 GMT"] * 2
    assert isinstance(results[2], GatewayDown)
    assert requests[0][0].startswith(b"GET /send ")


async def test_a_check_at_its_own_address_takes_success_alone() -> None:
    results, requests = await answered(
        ["204 No Content", "402 Payment Required"], lambda gateway: gateway.check(), "/balance"
    )
    assert results[0] == "Fri, 27 Nov 2026 00:00:00 GMT"
    assert str(results[1]) == "status 402"
    assert requests[0][0].startswith(b"GET /balance ")


async def test_nobody_at_the_gateways_address_is_an_outage() -> None:
    gateway = HttpGateway("http://127.0.0.1:9/send", "")
    for ask in (gateway.check(), gateway.send(NUMBER, "123456")):
        with pytest.raises(GatewayDown, match=r"^ConnectError$"):
            await ask
    await gateway.close()


def test_an_operator_reads_where_texts_go_and_no_secret() -> None:
    named = place("https://user:password@sms.example:8443/send?key=secret")
    assert named == "https://sms.example:8443"
