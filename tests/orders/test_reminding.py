"""Reminders and escalations of orders, and their end."""

import pytest

from copconnect import errors
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
