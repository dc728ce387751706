"""Progress of orders on both databases: counts, names and dashboards, and who sees them."""

import itertools
from typing import Any

import pytest

from copconnect import errors, wire
from copconnect.delivery.live.readers import Readers
from copconnect.ids import UnitId
from copconnect.orders import store
from tests.contract.delivery_world import MINUTE_MS
from tests.orders.orders_world import Orders, people


async def test_counts_by_unit_by_state_and_by_choice(orders: Orders) -> None:
    order = await orders.issue(choices=2)
    a, b, c = orders.officers  # PS1, PS2, PS1.
    await orders.reach(a, order.seq, 0)
    await orders.reach(b, order.seq, order.seq)
    await orders.acknowledge(order, c, choice=2)
    total, units = await orders.progress(order)
    assert total == [3, 3, 2, 1, 0, 0, 0, 0, 1]
    assert units == {"TG": total}
    assert (await orders.progress(order, "HYD"))[1] == {
        "PS1": [2, 2, 1, 1, 0, 0, 0, 0, 1],
        "PS2": [1, 1, 1, 0, 0, 0, 0, 0, 0],
    }
    total, units = await orders.progress(order, "PS1")
    assert (total, units) == ([2, 2, 1, 1, 0, 0, 0, 0, 1], {"PS1": [2, 2, 1, 1, 0, 0, 0, 0, 1]})
    assert (await orders.progress(order, "nowhere"))[0] == [0] * 9


async def test_somebody_whose_phone_lacks_its_key_has_not_received_an_order(
    orders: Orders,
) -> None:
    order = await orders.issue()
    a, b, _ = orders.officers
    for officer in (a, b):
        await orders.reach(officer, order.seq, order.seq)
    lacked = wire.ShareReference(kind=1, reference=orders.key_id[:16].hex())
    request = wire.ShareRequest(references=[lacked])
    await orders.world.service.shares.ask(a.caller, orders.c, request)
    owed, received, read, *_ = (await orders.progress(order))[0]
    assert (owed, received, read) == (3, 1, 1)
    await orders.world.service.shares.done(a.caller, orders.c, request)
    owed, received, read, *_ = (await orders.progress(order))[0]
    assert (owed, received, read) == (3, 2, 2)


async def test_names_by_state_unit_and_choice(orders: Orders) -> None:
    order = await orders.issue(choices=2)
    a, b, c = orders.officers
    await orders.reach(b, order.seq, order.seq)
    await orders.acknowledge(order, c, choice=2)

    async def found(**asked: Any) -> set[str]:
        values: dict[str, Any] = {"unit_id": None, "state": None, "choice": None, "after": ""}
        page = await orders.service.reading.people(
            orders.issuer.caller, order.order_id, **(values | asked)
        )
        return {one.person.person_id for one in page.people}

    assert await found() == people(a, b, c)
    assert await found(state="waiting") == people(a)
    assert await found(state="received") == set()
    assert await found(state="read") == people(b)
    assert await found(state="acknowledged") == people(c)
    assert await found(choice=2) == people(c)
    assert await found(choice=1) == set()
    assert await found(unit_id=UnitId("PS1")) == people(a, c)
    assert await found(unit_id=UnitId("TG"), state="read") == people(b)
    assert await found(text="PS2") == people(b)
    assert await found(text="PS1", state="waiting") == people(a)
    assert len(await found(limit=2)) == 2


async def test_counts_and_names_of_items(orders: Orders) -> None:
    order = await orders.issue(choices=1, items=2)
    a, b, c = orders.officers  # PS1, PS2, PS1.
    await orders.acknowledge(order, a, choice=1, done=0b11)
    await orders.acknowledge(order, b, choice=1, done=0b10)
    total, _ = await orders.progress(order)
    assert total == [3, 2, 2, 2, 0, 0, 0, 2, 1, 2]
    assert (await orders.progress(order, "HYD"))[1] == {
        "PS1": [2, 1, 1, 1, 0, 0, 0, 1, 1, 1],
        "PS2": [1, 1, 1, 1, 0, 0, 0, 1, 0, 1],
    }
    reading, caller = orders.service.reading, orders.issuer.caller
    progress = await reading.progress(caller, order.order_id, None)
    (sum_of,) = (await reading.totals(caller, [order.order_id])).totals
    assert (progress.items, sum_of.items, sum_of.total) == (2, 2, total)
    for lacking, expected in ((1, people(b, c)), (2, people(c))):
        page = await reading.people(
            caller, order.order_id, unit_id=None, state=None, choice=None, lacking=lacking
        )
        assert {one.person.person_id for one in page.people} == expected
        given = {one.person.person_id: one.acknowledgement for one in page.people}
        assert given[c.caller.person_id] is None


