"""Photos that an order asks for: who hands them in, who fetches them, how long they stay."""

from dataclasses import replace

import pytest

from copconnect import errors, wire
from copconnect.ids import AttachmentId, PersonId
from copconnect.records.conversation.acknowledgement import Acknowledgement
from tests.contract.delivery_world import DAY_MS, MINUTE_MS
from tests.contract.device import Device
from tests.contract.holding import hold, lift
from tests.orders.orders_world import Issued, Orders, nobody, people

DAYS_OF_ORDERS = 181


async def fetched(orders: Orders, who: Device, photo: wire.SealedPhoto) -> bool:
    """Return whether somebody gets the bytes of a photo."""
    try:
        size, pieces = await orders.attachments.read_chunk(who.caller, _id(photo), 0)
    except errors.NotFound:
        return False
    return len(b"".join([piece async for piece in pieces])) == size


def _id(photo: wire.SealedPhoto) -> AttachmentId:
    return AttachmentId(photo.attachment_id)


async def lacking(orders: Orders, order: Issued, *, photo: bool) -> set[PersonId]:
    """Return the people who have sent a photo; with ``photo`` False, the people who have not."""
    page = await orders.service.reading.people(
        orders.issuer.caller, order.order_id, unit_id=None, state=None, choice=None, photo=photo
    )
    for one in page.people:
        given = one.acknowledgement
        assert (given is not None and given.photo) == photo
    return {one.person.person_id for one in page.people}


@pytest.mark.databases("sqlite", "postgresql")
async def test_photos_are_counted_listed_and_kept_by_later_records(orders: Orders) -> None:
    order = await orders.issue(photo=True, items=2)
    a, b, _ = orders.officers
    now = orders.world.clock.now_ms()
    assert await orders.acknowledge(order, a, created=now) == "counted"
    assert await orders.acknowledge(order, b) == "counted"
    photo = await orders.upload(order, a)
    with_photo = orders.record(order, a, photo=photo, created=now + 1)
    for _ in range(2):  # The phone repeats what was not answered.
        assert await orders.send(order, a, with_photo) == ["counted"]
    # A tick of another phone of the person names the photo again, and hands nothing in.
    named = (await orders.records(order))[a.caller.person_id].photo_hash
    ticked = {"photo_hash": named, "done": 1, "created": now + 2}
    assert await orders.acknowledge(order, a, **ticked) == "counted"
    total, units = await orders.progress(order)
    assert total == [3, 2, 2, 2, 0, 0, 1, 1, 0]
    assert [one[6] for one in units.values()] == [1]
    assert await lacking(orders, order, photo=True) == people(a)
    assert await lacking(orders, order, photo=False) == people(*orders.officers[1:])
    page = await orders.service.reading.records(orders.issuer.caller, order.order_id, answered=True)
    assert [one.photo for one in page.records] == [photo]
    # A record that is handed in with another photo replaces it; its file goes.
    other = await orders.upload(order, a)
    assert await orders.acknowledge(order, a, photo=other, created=now + 3) == "counted"
    assert not await fetched(orders, a, photo)
    assert await fetched(orders, a, other)
    # Records of one request keep what the one before handed in.
    third = await orders.upload(order, b)
    first = orders.record(order, b, photo=third, created=now + 4)
    kept = orders.record(order, b, photo_hash=_hash(first), done=3, created=now + 5)
    assert await orders.send(order, b, first, kept) == ["counted", "counted"]
    page = await orders.service.reading.records(orders.issuer.caller, order.order_id, answered=True)
    assert {one.photo.attachment_id for one in page.records if one.photo} == {
        other.attachment_id,
        third.attachment_id,
    }


def _hash(item: wire.AcknowledgementItem) -> bytes:
    return Acknowledgement.parse(item.record).photo_hash


