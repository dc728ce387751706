"""Orders on both databases: terms, acknowledgements good and bad, counts, and who sees what."""

import asyncio
import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from copconnect import errors, wire
from copconnect.bus import AcknowledgedWakeup
from copconnect.database.engine import Database
from copconnect.ids import UnitId
from copconnect.limits import CLOCK_LEEWAY_MS
from copconnect.orders import rules
from copconnect.orders.rules import Counted, Standing
from copconnect.records.conversation.acknowledgement import Told
from tests.contract.delivery_world import DAY_MS, HOUR_MS, MINUTE_MS
from tests.contract.orders_world import Orders, nobody, people, replace_terms


@pytest.fixture
async def orders(database: Database) -> Orders:
    return await Orders.of(database)


# --- Issuing ----------------------------------------------------------------------------------


async def test_an_order_is_stored_with_its_message_and_shown_to_members(orders: Orders) -> None:
    order = await orders.issue(priority="urgent", choices=3, remind_minutes=[10, 30])
    officer, outsider = orders.officers[0], orders.world.registry.register()
    found = await orders.service.reading.order(officer.caller, order.order_id)
    assert (found.seq, found.header_hash) == (order.seq, order.header_hash)
    assert found.terms == replace_terms(priority="urgent", choices=3, remind_minutes=[10, 30])
    assert (found.owed, found.overseen, found.acknowledgement) == (True, False, None)
    mine = await orders.service.reading.order(orders.issuer.caller, order.order_id)
    assert (mine.owed, mine.overseen) == (False, True)
    with pytest.raises(errors.NotFound):
        await orders.service.reading.order(outsider.caller, order.order_id)
    with pytest.raises(errors.NotFound):
        await orders.service.reading.order(officer.caller, nobody())


@pytest.mark.parametrize(
    "terms",
    [
        {"remind_minutes": [30, 10]},
        {"remind_minutes": [10, 10]},
        {"valid_until_ms": 1},
        {"valid_until_ms": 2**50},
        {"valid_until_ms": HOUR_MS, "remind_minutes": [60]},
        {"valid_until_ms": HOUR_MS, "escalate_minutes": 90},
    ],
)
async def test_terms_that_no_order_can_have_leave_no_message(
    orders: Orders, terms: dict[str, Any]
) -> None:
    if terms.get("valid_until_ms") == HOUR_MS:
        terms = terms | {"valid_until_ms": orders.world.clock.now_ms() + HOUR_MS}
    with pytest.raises(errors.OrderInvalid):
        await orders.issue(**terms)
    page = await orders.world.service.log.page(
        orders.issuer.caller, orders.c, after=0, before=None, limit=10
    )
    assert page.entries == []
    assert await orders.service.reading.orders(orders.issuer.caller, "all", None) == wire.Orders(
        orders=[], next=None
    )


async def test_a_repeat_of_the_message_stores_nothing_again(orders: Orders) -> None:
    order = await orders.issue(choices=2)
    posting = orders.world.service.posting
    again = await posting.post(orders.issuer.caller, orders.c, order.body)
    assert again.seq == order.seq
    found = await orders.service.reading.orders(orders.issuer.caller, "issued", None)
    assert [one.order_id for one in found.orders] == [order.order_id]


async def test_flash_is_for_admins(orders: Orders) -> None:
    with pytest.raises(errors.NotAdmin):
        await orders.post(replace_terms(priority="flash"), orders.officers[0])
    order = await orders.issue(priority="flash")
    assert await orders.acknowledge(order, orders.officers[0]) == "counted"


async def test_only_its_issuer_changes_an_order_and_only_in_its_conversation(
    orders: Orders,
) -> None:
    order = await orders.issue()
    change = wire.OrderChange(order_id=order.order_id, change="withdrawn")
    with pytest.raises(errors.NotFound):
        await orders.post(change, orders.officers[0])
    with pytest.raises(errors.NotFound):
        await orders.post(wire.OrderChange(order_id=nobody(), change="corrected"))
    corrected = await orders.post(wire.OrderChange(order_id=order.order_id, change="corrected"))
    await orders.withdraw(order)
    found = await orders.service.reading.order(orders.officers[0].caller, order.order_id)
    assert (found.corrected_seq, found.withdrawn_seq) == (corrected.seq, corrected.seq + 1)
    assert (found.withdrawn_ms, found.owed) == (orders.world.clock.now_ms(), False)
    with pytest.raises(errors.OrderInvalid):
        await orders.withdraw(order)


# --- Acknowledging ------------------------------------------------------------------------------


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
        (wire.AcknowledgementItem(record=bytes(bent), answer=None), "malformed"),
        (wire.AcknowledgementItem(record=b"x", answer=None), "malformed"),
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
    assert (await orders.progress(order))[0] == [3, 1, 1, 1, 0, 1, 0]
    # Signed by another person's device that has no key here.
    stranger = orders.world.registry.register()
    with pytest.raises(errors.NotFound):
        await orders.send(order, stranger, orders.record(order, stranger, choice=1))
    body = wire.PostAcknowledgements(acknowledgements=[good])
    with pytest.raises(errors.NotFound):
        await orders.service.acknowledging.post(a.caller, nobody(), body)


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
        assert (await orders.progress(order))[0] == [3, 1, 1, 1, 0, 0, 1]
        assert (await orders.records(order))[a.caller.person_id].choice == 2
        assert await orders.send(order, second, newer[1]) == ["counted"]
        assert await orders.send(order, a, older[1]) == ["superseded"]


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
    assert (await orders.progress(order))[0] == [3, 1, 1, 1, 1, 0, 0]
    # The person's own is older, and counts rather; another told in person changes nothing.
    own = orders.record(order, third, choice=2, created=orders.world.clock.now_ms() - 1_000)
    assert await orders.send(order, third, own) == ["counted"]
    assert await orders.send(order, writer, told) == ["superseded"]
    assert (await orders.progress(order))[0] == [3, 1, 1, 1, 0, 0, 1]
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


