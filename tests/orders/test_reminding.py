"""Reminders and escalations of orders, and their end."""

import pytest

from copconnect import errors, wire
from copconnect.ids import UnitId
from tests.contract.delivery_world import DAY_MS, HOUR_MS, MINUTE_MS
from tests.contract.holding import hold, lift
from tests.orders.orders_world import Orders, people


async def test_reminders_wake_those_who_owe_and_once_each(orders: Orders) -> None:
    order = await orders.issue(remind_minutes=[10, 30])
    a, b, c = orders.officers
    reminding = orders.service.reminding
    assert await reminding.round() == 0
    await orders.acknowledge(order, a)
    orders.world.clock.at += 10 * MINUTE_MS
    assert await reminding.round() == 2
    assert await reminding.round() == 0
    await orders.acknowledge(order, b)
    orders.world.clock.at += HOUR_MS
    assert await reminding.round() == 1
    assert orders.woken.people == [people(b, c), people(c)]
    orders.world.clock.at += DAY_MS
    assert await reminding.round() == 0


async def test_the_issuer_reminds_now_those_who_owe_once_in_half_an_hour(orders: Orders) -> None:
    order = await orders.issue()
    a, b, c = orders.officers
    await orders.acknowledge(order, a)
    caller, remind = orders.issuer.caller, orders.service.reminding.remind
    never = wire.RemindOfOrder(reminded_ms=None)
    first = await remind(caller, order.order_id, never)
    assert orders.woken.people == [people(b, c)]
    # The answer was lost: the same request again is answered alike, and wakes nobody.
    assert await orders.node().reminding.remind(caller, order.order_id, never) == first
    found = await orders.service.reading.order(caller, order.order_id)
    assert (found.reminds, found.reminded_ms) == (True, first.reminded_ms)
    known = wire.RemindOfOrder(reminded_ms=first.reminded_ms)
    orders.world.clock.at += 10 * MINUTE_MS
    with pytest.raises(errors.RateLimited) as soon:
        await remind(caller, order.order_id, known)
    assert (soon.value.retry_after_ms, soon.value.details["limit"]) == (
        *(20 * MINUTE_MS, "order_reminders"),
    )
    assert orders.woken.people == [people(b, c)]
    await orders.acknowledge(order, b)
    orders.world.clock.at += 20 * MINUTE_MS
    # Also from a screen that never saw the first reminder.
    assert (await remind(caller, order.order_id, never)).reminded_ms > first.reminded_ms
    assert orders.woken.people == [people(b, c), people(c)]


async def test_they_alone_remind_who_see_all_of_an_order_that_is_owed(orders: Orders) -> None:
    a, b, _ = orders.officers
    order = await orders.issue(readers=[b.caller.person_id])
    body = wire.RemindOfOrder(reminded_ms=None)
    remind, read = orders.service.reminding.remind, orders.service.reading.order
    for paths in ([], ["TG/HYD/PS1"]):  # Nobody's overseer, and one station's.
        orders.roll.held[a.caller.person_id] = paths
        assert not (await read(a.caller, order.order_id)).reminds
        with pytest.raises(errors.NotAllowed):
            await remind(a.caller, order.order_id, body)
    assert (await read(b.caller, order.order_id)).reminds
    await remind(b.caller, order.order_id, body)
    assert len(orders.woken.people) == 1
    for end in ("withdrawn", "over"):
        ended = await orders.issue(
            valid_until_ms=orders.world.clock.now_ms() + (MINUTE_MS if end == "over" else DAY_MS)
        )
        if end == "over":
            orders.world.clock.at += MINUTE_MS
        else:
            await orders.withdraw(ended)
        with pytest.raises(errors.OrderInvalid):
            await remind(orders.issuer.caller, ended.order_id, body)
    assert len(orders.woken.people) == 1


async def test_a_withdrawn_order_reminds_nobody(orders: Orders) -> None:
    order = await orders.issue(remind_minutes=[10], escalate_minutes=20, escalate_below=50)
    await orders.withdraw(order)
    orders.world.clock.at += HOUR_MS
    assert await orders.service.reminding.round() == 0
    assert orders.woken.people == []


async def test_too_few_acknowledgements_wake_the_nearest_head(orders: Orders) -> None:
    a, b, c = orders.officers  # PS1, PS2, PS1.
    orders.roll.heads_of = {
        UnitId("PS1"): [a.caller.person_id],
        UnitId("HYD"): [b.caller.person_id],
    }
    order = await orders.issue(escalate_minutes=20, escalate_below=50)
    await orders.acknowledge(order, c)  # Half of PS1: enough.
    orders.world.clock.at += 20 * MINUTE_MS
    assert await orders.service.reminding.round() == 1
    assert orders.woken.people == [people(b)]  # PS2 has no head: that of HYD.
    found = await orders.service.reading.order(b.caller, order.order_id)
    assert found.escalated_ms == orders.world.clock.now_ms()


async def test_orders_are_kept_as_long_as_the_log(orders: Orders) -> None:
    order = await orders.issue(answers=True)
    await orders.acknowledge(order, orders.officers[0], answer=b"sealed")
    orders.world.clock.at += 179 * DAY_MS
    await orders.service.reminding.prune()
    assert len(await orders.records(order)) == 1
    orders.world.clock.at += 2 * DAY_MS
    database, now_ms = orders.world.database, orders.world.clock.at
    hold_id = await hold(database, now_ms, conversation_id=orders.talk.conversation_id)
    await orders.service.reminding.prune()
    assert len(await orders.records(order)) == 1
    await lift(database, hold_id, now_ms)
    await orders.service.reminding.prune()
    with pytest.raises(errors.NotFound):
        await orders.records(order)
