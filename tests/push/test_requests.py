"""The requests of a node: what a push service sees, over which connections."""

import asyncio
import contextlib

import pytest

from copconnect.push import http_pool, sending
from tests.contract.delivery_world import HOUR_MS
from tests.harness.plaintext import scan, secret_text
from tests.harness.traffic import Exhibit
from tests.live.rows import Rows, device
from tests.push.push_world import Waking

pytestmark = pytest.mark.databases("sqlite")


async def test_the_push_service_learns_nothing_but_that_there_is_news(waking: Waking) -> None:
    people = [device() for _ in range(5)]
    await waking.members(*people)
    others = Rows(waking.database)
    await others.roster([waking.sender, *people])
    for one in (waking.sender, *people):
        await others.member(one.person_id)
    await waking.post()
    await waking.post(rows=others)
    await waking.work()
    requests = waking.service.requests
    assert len(requests) == 10
    topics = [one.headers["topic"] for one in requests]
    assert len(set(topics)) == 10, "its own topic for each device and conversation"
    assert len({one.headers["authorization"] for one in requests}) == 1
    assert {frozenset(one.headers) for one in requests} == {
        frozenset({"host", "authorization", "ttl", "urgency", "topic", "content-length"})
    }
    seen = "\n".join(f"{one.headers}{one.body!r}" for one in requests).encode()
    secrets = [waking.rows.conversation_id, others.conversation_id, waking.sender.client_id]
    secrets += [text for one in people for text in (one.person_id, one.client_id)]
    needles = [secret_text(one) for one in [*secrets, waking.sender.person_id]]
    assert scan([Exhibit("headers", seen)], needles) == []


async def test_a_later_push_about_a_conversation_has_the_same_topic(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    seq = await waking.post()
    await waking.work()
    await waking.fetch(one, seq)
    await waking.post()
    await waking.work()
    first, later = waking.service.requests
    assert first.headers["topic"] == later.headers["topic"]
    await waking.fetch(one, 2)
    await waking.subscribe(one, "anew")
    await waking.post()
    await waking.work()
    assert waking.service.requests[-1].headers["topic"] != first.headers["topic"]


async def test_connections_are_used_again(waking: Waking) -> None:
    people = [device() for _ in range(100)]
    await waking.members(*people)
    waking.push = waking.node(push_connections=4)
    await waking.post()
    await waking.work()
    assert len(waking.service.requests) == 100
    assert waking.service.connections <= 4
    assert len(waking.service.tokens) == 1
    assert http_pool.CONNECT_S < sending.TIMEOUT_S


@pytest.mark.parametrize("refuses", [False, True])
async def test_pushes_go_through_the_proxy(waking: Waking, refuses: bool) -> None:
    asked: list[bytes] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def proxied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if refuses:
            writer.write(b"HTTP/1.1 407 No\r\n\r\n")
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", waking.service.port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(carry(reader, back), carry(there, writer))

    proxy = await asyncio.start_server(proxied, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    waking.push = waking.node(proxy_url=f"http://name:pass%21@127.0.0.1:{port}")
    one = device()
    await waking.members(one)
    await waking.post()
    await waking.work()
    assert asked[0].startswith(f"CONNECT 127.0.0.1:{waking.service.port} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic bmFtZTpwYXNzIQ==" in asked[0]
    assert waking.woken() == ({} if refuses else {one.client_id: 1})
    proxy.close()


@pytest.mark.parametrize(("hours", "taken"), [(-11, True), (11, True), (-13, False), (13, False)])
async def test_a_clock_may_be_wrong_by_half_a_days_hours(
    waking: Waking, hours: int, taken: bool
) -> None:
    """``hours``: how far the server's clock is ahead of the push service's."""
    one = device()
    await waking.members(one)
    right_s = waking.clock.at / 1000
    waking.clock.at += hours * HOUR_MS
    skew_s = right_s - waking.clock.at / 1000
    waking.service.now = lambda: waking.clock.at / 1000 + skew_s
    await waking.post()
    await waking.work()
    wrong = ["token: expiry"]
    assert [*waking.service.wrong] == ([] if taken else wrong)
    assert ((await waking.subscriptions())[one.client_id].failing_since_ms is None) == taken
    # NTP corrects the clock: the next message goes out with a token of the right time.
    waking.clock.at -= hours * HOUR_MS
    waking.service.now = lambda: waking.clock.at / 1000
    await waking.fetch(one, await waking.post())
    await waking.post()
    await waking.work()
    assert [*waking.service.wrong] == ([] if taken else wrong)
    assert (await waking.subscriptions())[one.client_id].failing_since_ms is None