async def test_who_leaves_owes_nothing_and_counts_again_on_return(orders: Orders) -> None:
    order = await orders.issue()
    a, b, _ = orders.officers
    made = await orders.world.service.conversations.conversation(orders.issuer.caller, orders.c)
    assert await orders.acknowledge(order, a) == "counted"
    await orders.world.change(orders.issuer.caller, made, remove=[a, b])
    assert (await orders.progress(order))[0][:4] == [1, 0, 0, 0]
    with pytest.raises(errors.NotFound):
        await orders.acknowledge(order, b)
    assert people(a) == (await orders.records(order)).keys()  # Signed records stay.


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
    orders = await Orders.of(database, 1)
    world, chief = orders.world, orders.issuer
    world.chart.post(chief.caller.person_id, "TG", admin=True)
    early, late = world.registry.register(), world.registry.register()
    world.chart.post(early.caller.person_id, "TG")
    made = await world.unit(chief)
    orders.talk.conversation_id = made.conversation_id
    orders.key_id = await orders.talk.begin(chief, [early])
    for one in (early, late):
        await orders.place(one, "TG")
    order = await orders.issue()
    assert (await orders.progress(order))[0][0] == 1
    world.clock.at += MINUTE_MS
    world.chart.post(late.caller.person_id, "TG")
    await world.service.following.compare(made.conversation_id)
    assert (await orders.progress(order))[0][0] == 2
    assert await orders.acknowledge(order, late) == "counted"
    world.chart.leave(early.caller.person_id)
    await world.service.following.compare(made.conversation_id)
    assert (await orders.progress(order))[0][:4] == [1, 1, 1, 1]


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


# --- What people see --------------------------------------------------------------------------


async def test_counts_by_unit_by_state_and_by_choice(orders: Orders) -> None:
    order = await orders.issue(choices=2)
    a, b, c = orders.officers  # PS1, PS2, PS1.
    await orders.reach(a, order.seq, 0)
    await orders.reach(b, order.seq, order.seq)
    await orders.acknowledge(order, c, choice=2)
    total, units = await orders.progress(order)
    assert total == [3, 3, 2, 1, 0, 0, 1]
    assert units == {"TG": total}
    assert (await orders.progress(order, "HYD"))[1] == {
        "PS1": [2, 2, 1, 1, 0, 0, 1],
        "PS2": [1, 1, 1, 0, 0, 0, 0],
    }
    total, units = await orders.progress(order, "PS1")
    assert (total, units) == ([2, 2, 1, 1, 0, 0, 1], {"PS1": [2, 2, 1, 1, 0, 0, 1]})
    assert (await orders.progress(order, "nowhere"))[0] == [0] * 7


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
    assert (total[:4], units) == ([2, 1, 1, 1], {"TG": [2, 1, 1, 1, 0]})
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


# --- Dashboards -------------------------------------------------------------------------------


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
    assert second.units == {"PS1": [2, 1, 1, 1, 0]}
    orders.connected.frames.clear()
    await orders.reach(b, order.seq, order.seq)
    await watching.round()
    ((_, third),) = orders.connected.frames
    assert third.units == {"PS2": [1, 1, 1, 0, 0]}
    watching.gone("screen")
    await orders.acknowledge(order, b)
    orders.connected.frames.clear()
    await watching.round()
    assert orders.connected.frames == []


# --- Reminders --------------------------------------------------------------------------------


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
    await orders.service.reminding.prune()
    with pytest.raises(errors.NotFound):
        await orders.records(order)


# --- Rules ------------------------------------------------------------------------------------

_counted = some.builds(
    Counted, some.booleans(), some.integers(0, 3), some.binary(min_size=1, max_size=1)
)


@given(some.lists(_counted, min_size=1, max_size=6), some.randoms(use_true_random=False))
def test_the_order_of_arrival_never_decides(records: list[Counted], chance: random.Random) -> None:
    def best(came: list[Counted]) -> Counted | None:
        found: Counted | None = None
        for one in came:
            if one.beats(found):
                found = one
        return found

    shuffled = records.copy()
    chance.shuffle(shuffled)
    assert best(records) == best(shuffled)


@given(
    some.lists(
        some.builds(
            Standing,
            some.sampled_from(["a", "b", "c", "gone"]).map(UnitId),
            some.integers(0, 3),
            some.booleans(),
            some.integers(0, 2),
            some.integers(1, 9),
        ),
        max_size=12,
    )
)
def test_the_parts_of_every_unit_add_up_to_it(standings: list[Standing]) -> None:
    paths = {UnitId("a"): "a", UnitId("b"): "a/b", UnitId("c"): "a/b/c"}
    tree = rules.tree(standings, 2, paths, 0)
    for unit in (None, *paths):
        total, parts = tree.of(unit, None)
        added = [sum(one) for one in zip(*parts.values(), strict=True)] or [0] * 7
        assert total == added
    assert tree.of(None, None)[0][0] == sum(one.people for one in standings)
    only, _ = tree.of(None, {UnitId("c")})
    assert only[0] == sum(one.people for one in standings if one.unit_id == "c")