async def test_only_a_whole_photo_of_the_person_for_this_order_counts(orders: Orders) -> None:
    order, another = await orders.issue(photo=True), await orders.issue(photo=True)
    plain = await orders.issue()
    a, b, c = orders.officers
    foreign = await orders.upload(order, b)
    elsewhere = await orders.upload(another, a)
    half = await orders.upload(order, a, filled=False)
    nowhere = wire.SealedPhoto(sealed=b"sealed", attachment_id=AttachmentId(nobody()))
    for wrong in (foreign, elsewhere, half, nowhere):
        assert await orders.acknowledge(order, a, photo=wrong) == "photo_missing"
    # Nothing was kept for it: b's photo still is b's.
    assert await orders.acknowledge(order, b, photo=foreign) == "counted"
    assert await orders.acknowledge(order, a, photo_hash=bytes([7] * 32)) == "wrong_photo"
    right = await orders.upload(order, a)
    assert await orders.acknowledge(plain, a, photo=right) == "wrong_photo"
    for order_id in (plain.order_id, nobody()):
        with pytest.raises(errors.NotFound):
            await orders.upload(replace(order, order_id=order_id), a)
    with pytest.raises(errors.NotFound):  # The issuer owes none.
        await orders.upload(order, orders.issuer)
    # A record that an overseer signs for another person names no photo, nor does the record of a
    # person who could not read the order.
    orders.roll.held[orders.issuer.caller.person_id] = ["TG"]
    told = orders.record(order, orders.issuer, c, photo=foreign)
    assert await orders.send(order, orders.issuer, told) == ["malformed"]
    unread = orders.record(order, a, photo=right, choice=wire.UNREADABLE)
    assert await orders.send(order, a, unread) == ["malformed"]
    # The id of an upload is of one order for good.
    begun = wire.BeginAttachment(
        attachment_id=right.attachment_id, conversation_id=orders.c, order_id=None, size=100
    )
    with pytest.raises(errors.BadRequest):
        await orders.attachments.begin(a.caller, begun)


async def test_a_photo_is_for_its_sender_and_for_those_who_see_answers(orders: Orders) -> None:
    order = await orders.issue(photo=True)
    a, b, c = orders.officers  # PS1, PS2, PS1.
    photo = await orders.upload(order, a)
    assert await orders.acknowledge(order, a, photo=photo) == "counted"
    seen = [await fetched(orders, who, photo) for who in (a, orders.issuer, b, c)]
    assert seen == [True, True, False, False]
    orders.roll.held = {b.caller.person_id: ["TG/HYD/PS2"], c.caller.person_id: ["TG/HYD/PS1"]}
    assert [await fetched(orders, who, photo) for who in (b, c)] == [False, True]
    there = wire.ShareAttachment(conversation_id=orders.c)
    for who in (a, c, orders.issuer):
        with pytest.raises(errors.NotFound):
            await orders.attachments.share(who.caller, _id(photo), there)
    with pytest.raises(errors.BadRequest):
        await orders.attachments.delete(a.caller, _id(photo))


async def test_a_photo_lives_as_long_as_its_order(orders: Orders) -> None:
    order = await orders.issue(photo=True)
    a, b, _ = orders.officers
    never = await orders.upload(order, b)
    replaced, photo = await orders.upload(order, a), await orders.upload(order, a)
    clock, database = orders.world.clock, orders.world.database
    assert await orders.acknowledge(order, a, photo=replaced) == "counted"
    hold_id = await hold(database, clock.at, conversation_id=orders.c)
    later = clock.now_ms() + 1
    assert await orders.acknowledge(order, a, photo=photo, created=later) == "counted"
    clock.at += 2 * DAY_MS
    await orders.attachments.clean()
    assert not await fetched(orders, b, never)
    assert await _blob_count(orders) == 2  # The hold keeps the one that was replaced.
    assert not await fetched(orders, a, replaced)
    clock.at += DAYS_OF_ORDERS * DAY_MS
    await orders.service.reminding.prune()
    await orders.attachments.clean()
    assert await fetched(orders, orders.issuer, photo)
    await lift(database, hold_id, clock.at)
    await orders.attachments.clean()
    assert await _blob_count(orders) == 1
    await orders.service.reminding.prune()
    await orders.attachments.clean()
    assert await _blob_count(orders) == 0


async def _blob_count(orders: Orders) -> int:
    return len([path async for path, _ in orders.blobs.listed()])


async def test_what_is_open_is_reminded_of_after_an_acknowledgement(orders: Orders) -> None:
    order = await orders.issue(photo=True, items=2, remind_minutes=[10])
    a, b, c = orders.officers
    photo = await orders.upload(order, a)
    assert await orders.acknowledge(order, a, photo=photo, done=0b11) == "counted"
    assert await orders.acknowledge(order, b, done=0b11) == "counted"
    unread = await orders.acknowledge(order, c, choice=wire.UNREADABLE)
    assert unread == "counted"
    orders.world.clock.at += 10 * MINUTE_MS
    await orders.service.reminding.round()
    assert orders.woken.people == [people(b)]
    listed = await orders.issue(items=2, remind_minutes=[10])
    assert await orders.acknowledge(listed, a, done=0b11) == "counted"
    assert await orders.acknowledge(listed, b, done=0b01) == "counted"
    orders.world.clock.at += 10 * MINUTE_MS
    await orders.service.reminding.round()
    assert orders.woken.people[1:] == [people(b, c)]