async def test_a_checklist_adds_no_row_to_a_count(orders: Orders) -> None:
    order = await orders.issue(items=3)
    a, _, c = orders.officers  # PS1, PS2, PS1.
    await orders.acknowledge(order, a, done=0b101)
    await orders.acknowledge(order, c, done=0b011)
    world = orders.world
    async with world.database.reading() as connection:
        row = await store.one(connection, order.order_id)
        assert row is not None
        counts = await store.standings(
            connection,
            store.known(row),
            Readers().readers(orders.c),
            Readers().reached(orders.c, order.seq),
            orders.roll.placed(),
        )
    acknowledged = [(one.unit_id, one.people, one.items) for one in counts if one.state == 3]
    assert acknowledged == [("PS1", 2, (2, 1, 1))]


async def test_pages_of_names_and_of_orders_go_on_where_they_ended(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("copconnect.orders.reading.PAGE", 2)
    made = []
    for _ in range(5):
        made.append(await orders.issue())
        orders.world.clock.at += 1
    names: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await orders.service.reading.people(
            orders.issuer.caller,
            made[0].order_id,
            unit_id=None,
            state=None,
            choice=None,
            after=after,
        )
        names += [one.person.person_id for one in page.people]
        after = page.next
    assert len(names) == 3
    assert set(names) == people(*orders.officers)
    listed: list[str] = []
    token: str | None = None
    for _ in range(3):
        found = await orders.service.reading.orders(orders.officers[0].caller, "open", token)
        listed += [one.order_id for one in found.orders]
        token = found.next
    assert (listed, token) == ([one.order_id for one in reversed(made)], None)


async def test_a_head_sees_the_own_part_alone_and_others_nothing(orders: Orders) -> None:
    order = await orders.issue()
    head, other, third = orders.officers
    with pytest.raises(errors.NotAllowed):
        await orders.progress(order, viewer=head)
    orders.roll.held[head.caller.person_id] = ["TG/HYD/PS1"]
    for one in (other, third):
        await orders.acknowledge(order, one)
    total, units = await orders.progress(order, viewer=head)
    assert (total[:4], units) == ([2, 1, 1, 1], {"TG": [2, 1, 1, 1, 0, 0, 0]})
    assert (await orders.progress(order, "PS2", head))[0][:4] == [0, 0, 0, 0]
    page = await orders.service.reading.people(
        head.caller, order.order_id, unit_id=None, state=None, choice=None, after=""
    )
    assert {one.person.person_id for one in page.people} == people(head, third)
    records = await orders.service.reading.records(
        head.caller, order.order_id, answered=False, after=""
    )
    assert len(records.records) == 1
    assert (await orders.service.reading.order(head.caller, order.order_id)).overseen
    curve = await orders.service.reading.curve(head.caller, order.order_id)
    assert curve.points[-1][1] == 1
    outsider = orders.world.registry.register()
    orders.roll.held[outsider.caller.person_id] = ["TG"]
    with pytest.raises(errors.NotFound):
        await orders.progress(order, viewer=outsider)


async def test_the_curve_counts_up(orders: Orders) -> None:
    order = await orders.issue()
    for one in orders.officers:
        orders.world.clock.at += MINUTE_MS
        await orders.acknowledge(order, one)
    curve = await orders.service.reading.curve(orders.issuer.caller, order.order_id)
    assert [count for _, count in curve.points] == [1, 2, 3]
    assert [step * curve.step_ms // MINUTE_MS for step, _ in curve.points] == [1, 2, 3]


async def test_a_tick_moves_neither_the_curve_nor_the_time_of_the_acknowledgement(
    orders: Orders,
) -> None:
    order = await orders.issue(items=2)
    a, b, _ = orders.officers
    clock, reading, caller = orders.world.clock, orders.service.reading, orders.issuer.caller
    clock.at += MINUTE_MS
    first_ms = clock.now_ms()
    await orders.acknowledge(order, a)
    orders.roll.held[caller.person_id] = ["TG"]
    told = orders.record(order, orders.issuer, about=b)
    assert await orders.send(order, orders.issuer, told) == ["counted"]
    clock.at += 9 * MINUTE_MS
    for officer in (a, b):
        assert await orders.acknowledge(order, officer, done=0b10) == "counted"
    later_ms = clock.now_ms()
    curve = await reading.curve(caller, order.order_id)
    assert [(step * curve.step_ms // MINUTE_MS, count) for step, count in curve.points] == [(1, 2)]
    page = await reading.people(caller, order.order_id, unit_id=None, state=None, choice=None)
    given = {one.person.person_id: one.acknowledgement for one in page.people}
    of_a, of_b = given[a.caller.person_id], given[b.caller.person_id]
    assert of_a is not None
    assert of_b is not None
    assert (of_a.first_created_ms, of_a.created_ms, of_a.done) == (first_ms, later_ms, 0b10)
    # Somebody else signed before: the own word is the first of this person's.
    assert of_b.first_created_ms == later_ms
    records = (await reading.records(caller, order.order_id)).records
    assert {one.first_created_ms for one in records} == {first_ms, later_ms}
    own = (await reading.order(a.caller, order.order_id)).acknowledgement
    assert own is not None
    assert own.first_created_ms == first_ms
    # A correction that asks again starts the time again.
    text = await orders.correct(order, asks_again=True)
    clock.at += MINUTE_MS
    await orders.acknowledge(order, a, text_hash=text)
    own = (await reading.order(a.caller, order.order_id)).acknowledgement
    assert own is not None
    assert own.first_created_ms == clock.now_ms()


async def test_a_dashboard_is_sent_differences(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await orders.issue()
    a, b, _ = orders.officers
    watching = orders.service.watching
    now = itertools.count(1_000.0, 10.0)
    monkeypatch.setattr("copconnect.orders.watching.time.monotonic", lambda: next(now))
    watching.watch("screen", orders.issuer.caller, order.order_id, UnitId("HYD"))
    watching.watch("spy", a.caller, order.order_id, None)
    await watching.round()
    await watching.round()
    ((client_id, first),) = orders.connected.frames
    assert client_id == orders.issuer.caller.client_id
    assert first.total[:4] == [3, 0, 0, 0]
    assert set(first.units) == {UnitId("PS1"), UnitId("PS2")}
    orders.connected.frames.clear()
    await orders.acknowledge(order, a)
    await watching.round()
    ((_, second),) = orders.connected.frames
    assert second.units == {"PS1": [2, 1, 1, 1, 0, 0, 0]}
    orders.connected.frames.clear()
    await orders.reach(b, order.seq, order.seq)
    await watching.round()
    ((_, third),) = orders.connected.frames
    assert third.units == {"PS2": [1, 1, 1, 0, 0, 0, 0]}
    watching.gone("screen")
    await orders.acknowledge(order, b)
    orders.connected.frames.clear()
    await watching.round()
    assert orders.connected.frames == []


async def test_records_come_with_what_is_signed_about_their_people_and_signers(
    orders: Orders,
) -> None:
    order = await orders.issue()
    head, told, own = orders.officers
    orders.roll.held[head.caller.person_id] = ["TG"]
    (outcome,) = await orders.send(order, head, orders.record(order, head, told))
    assert (outcome, await orders.acknowledge(order, own)) == ("counted", "counted")
    for asked, expected in ((False, set()), (True, people(head, told, own))):
        page = await orders.service.reading.records(
            orders.issuer.caller, order.order_id, answered=False, after="", trust=asked
        )
        assert len(page.records) == 2
        assert {one.person_id for one in page.people} == expected


async def test_people_whom_an_order_appoints_see_all_its_answers_and_others_none(
    orders: Orders,
) -> None:
    appointed, other, third = orders.officers
    order = await orders.issue(answers=True, readers=[appointed.caller.person_id])
    await orders.acknowledge(order, third)
    reading = orders.service.reading
    page = await reading.records(appointed.caller, order.order_id, answered=False, after="")
    assert len(page.records) == 1
    assert (await reading.order(appointed.caller, order.order_id)).overseen
    with pytest.raises(errors.NotAllowed):
        await reading.records(other.caller, order.order_id, answered=False, after="")
    assert not (await reading.order(other.caller, order.order_id)).overseen
