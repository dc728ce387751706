"""Push services that answer badly, slowly or never."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from bench.net.push_service import TAKEN, Pushed, PushService, Reply
from copconnect import wire
from copconnect.push import sending
from copconnect.push.planning import DAY_MS
from tests.live.rows import device
from tests.push.push_world import DELAY_MS, Waking, answering

pytestmark = pytest.mark.databases("sqlite")


def refused_pushes() -> float:
    """Return how many pushes were refused, as the metrics say."""
    return REGISTRY.get_sample_value("copconnect_pushes_total", {"outcome": "refused"}) or 0


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_ended_is_forgotten(waking: Waking, status: int) -> None:
    one, other = device(), device()
    await waking.members(one, other)
    waking.service.answer = lambda pushed: (
        Reply(status) if pushed.path.endswith(one.client_id[::-1]) else TAKEN
    )
    await waking.post()
    await waking.work()
    assert set(await waking.subscriptions()) == {other.client_id}
    await waking.post()
    await waking.work()
    assert waking.woken() == {one.client_id: 1, other.client_id: 1}


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(503),
        Reply(302, {"Location": "https://elsewhere.example/"}),
        Reply(raw=b"garbage\r\n\r\n"),
        Reply(raw=b""),
        Reply(raw=b"HTTP/1.1 201 Created\r\nX: " + b"x" * 70_000),
        Reply(raw=b"HTTP/1.1 201"),
        Reply(silent=True),
    ],
    ids=["500", "503", "redirect", "garbage", "end", "long", "half", "silence"],
)
async def test_a_push_that_fails_comes_again_later(
    waking: Waking, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_S", 0.3)
    one = device()
    await waking.members(one)
    waking.service.answer = answering(reply)
    await waking.post()
    await waking.work()
    assert waking.woken() == {one.client_id: 1}
    (row,) = await waking.queue()
    assert row.attempts == 1
    assert 1_000 <= row.due_ms - waking.clock.at <= 2_000
    assert (await waking.subscriptions())[one.client_id].failing_since_ms == waking.clock.at
    await waking.work(500)
    assert waking.woken() == {one.client_id: 1}
    waking.service.answer = lambda _: TAKEN
    await waking.work(2_000)
    assert waking.woken() == {one.client_id: 2}
    assert (await waking.subscriptions())[one.client_id].failing_since_ms is None


@pytest.mark.parametrize("status", [400, 401, 403, 413])
async def test_a_refused_push_is_counted_and_not_repeated(waking: Waking, status: int) -> None:
    one = device()
    await waking.members(one)
    waking.service.answer = answering(Reply(status))
    before = refused_pushes()
    await waking.post()
    await waking.work()
    assert await waking.queue() == []
    assert refused_pushes() == before + 1
    assert (await waking.subscriptions())[one.client_id].status == status
    waking.service.answer = lambda _: TAKEN
    await waking.post()
    await waking.work()
    assert waking.woken() == {one.client_id: 2}, "the next message tries again"


async def test_a_429_slows_its_origin_alone(waking: Waking, other_service: PushService) -> None:
    service, other = waking.service, other_service
    waking.push = waking.node(push_origins=f"{service.origin},{other.origin}", push_connections=1)
    people = [device() for _ in range(10)]
    await waking.members(*people)
    for one in people[5:]:
        endpoint = f"{other.origin}/push/{one.client_id}"
        await waking.push.subscribe(one, wire.PutPushSubscription(endpoint=endpoint))
    answers = iter([TAKEN, TAKEN, Reply(429, {"Retry-After": "120"})])
    service.answer = lambda _: next(answers)
    await waking.post()
    await waking.work()
    assert len(service.requests) == 3
    assert len(other.requests) == 5
    await waking.work(60_000)
    assert len(service.requests) == 3
    service.answer = lambda _: TAKEN
    await waking.work(60_000)
    assert len(service.requests) == 6, "two were taken, three waited"
    assert all(row.due_ms is None for row in await waking.queue())


async def test_a_push_service_that_is_down_is_left_alone_for_a_while(waking: Waking) -> None:
    people = [device() for _ in range(sending.MOST_WRONG + 100)]
    await waking.members(*people)
    waking.push = waking.node(push_connections=1)
    waking.service.answer = answering(Reply(503))
    await waking.post()
    await waking.work()
    assert len(waking.service.requests) == sending.MOST_WRONG
    waking.service.answer = lambda _: TAKEN
    for _ in range(4):
        await waking.work(60_000)
    woken = waking.woken()
    assert set(woken) == {one.client_id for one in people}
    assert sum(woken.values()) == len(people) + sending.MOST_WRONG


async def test_a_push_that_nobody_would_keep_any_more_is_given_up(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    waking.service.answer = answering(Reply(500))
    await waking.post()
    await waking.work()
    await waking.work(DAY_MS + 1_000)
    assert await waking.queue() == []
    assert len(waking.service.requests) == 1


async def test_a_slow_push_service_does_not_keep_others_waiting(
    waking: Waking, other_service: PushService
) -> None:
    service, other = waking.service, other_service
    waking.push = waking.node(push_origins=f"{service.origin},{other.origin}")
    slow, quick = device(), device()
    await waking.members(slow, quick)
    endpoint = f"{other.origin}/push/{quick.client_id}"
    await waking.push.subscribe(quick, wire.PutPushSubscription(endpoint=endpoint))
    answered = asyncio.Event()
    service.answer = answering(Reply(delay_s=1.0))

    def at_once(_: Pushed) -> Reply:
        answered.set()
        return TAKEN

    other.answer = at_once
    await waking.post()
    waking.clock.at += DELAY_MS
    await waking.push.round()
    async with asyncio.timeout(0.9):
        await answered.wait()
    await waking.push.sender.settle()
    assert all(row.due_ms is None for row in await waking.queue())
