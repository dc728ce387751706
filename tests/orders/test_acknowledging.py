"""Acknowledgements on both databases, good and bad, and the people who owe them."""

import asyncio

import pytest

from copconnect import errors, wire
from copconnect.bus import AcknowledgedWakeup
from copconnect.database.engine import Database
from copconnect.limits import CLOCK_LEEWAY_MS
from copconnect.records.conversation.acknowledgement import Acknowledgement, Told
from tests.contract.delivery_world import HOUR_MS, MINUTE_MS
from tests.orders.orders_world import Orders, nobody, of_unit, people

pytestmark = pytest.mark.databases("sqlite")


async def test_o1_bad_records_are_refused_and_hold_up_no_good_one(orders: Orders) -> None:
    order, other = await orders.issue(choices=2), await orders.issue(choices=2)
    a, b, _ = orders.officers
    second = orders.world.registry.register(a.caller.person_id)
    await orders.world.devices_changed(second)
    good = orders.record(order, a, choice=1)
    bent = bytearray(good.record)
    bent[-1] ^= 1
    now = orders.world.clock.now_ms()
    cases: list[tuple[wire.AcknowledgementItem, str]] = [
        (wire.AcknowledgementItem(record=bytes(bent), answer=None, photo=None), "malformed"),
        (wire.AcknowledgementItem(record=b"x", answer=None, photo=None), "malformed"),
        (orders.record(order, second, choice=1), "wrong_device"),
        (orders.record(order, b, choice=1), "wrong_device"),
        (orders.record(order, a, choice=1, person_id=bytes(16)), "not_allowed"),
        (orders.record(order, a, told=Told.IN_PERSON), "not_allowed"),
        (orders.record(other, a, choice=1), "wrong_order"),
        (orders.record(order, a, choice=1, header_hash=bytes(32)), "wrong_order"),
        (orders.record(order, a, choice=1, conversation_id=bytes(16)), "wrong_order"),
        (orders.record(order, a, choice=0), "wrong_choice"),
        (orders.record(order, a, choice=3), "wrong_choice"),
        (orders.record(order, a, choice=1, answer=b"not asked"), "wrong_answer"),
        (orders.record(order, a, choice=1, answer_hash=bytes([1] * 32)), "wrong_answer"),
        (orders.record(order, a, choice=1, created=now + CLOCK_LEEWAY_MS + 1), "wrong_time"),
        (orders.record(order, a, choice=1, created=now - CLOCK_LEEWAY_MS - 1), "wrong_time"),
        (good, "counted"),
        (good, "counted"),
    ]
    outcomes = await orders.send(order, a, *(item for item, _ in cases))
    assert outcomes == [expected for _, expected in cases]
    assert (await orders.progress(order))[0] == [3, 1, 1, 1, 0, 0, 0, 1, 0]
    # Signed by another person's device that has no key here.
    stranger = orders.world.registry.register()
    with pytest.raises(errors.NotFound):
        await orders.send(order, stranger, orders.record(order, stranger, choice=1))
    body = wire.SubmitAcknowledgements(acknowledgements=[good])
    with pytest.raises(errors.NotFound):
        await orders.service.acknowledging.submit(a.caller, nobody(), body)


async def test_of_two_phones_the_newest_choice_counts_whichever_comes_last(
    orders: Orders,
) -> None:
    a = orders.officers[0]
    made = [await orders.issue(choices=2) for _ in range(2)]
    second = orders.world.registry.register(a.caller.person_id)
    await orders.world.devices_changed(second)
    now = orders.world.clock.now_ms()
    for order, first_comes_last in zip(made, (False, True), strict=True):
        older = a, orders.record(order, a, choice=1, created=now)
        newer = second, orders.record(order, second, choice=2, created=now + 1)
        came = [newer, older] if first_comes_last else [older, newer]
        outcomes = [await orders.send(order, device, item) for device, item in came]
        assert outcomes == [["counted"], ["superseded" if first_comes_last else "counted"]]
        assert (await orders.progress(order))[0] == [3, 1, 1, 1, 0, 0, 0, 0, 1]
        assert (await orders.records(order))[a.caller.person_id].choice == 2
        assert await orders.send(order, second, newer[1]) == ["counted"]
        assert await orders.send(order, a, older[1]) == ["superseded"]


