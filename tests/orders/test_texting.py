"""Texts by SMS to people whom a flash order does not reach: one each, and none too many."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from copconnect.database.engine import Database
from copconnect.doctor.order_texts import order_texts
from copconnect.ids import PersonId
from copconnect.orders import text_store, texting
from copconnect.orders.service import OrderService
from copconnect.settings import Settings
from tests.contract.delivery_world import HOUR_MS, MINUTE_MS
from tests.orders.orders_world import Issued, Orders, of_unit, people

pytestmark = pytest.mark.databases("sqlite")

REGISTERED = Settings(
    sms_order_minutes=10,
    sms_order_text="A flash order waits since {#numeric#} minutes. Open the app. {#alphanumeric#}",
    sms_order_variables="minutes,reference",
    sms_order_template_id="1107160000000012345",
    sms_entity_id="1101160000000012345",
    sms_sender="TSPCOP",
)


def node(orders: Orders, **settings: Any) -> OrderService:
    """Return one more process that texts after ten minutes."""
    values = {name: getattr(REGISTERED, name) for name in REGISTERED.__struct_fields__}
    return orders.node(settings=Settings(**(values | settings)))


async def texted(orders: Orders, order: Issued) -> int:
    async with orders.world.database.reading() as connection:
        return await text_store.texted(connection, order.order_id)


async def test_silent_people_get_one_text_without_content(orders: Orders) -> None:
    order = await orders.issue(priority="flash")
    await orders.issue(priority="urgent")
    a, b, c = orders.officers
    sender = node(orders).texting
    orders.world.clock.at += 10 * MINUTE_MS - 1
    assert await sender.round() == 0
    await orders.acknowledge(order, a)
    await orders.reach(b, order.seq, 0)
    orders.world.clock.at += 1
    assert await sender.round() == 1
    assert {*orders.gateway.asked} == people(c)
    text, more = orders.gateway.said[0]
    reference = order.order_id[:6].upper()
    assert text == f"A flash order waits since 10 minutes. Open the app. {reference}"
    assert more == {
        "entityId": REGISTERED.sms_entity_id,
        "templateId": REGISTERED.sms_order_template_id,
        "sender": "TSPCOP",
        "variables": ["10", reference],
    }
    orders.world.clock.at += HOUR_MS
    assert await node(orders).texting.round() == 0  # After a restart neither.
    assert await texted(orders, order) == 1


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.parametrize("end", ["receipt", "acknowledgement", "withdrawal", "validity"])
async def test_a_text_that_waits_ends_with_silence_or_the_order(orders: Orders, end: str) -> None:
    until = orders.world.clock.at + 20 * MINUTE_MS
    order = await orders.issue(priority="flash", valid_until_ms=until)
    orders.gateway.answer = "failed"
    orders.world.clock.at += 10 * MINUTE_MS
    sender = node(orders).texting
    assert await sender.round() == 3
    for officer in orders.officers:
        if end == "receipt":
            await orders.reach(officer, order.seq, 0)
        elif end == "acknowledgement":
            await orders.acknowledge(order, officer)
    if end == "withdrawal":
        await orders.withdraw(order)
    orders.gateway.answer = "taken"
    orders.world.clock.at += (11 if end == "validity" else 5) * MINUTE_MS
    assert await sender.round() == 0
    assert await texted(orders, order) == 0


async def test_a_gateway_that_is_down_is_tried_with_one_text_later_each_time(
    orders: Orders,
) -> None:
    await orders.issue(priority="flash")
    orders.gateway.answer = "failed"
    orders.world.clock.at += 10 * MINUTE_MS
    sender = node(orders).texting
    asked = []
    for _ in range(60):
        asked.append(await sender.round())
        orders.world.clock.at += MINUTE_MS
    assert asked[0] == 3
    assert max(asked[1:]) == 1
    assert 5 <= sum(asked[1:]) <= 20
    orders.gateway.answer = "taken"
    for _ in range(20):
        orders.world.clock.at += MINUTE_MS
        await sender.round()
    assert people(*orders.officers) == {*orders.gateway.asked[-3:]}
    orders.world.clock.at += HOUR_MS
    assert await sender.round() == 0


async def test_a_text_that_may_have_been_taken_is_never_sent_again(orders: Orders) -> None:
    order = await orders.issue(priority="flash")
    orders.gateway.answer = "unsure"
    orders.world.clock.at += 10 * MINUTE_MS
    sender = node(orders).texting
    assert await sender.round() == 3
    orders.gateway.answer = "taken"
    orders.world.clock.at += HOUR_MS
    assert await sender.round() == 0
    assert await texted(orders, order) == 3


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_crash_between_the_record_and_the_answer_sends_no_second(orders: Orders) -> None:
    order = await orders.issue(priority="flash")
    orders.world.clock.at += 10 * MINUTE_MS
    dying = node(orders).texting
    task = asyncio.create_task(dying.round())
    orders.gateway.also = lambda _: task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    orders.gateway.also = lambda _: None
    asked = {*orders.gateway.asked}
    following = node(orders).texting
    for _ in range(10):
        await following.round()
        orders.world.clock.at += MINUTE_MS
    assert sorted(orders.gateway.asked) == sorted(asked)
    assert await texted(orders, order) == 3


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_template_that_every_text_is_refused_for_uses_nobody_up(orders: Orders) -> None:
    await orders.issue(priority="flash")
    orders.gateway.answer = "refused"
    orders.world.clock.at += 10 * MINUTE_MS
    sender = node(orders).texting
    assert await sender.round() == 3
    orders.gateway.answer = "taken"
    for _ in range(10):
        orders.world.clock.at += MINUTE_MS
        await sender.round()
    assert {*orders.gateway.asked[3:]} == people(*orders.officers)


async def test_texts_have_limits_in_all_and_for_each_person(orders: Orders) -> None:
    for _ in range(texting.PER_PERSON + 2):
        await orders.issue(priority="flash")
    orders.world.clock.at += 10 * MINUTE_MS
    sender = node(orders, sms_order_per_minute=8).texting
    assert await sender.round() == 2
    assert await sender.round() == 2
    for _ in range(2):
        await sender.round()
    assert await sender.round() == 0
    for _ in range(30):
        orders.world.clock.at += MINUTE_MS
        await sender.round()
    for officer in people(*orders.officers):
        assert orders.gateway.asked.count(officer) == texting.PER_PERSON


async def test_batches_of_a_round_look_at_the_whole_conversation_once(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texting, "BATCH", 1)
    look, looks = text_store.look, 0

    async def counted(*arguments: Any) -> list[PersonId]:
        nonlocal looks
        looks += 1
        return await look(*arguments)

    monkeypatch.setattr(text_store, "look", counted)
    order = await orders.issue(priority="flash")
    orders.world.clock.at += 10 * MINUTE_MS
    first, *others = sorted(orders.officers, key=lambda one: one.caller.person_id)
    orders.gateway.meanwhile = lambda: orders.reach(others[0], order.seq, 0)
    sender = node(orders).texting
    assert await sender.round() == 2, "one received it after the look"
    assert {*orders.gateway.asked} == people(first, others[1])
    assert looks == 2, "the second finds nobody"
    await sender.round()
    assert looks == 2, "a minute passes before the next"


async def test_somebody_who_joins_later_has_the_same_time(database: Database) -> None:
    orders, early, late = await of_unit(database)
    world = orders.world
    await orders.issue(priority="flash")
    world.clock.at += 9 * MINUTE_MS
    world.chart.post(late.caller.person_id, "TG")
    await world.service.following.compare(orders.c)
    world.clock.at += 2 * MINUTE_MS
    sender = node(orders).texting
    assert await sender.round() == 1
    world.clock.at += 8 * MINUTE_MS
    assert await sender.round() == 1
    assert orders.gateway.asked == [early.caller.person_id, late.caller.person_id]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sms_order_minutes": 0}, "send no SMS"),
        ({"sms_entity_id": "12"}, "SMS_ENTITY_ID takes"),
        ({"sms_order_template_id": "x" * 19}, "TEMPLATE_ID takes"),
        ({"sms_sender": "TS"}, "6 letters"),
        ({"sms_order_variables": "minutes"}, "has 2 variables, and"),
        ({"sms_order_variables": "minutes,title"}, "not title"),
        ({"sms_order_variables": "reference,minutes"}, "its type is {#alphanumeric#}"),
        ({"sms_order_text": "", "sms_order_variables": ""}, "is empty"),
        ({"sms_order_text": "{#var#}", "sms_order_variables": "minutes"}, "{#var#}"),
        ({"sms_order_text": "See www.police.in", "sms_order_variables": ""}, "has a link"),
        ({"sms_order_text": "ఆదేశం " * 12, "sms_order_variables": ""}, "letters 70"),
        ({"sms_order_text": "a" * 161, "sms_order_variables": ""}, "letters 160"),
    ],
)
def test_the_doctor_says_what_is_wrong(settings: dict[str, Any], words: str) -> None:
    values = {name: getattr(REGISTERED, name) for name in REGISTERED.__struct_fields__}
    (found,) = order_texts(Settings(**(values | settings)))
    assert words in found.words
    assert found.verdict == ("failure" if settings.get("sms_order_minutes", 1) else "warning")


async def test_a_template_that_is_wrong_sends_nothing(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texting, "PERIOD_S", 0.01)
    await orders.issue(priority="flash")
    orders.world.clock.at += 10 * MINUTE_MS
    came = asyncio.Event()
    orders.gateway.also = lambda _: came.set()
    wrong, right = node(orders, sms_sender="").texting, node(orders).texting
    await wrong.start()
    with suppress(TimeoutError):
        await asyncio.wait_for(came.wait(), 0.3)
    await wrong.close()
    assert not came.is_set()
    await right.start()
    await asyncio.wait_for(came.wait(), 30)
    await right.close()


def test_the_doctor_shows_the_text_as_people_get_it() -> None:
    (found,) = order_texts(REGISTERED)
    assert found.verdict == "ok"
    assert "waits since 10 minutes. Open the app. AAAAAA" in found.words
