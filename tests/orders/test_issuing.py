"""Issuing orders: terms, repeats, and the people who may change them."""

from typing import Any

import pytest

from copconnect import errors, wire
from copconnect.ids import ChangeId, new_id
from copconnect.orders import rules, store
from copconnect.records.conversation.roster import LeafRights, RosterHead, check_proof
from tests.contract.delivery_world import HOUR_MS
from tests.contract.device import Device, order_terms
from tests.orders.orders_world import Orders, nobody, order_change

pytestmark = pytest.mark.databases("sqlite")


async def test_an_order_is_stored_with_its_message_and_shown_to_members(orders: Orders) -> None:
    order = await orders.issue(priority="urgent", choices=3, remind_minutes=[10, 30])
    officer, outsider = orders.officers[0], orders.world.registry.register()
    found = await orders.service.reading.order(officer.caller, order.order_id)
    assert (found.seq, found.header_hash) == (order.seq, order.header_hash)
    assert found.terms == order_terms(priority="urgent", choices=3, remind_minutes=[10, 30])
    assert (found.owed, found.overseen, found.acknowledgement) == (True, False, None)
    mine = await orders.service.reading.order(orders.issuer.caller, order.order_id)
    assert (mine.owed, mine.overseen) == (False, True)
    with pytest.raises(errors.NotFound):
        await orders.service.reading.order(outsider.caller, order.order_id)
    with pytest.raises(errors.NotFound):
        await orders.service.reading.order(officer.caller, nobody())