async def test_items_are_ticked_and_unticked_until_the_order_is_withdrawn(orders: Orders) -> None:
    order = await orders.issue(items=3)
    a, b, c = orders.officers
    orders.roll.held[a.caller.person_id] = ["TG/HYD"]
    assert await orders.acknowledge(order, a, done=0b011) == "counted"
    assert await orders.acknowledge(order, b, done=0b1000) == "wrong_choice"
    assert (await orders.progress(order))[0] == [3, 1, 1, 1, 0, 0, 0, 1, 1, 0]
    # The server refuses ticks for another person, and ticks beside "I cannot read this order".
    ticked = orders.record(order, a, about=c, done=1)
    assert await orders.send(order, a, ticked) == ["malformed"]
    assert await orders.acknowledge(order, b, choice=wire.UNREADABLE, done=1) == "malformed"
    orders.world.clock.at += 1
    assert await orders.acknowledge(order, a, done=0b101) == "counted"
    assert (await orders.progress(order))[0] == [3, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    assert (await orders.records(order))[a.caller.person_id].done == 0b101
    await orders.withdraw(order)
    orders.world.clock.at += 1
    assert await orders.acknowledge(order, a, done=0b111) == "withdrawn"


async def test_both_phones_in_one_transaction(orders: Orders) -> None:
    a, order = orders.officers[0], await orders.issue(choices=2)
    second = orders.world.registry.register(a.caller.person_id)
    await orders.world.devices_changed(second)
    now = orders.world.clock.now_ms()
    newer = orders.record(order, second, choice=2, created=now + 1)
    older = orders.record(order, a, choice=1, created=now)
    await asyncio.gather(orders.send(order, second, newer), orders.send(order, a, older))
    assert (await orders.records(order))[a.caller.person_id].choice == 2


async def test_on_behalf_by_the_right_alone_and_the_own_one_counts_rather(
    orders: Orders,
) -> None:
    writer, other, third = orders.officers
    order = await orders.issue(choices=2)
    told = orders.record(order, writer, about=third)
    assert await orders.send(order, writer, told) == ["not_allowed"]
    orders.roll.held[writer.caller.person_id] = ["TG/HYD/PS1"]  # third's unit, not other's.
    chosen = orders.record(order, writer, about=third, choice=1)
    outcomes = await orders.send(
        order, writer, told, orders.record(order, writer, about=other), chosen
    )
    assert outcomes == ["counted", "not_allowed", "wrong_choice"]
    assert (await orders.progress(order))[0] == [3, 1, 1, 1, 1, 0, 0, 0, 0]
    # The person's own is older, and counts rather; another told in person changes nothing.
    own = orders.record(order, third, choice=2, created=orders.world.clock.now_ms() - 1_000)
    assert await orders.send(order, third, own) == ["counted"]
    assert await orders.send(order, writer, told) == ["superseded"]
    assert (await orders.progress(order))[0] == [3, 1, 1, 1, 0, 0, 0, 0, 1]
    outsider = orders.world.registry.register()
    stranger = orders.record(order, writer, about=outsider)
    assert await orders.send(order, writer, stranger) == ["not_owed"]
    assert await orders.send(order, writer, orders.record(order, writer, about=orders.issuer)) == [
        "not_owed"
    ]


async def test_withdrawn_meanwhile(orders: Orders) -> None:
    order = await orders.issue()
    a, b, _ = orders.officers
    before = orders.record(order, a)  # Signed offline, sent later.
    orders.world.clock.at += MINUTE_MS
    await orders.withdraw(order)
    orders.world.clock.at += MINUTE_MS
    assert await orders.send(order, a, before) == ["counted"]
    assert await orders.acknowledge(order, b) == "withdrawn"
    assert (await orders.progress(order))[0][:4] == [3, 1, 1, 1]


@pytest.mark.databases("sqlite", "postgresql")
async def test_past_its_validity(orders: Orders) -> None:
    order = await orders.issue(valid_until_ms=orders.world.clock.now_ms() + HOUR_MS)
    a, b, _ = orders.officers
    before = orders.record(order, a)
    orders.world.clock.at += HOUR_MS + 1
    assert await orders.acknowledge(order, b) == "too_late"
    assert await orders.send(order, a, before) == ["counted"]
    open_ = await orders.service.reading.orders(b.caller, "open", None)
    assert open_.orders == []
    late = orders.world.registry.register()
    made = await orders.world.service.conversations.conversation(orders.issuer.caller, orders.c)
    await orders.world.change(orders.issuer.caller, made, [late])
    backdated = orders.record(order, late, created=orders.world.clock.now_ms() - MINUTE_MS)
    assert await orders.send(order, late, backdated) == ["not_owed"]
    assert (await orders.progress(order))[0][0] == 3


async def test_who_leaves_owes_nothing_also_after_a_return(orders: Orders) -> None:
    order = await orders.issue()
    a, b, _ = orders.officers
    made = await orders.world.service.conversations.conversation(orders.issuer.caller, orders.c)
    assert await orders.acknowledge(order, a) == "counted"
    await orders.world.change(orders.issuer.caller, made, remove=[a, b])
    assert (await orders.progress(order))[0][:4] == [1, 0, 0, 0]
    with pytest.raises(errors.NotFound):
        await orders.acknowledge(order, b)
    assert people(a) == (await orders.records(order)).keys()  # Signed records stay.
    orders.world.clock.at += 1
    made = await orders.world.service.conversations.conversation(orders.issuer.caller, orders.c)
    await orders.world.change(orders.issuer.caller, made, [a, b])
    assert (await orders.progress(order))[0][:4] == [1, 0, 0, 0]
    assert await orders.acknowledge(order, b) == "not_owed"


async def test_a_member_who_cannot_read_the_order_owes_nothing(orders: Orders) -> None:
    order = await orders.issue()
    late = orders.world.registry.register()
    orders.world.clock.at += 1
    made = await orders.world.service.conversations.conversation(orders.issuer.caller, orders.c)
    await orders.world.change(orders.issuer.caller, made, [late])  # Without history.
    assert await orders.acknowledge(order, late) == "not_owed"
    with pytest.raises(errors.NotFound):
        await orders.service.reading.order(late.caller, order.order_id)


async def test_who_joins_a_unit_later_owes_too(database: Database) -> None:
    orders, early, late = await of_unit(database)
    world = orders.world
    order = await orders.issue()
    assert (await orders.progress(order))[0][0] == 1
    world.clock.at += MINUTE_MS
    world.chart.post(late.caller.person_id, "TG")
    await world.service.following.compare(orders.c)
    assert (await orders.progress(order))[0][0] == 2
    assert await orders.acknowledge(order, late) == "counted"
    world.chart.leave(early.caller.person_id)
    await world.service.following.compare(orders.c)
    assert (await orders.progress(order))[0][:4] == [1, 1, 1, 1]


@pytest.mark.databases("sqlite", "postgresql")
async def test_answers_are_kept_with_the_record_that_counts(orders: Orders) -> None:
    order = await orders.issue(answers=True)
    a, b, _ = orders.officers
    now = orders.world.clock.now_ms()
    assert await orders.acknowledge(order, a, answer=b"sealed", created=now) == "counted"
    assert await orders.acknowledge(order, b) == "counted"
    reading = orders.service.reading
    page = await reading.records(orders.issuer.caller, order.order_id, answered=True, after="")
    assert [one.answer for one in page.records] == [b"sealed"]
    assert await orders.acknowledge(order, a, answer=b"again", created=now + 1) == "counted"
    page = await reading.records(orders.issuer.caller, order.order_id, answered=True, after="")
    assert [one.answer for one in page.records] == [b"again"]
    assert await orders.acknowledge(order, a, created=now + 2) == "counted"
    page = await reading.records(orders.issuer.caller, order.order_id, answered=True, after="")
    assert page.records == []


async def test_the_devices_of_others_hear_of_it_in_one_wakeup(orders: Orders) -> None:
    order = await orders.issue()
    orders.world.wakeups.clear()
    await asyncio.gather(*(orders.acknowledge(order, one) for one in orders.officers))
    told = orders.world.told(AcknowledgedWakeup)
    by = {person: client for one in told for person, client in one.people.items()}
    assert by == {one.caller.person_id: one.caller.client_id for one in orders.officers}
    assert len(told) <= 2


async def test_somebody_who_cannot_read_an_order_owes_no_more_and_has_not_acknowledged(
    orders: Orders,
) -> None:
    order = await orders.issue(choices=2, answers=True)
    officer, other, third = orders.officers
    assert await orders.acknowledge(order, officer, choice=wire.UNREADABLE) == "counted"
    seen = await orders.service.reading.order(officer.caller, order.order_id)
    assert seen.owed is False
    assert seen.acknowledgement is not None
    assert Acknowledgement.parse(seen.acknowledgement.record).choice == wire.UNREADABLE
    listed = await orders.service.reading.orders(officer.caller, "open", None)
    assert listed.orders == []
    await orders.acknowledge(order, third, choice=1)
    # Owe, received, read, acknowledged, told, cannot read it, sent a photo; then each choice.
    total, _ = await orders.progress(order)
    assert total == [3, 2, 1, 1, 0, 1, 0, 1, 0]
    found = await orders.service.reading.people(
        orders.issuer.caller,
        order.order_id,
        unit_id=None,
        state="unreadable",
        choice=None,
        after="",
    )
    assert {one.person.person_id for one in found.people} == people(officer)
    curve = await orders.service.reading.curve(orders.issuer.caller, order.order_id)
    assert sum(count for _, count in curve.points[-1:]) == 1
    # An answer cannot come with it, and nobody says it of somebody else.
    answered = orders.record(order, other, choice=wire.UNREADABLE, answer=b"sealed")
    assert await orders.send(order, other, answered) == ["wrong_answer"]
    orders.roll.held[orders.issuer.caller.person_id] = ["TG"]
    about = orders.record(order, orders.issuer, other, choice=wire.UNREADABLE)
    assert await orders.send(order, orders.issuer, about) == ["malformed"]


async def test_an_acknowledgement_counts_rather_than_that_the_order_cannot_be_read(
    orders: Orders,
) -> None:
    order = await orders.issue()
    officer, other = orders.officers[:2]
    unreadable = orders.record(order, officer, choice=wire.UNREADABLE)
    assert await orders.send(order, officer, unreadable) == ["counted"]
    # The key came, or somebody told the person.
    assert await orders.acknowledge(order, officer) == "counted"
    assert await orders.acknowledge(order, officer, choice=wire.UNREADABLE) == "superseded"
    assert await orders.acknowledge(order, other, choice=wire.UNREADABLE) == "counted"
    orders.roll.held[orders.issuer.caller.person_id] = ["TG"]
    told = orders.record(order, orders.issuer, other)
    assert await orders.send(order, orders.issuer, told) == ["counted"]
    total, _ = await orders.progress(order)
    assert total == [3, 2, 2, 2, 1, 0, 0]
