"""Subscriptions: endpoints that are allowed, how they end, and the reach that admins see."""

import pytest

from bench.net.push_service import TAKEN, Reply
from copconnect import errors, wire
from copconnect.bus import AccountWakeup
from copconnect.ids import ClientId
from copconnect.push.planning import DAY_MS
from copconnect.push.reach import PushReachReader
from tests.live.rows import device
from tests.push.push_world import Waking

pytestmark = pytest.mark.databases("sqlite")


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/x",
        "https://evil.example/x",
        "https://push.example.evil.example/x",
        "https://push.example:444/x",
        "https://user@push.example/x",
        "https://push.example@evil.example/x",
        "https://push.example\\@evil.example/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://push.example/x\r\nX: y",
        "https://push.example/x y",
        "https://push.example:99999/x",
        "https://[/x",
        "ftp://push.example/x",
        "/x",
        "",
    ],
)
async def test_forbidden_endpoints(waking: Waking, endpoint: str) -> None:
    one = device()
    with pytest.raises(errors.PushOriginRefused):
        await waking.push.subscribe(one, wire.PutPushSubscription(endpoint=endpoint))
    assert await waking.subscriptions() == {}


async def test_an_allowed_name_with_a_private_address_gets_nothing(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    waking.push = waking.node(push_private_addresses="no")
    await waking.post()
    await waking.work()
    assert waking.service.connections == 0
    (row,) = await waking.queue()
    assert row.attempts == 1


@pytest.mark.databases("sqlite", "postgresql")
async def test_an_origin_that_is_allowed_no_longer_gets_nothing(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    waking.push = waking.node(push_origins="https://push.example")
    await waking.post()
    await waking.work()
    assert waking.service.requests == []
    assert await waking.subscriptions() == {}


async def test_subscriptions_end_with_the_device(waking: Waking) -> None:
    one, other, third = device(), device(), device()
    await waking.members(one, other, third)
    await waking.push.on_wakeup(
        AccountWakeup(event="signed_out", person_ids=[], client_ids=[one.client_id])
    )
    await waking.push.unsubscribe(other)
    assert set(await waking.subscriptions()) == {third.client_id}
    await waking.rows.roster([], [third])
    await waking.push.prune()
    assert await waking.subscriptions() == {}


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_locked_device_is_woken_at_once_and_again_when_it_is_unlocked(
    waking: Waking,
) -> None:
    """Decision 18: a lost phone that sleeps locks itself at once, and its subscription stays."""
    lost, other = device(), device()
    await waking.members(lost, other)

    async def change() -> None:
        async with waking.database.transaction() as connection:
            await waking.push.wake(connection, [lost.client_id])

    await change()
    await waking.push.on_wakeup(
        AccountWakeup(
            event="signed_out", person_ids=[], client_ids=[lost.client_id], reason="locked"
        )
    )
    for turn in (1, 2):
        await waking.work(0)
        await waking.work()
        assert waking.woken() == {lost.client_id: turn}
        await change()
    (request, _) = waking.service.requests
    assert (request.body, request.headers["urgency"]) == (b"", "high")
    assert waking.service.wrong == []
    assert set(await waking.subscriptions()) == {lost.client_id, other.client_id}


async def test_a_subscription_at_another_endpoint_replaces_the_first(waking: Waking) -> None:
    one = device()
    await waking.members(one)
    await waking.subscribe(one, "first")
    await waking.subscribe(one, "first")
    later = await waking.subscribe(one, "later")
    assert (await waking.subscriptions())[one.client_id].endpoint == later
    await waking.post()
    await waking.work()
    assert [pushed.path for pushed in waking.service.requests] == ["/push/later"]


async def test_reach_is_shown(waking: Waking) -> None:
    works, fails, new, without = device(), device(), device(), device()
    await waking.members(works, fails)
    waking.service.answer = lambda pushed: (
        Reply(500) if pushed.path.endswith(fails.client_id[::-1]) else TAKEN
    )
    await waking.post()
    await waking.work()
    await waking.subscribe(new)
    sent_ms = waking.clock.at

    async def reach() -> dict[ClientId, wire.PushReach]:
        async with waking.database.reading() as connection:
            return await PushReachReader(waking.clock).reach_of(
                connection, [one.client_id for one in (works, fails, new, without)]
            )

    assert await reach() == {
        works.client_id: wire.PushReach(state="works", success_ms=sent_ms),
        fails.client_id: wire.PushReach(state="failing", success_ms=None),
        new.client_id: wire.PushReach(state="new", success_ms=None),
    }
    waking.clock.at += DAY_MS
    assert (await reach())[fails.client_id].state == "unreached"