@pytest.mark.databases("sqlite", "postgresql")
@pytest.mark.parametrize(
    "terms",
    [
        {"remind_minutes": [30, 10]},
        {"remind_minutes": [10, 10]},
        {"items": 1, "answers": True},
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


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_repeat_of_the_message_stores_nothing_again(orders: Orders) -> None:
    order = await orders.issue(choices=2)
    intake = orders.world.service.intake
    again = await intake.accept(orders.issuer.caller, orders.c, order.body)
    assert again.seq == order.seq
    found = await orders.service.reading.orders(orders.issuer.caller, "issued", None)
    assert [one.order_id for one in found.orders] == [order.order_id]


async def test_flash_is_for_admins(orders: Orders) -> None:
    with pytest.raises(errors.NotAdmin):
        await orders.post(order_terms(priority="flash"), orders.officers[0])
    order = await orders.issue(priority="flash")
    assert await orders.acknowledge(order, orders.officers[0]) == "counted"


async def test_only_its_issuer_changes_an_order_and_only_in_its_conversation(
    orders: Orders,
) -> None:
    order = await orders.issue()
    change = order_change(order, "withdrawn")
    with pytest.raises(errors.NotFound):
        await orders.post(change, orders.officers[0])
    with pytest.raises(errors.NotFound):
        await orders.post(order_change(nobody(), "corrected"))
    corrected = await orders.post(order_change(order, "corrected"))
    await orders.withdraw(order)
    found = await orders.service.reading.order(orders.officers[0].caller, order.order_id)
    assert [one.seq for one in found.texts] == [order.seq, corrected.seq]
    assert found.asked_seq == order.seq
    assert (found.withdrawn_ms, found.owed) == (orders.world.clock.now_ms(), False)
    with pytest.raises(errors.OrderInvalid):
        await orders.withdraw(order)


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_correction_that_asks_again_is_owed_until_its_text_is_answered(
    orders: Orders,
) -> None:
    one, other = orders.officers[:2]
    order = await orders.issue(choices=2, remind_minutes=[10])
    assert await orders.acknowledge(order, one, choice=1) == "counted"
    slip = await orders.correct(order, asks_again=False)
    # An overseer's word about the newer text does not replace the person's own record.
    head = orders.issuer.caller.person_id
    orders.roll.held[head] = ["TG"]
    told = orders.record(order, orders.issuer, about=one, text_hash=slip)
    assert await orders.send(order, orders.issuer, told) == ["superseded"]
    del orders.roll.held[head]
    assert not (await orders.service.reading.order(one.caller, order.order_id)).owed
    text = await orders.correct(order, asks_again=True)
    found = await orders.service.reading.order(one.caller, order.order_id)
    assert found.owed
    assert found.asked_seq == found.texts[-1].seq
    assert found.acknowledgement is not None
    total, _ = await orders.progress(order)
    assert total[rules.ACKNOWLEDGED] == total[rules.FIRST_CHOICE] == 0
    listed = await orders.service.reading.people(
        orders.issuer.caller, order.order_id, unit_id=None, state=None, choice=None, after=""
    )
    (said,) = [each for each in listed.people if each.person.person_id == one.caller.person_id]
    assert said.state != "acknowledged"
    assert said.acknowledgement is not None
    # The server asks people who answered the former text again; reminders begin from the start.
    async with orders.world.service.deps.database.reading() as connection:
        row = await store.one(connection, order.order_id)
    assert row is not None
    assert row.due_ms == orders.world.clock.now_ms() + 10 * rules.MINUTE_MS
    later = {"text_hash": text, "choice": 2}
    assert await orders.acknowledge(order, one, **later) == "counted"
    assert not (await orders.service.reading.order(one.caller, order.order_id)).owed
    # A newer answer to an older text counts for nothing beside it.
    orders.world.clock.at += 1
    assert await orders.acknowledge(order, one, text_hash=slip, choice=1) == "superseded"
    assert await orders.acknowledge(order, other, text_hash=bytes(32), choice=1) == "wrong_order"
    total, _ = await orders.progress(order)
    assert (total[rules.ACKNOWLEDGED], total[rules.FIRST_CHOICE + 1]) == (1, 1)


async def test_a_withdrawal_asks_nobody_and_corrections_are_bounded(orders: Orders) -> None:
    order = await orders.issue()
    with pytest.raises(errors.OrderInvalid):
        await orders.post(order_change(order, "withdrawn", asks_again=True))
    for _ in range(rules.MOST_TEXTS - 1):
        await orders.correct(order, asks_again=False)
    with pytest.raises(errors.OrderInvalid):
        await orders.correct(order, asks_again=False)


async def test_people_whom_an_order_appoints_withdraw_it_and_correct_nothing(
    orders: Orders,
) -> None:
    appointed, other = orders.officers[:2]
    order = await orders.issue(answers=True, readers=[appointed.caller.person_id])
    correction = order_change(order, "corrected")
    withdrawal = order_change(order, "withdrawn")
    for change, who in ((correction, appointed), (correction, other), (withdrawal, other)):
        with pytest.raises(errors.NotFound):
            await orders.post(change, who)
    await orders.post(withdrawal, appointed)
    found = await orders.service.reading.order(other.caller, order.order_id)
    assert (found.withdrawn_ms, found.owed) == (orders.world.clock.now_ms(), False)


# --- Who may issue ------------------------------------------------------------------------------


async def test_an_order_needs_the_right_over_everybody_in_the_conversation(orders: Orders) -> None:
    constable, chief = orders.officers[0], orders.issuer
    with pytest.raises(errors.MayNotIssue) as refused:
        await orders.post(order_terms(), constable)
    assert refused.value.details == {"right": "issue_routine"}
    orders.roll.command(constable, "TG/HYD")
    order = await orders.post(order_terms(), constable)
    assert await orders.acknowledge(order, chief) == "counted"
    # Two of the others are of other units, and the constable's leaf still signs the right.
    orders.roll.command(constable, "TG/HYD/PS1")
    with pytest.raises(errors.MayNotIssue) as refused:
        await orders.post(order_terms(), constable)
    assert refused.value.details == {"right": "issue_routine", "outside": 2}
    page = await orders.world.service.log.page(
        chief.caller, orders.c, after=0, before=None, limit=9
    )
    assert [one.seq for one in page.entries] == [order.seq]


async def test_each_priority_has_its_right(orders: Orders) -> None:
    chief = orders.issuer
    orders.roll.issuing[chief.caller.person_id] = {"issue_routine": "TG"}
    for priority in ("urgent", "flash"):
        with pytest.raises(errors.MayNotIssue):
            await orders.issue(priority=priority)
    assert (await orders.service.may_issue(chief.caller, orders.c)) == wire.Issuing(
        here=["routine"], anywhere=["routine"]
    )
    await orders.issue(priority="routine")


async def test_a_lost_right_leaves_withdrawing_and_takes_correcting(orders: Orders) -> None:
    order = await orders.issue()
    orders.roll.issuing.clear()
    with pytest.raises(errors.MayNotIssue):
        await orders.post(order_change(order, "corrected"))
    await orders.withdraw(order)


async def test_an_app_is_told_what_its_person_may_issue_where(orders: Orders) -> None:
    chief, officer = orders.issuer, orders.officers[0]
    everything: list[wire.OrderPriority] = ["routine", "urgent", "flash"]
    may = orders.service.may_issue
    assert await may(chief.caller, orders.c) == wire.Issuing(here=everything, anywhere=everything)
    assert await may(chief.caller, None) == wire.Issuing(here=[], anywhere=everything)
    assert await may(officer.caller, orders.c) == wire.Issuing(here=[], anywhere=[])
    orders.roll.command(officer, "TG")  # Flash orders are for administrators.
    assert (await may(officer.caller, orders.c)).here == ["routine", "urgent"]
    orders.roll.command(officer, "TG/HYD/PS1")
    assert await may(officer.caller, orders.c) == wire.Issuing(here=[], anywhere=everything)
    with pytest.raises(errors.NotMember):
        await may(orders.world.registry.register().caller, orders.c)


# --- What leaves sign ---------------------------------------------------------------------------

ISSUES = LeafRights.ISSUE_ROUTINE | LeafRights.ISSUE_URGENT | LeafRights.ISSUE_FLASH


async def signed(orders: Orders, device: Device) -> LeafRights:
    """Return the orders that somebody's leaf may issue, under the newest head."""
    state = await orders.world.service.rosters.state(device.caller, orders.c)
    leaf, _ = check_proof(RosterHead.parse(state.head), device.device, state.proof, "R2")
    return leaf.rights & ISSUES


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_leaf_signs_the_orders_that_its_person_may_issue(orders: Orders) -> None:
    chief, constable = orders.issuer, orders.officers[0]
    orders.roll.issuing[chief.caller.person_id] = {"issue_routine": "TG", "issue_flash": "TG"}
    before = await orders.talk.head(chief)
    body = chief.message(before, orders.key_id, order=order_terms(priority="routine"))
    with pytest.raises(errors.StaleHead):  # Signed under a head without the right.
        await orders.world.service.intake.accept(chief.caller, orders.c, body)
    assert await signed(orders, chief) == LeafRights.ISSUE_ROUTINE | LeafRights.ISSUE_FLASH
    after = await orders.talk.head(chief)
    assert (after.epoch, after.rekey_epoch) == (before.epoch + 1, before.rekey_epoch)
    await orders.issue(priority="routine")
    await orders.issue(priority="flash")
    assert (await orders.talk.head(chief)).epoch == after.epoch
    with pytest.raises(errors.MayNotIssue):
        await orders.post(order_terms(), constable)
    assert (await orders.talk.head(chief)).epoch == after.epoch
    assert await signed(orders, constable) == LeafRights(0)


async def test_a_leaf_loses_the_right_with_the_head_that_lists_somebody_outside(
    orders: Orders,
) -> None:
    chief, newcomer = orders.issuer, orders.world.registry.register()
    orders.roll.command(chief, "TG/HYD")
    await orders.issue()
    assert await signed(orders, chief) == ISSUES
    await orders.place(newcomer, "TG/WGL")
    epoch = (await orders.talk.head(chief)).epoch
    body = wire.ChangeMembers(
        change_id=ChangeId(new_id()),
        add=[newcomer.caller.person_id],
        remove=[],
        make_admin=[],
        revoke_admin=[],
    )
    await orders.world.service.membership.change(chief.caller, orders.c, body)
    assert (await orders.talk.head(chief)).epoch == epoch + 1
    assert await signed(orders, chief) == LeafRights(0)


async def test_a_leaf_loses_a_right_that_its_person_lost_within_a_round(orders: Orders) -> None:
    chief = orders.issuer
    await orders.issue()
    assert await signed(orders, chief) == ISSUES
    service = orders.world.service
    await service.following.round()
    orders.roll.issuing[chief.caller.person_id] = {"issue_routine": "TG"}
    orders.world.chart.concern(chief.caller.person_id)
    await service.following.round()
    assert await signed(orders, chief) == LeafRights.ISSUE_ROUTINE
    epoch = (await orders.talk.head(chief)).epoch
    await service.following.round()
    assert (await orders.talk.head(chief)).epoch == epoch


async def test_another_phone_of_an_issuer_signs_the_same(orders: Orders) -> None:
    chief = orders.issuer
    await orders.issue()
    second = orders.world.registry.register(chief.caller.person_id)
    await orders.world.devices_changed(second)
    assert await signed(orders, second) == ISSUES
