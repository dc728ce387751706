"""M3 at the server: who deletes which message, which parts are dropped, and which stay."""

from contextlib import nullcontext
from typing import Any

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.database.engine import Database
from copconnect.delivery.rules.deletion import MarkedMessage, check_deletion
from copconnect.ids import AttachmentId, MessageId, PersonId, Seq, new_id
from copconnect.records.conversation.message import (
    NOTHING,
    SIGNED_HEADER_BYTES,
    MessageHeader,
    MessageKind,
    next_log_hash,
)
from copconnect.reports import store as report_store
from tests.contract.delivery_world import DAY_MS, World
from tests.contract.device import Device, order_terms
from tests.contract.test_sending import Room
from tests.records.vectors import load_json

FILE = AttachmentId(new_id())


@pytest.fixture
async def room(database: Database) -> Room:
    """Alice made the group, so that she is its admin."""
    room = await Room.of(World(database))
    room.world.attachments.known.add(FILE)
    return room


def id_of(body: wire.SendMessage) -> MessageId:
    header = MessageHeader.parse(body.message[:SIGNED_HEADER_BYTES])
    return MessageId(header.message_id.hex())


async def said(room: Room, by: Device, **more: Any) -> tuple[MessageId, Seq]:
    body, accepted = await room.talk.post(by, room.key_id, **more)
    return id_of(body), accepted.seq


async def mark(room: Room, by: Device, kind: MessageKind, of: MessageId) -> wire.SendMessage:
    """Send a mark whose header says this."""
    head, marked = await room.talk.head(by), bytes.fromhex(of)
    message = by.message(head, room.key_id, b"mark", kind=kind, marked=marked)
    body = msgspec.structs.replace(message, quiet=True)
    await room.post(by, body)
    return body


async def delete(room: Room, by: Device, message_id: MessageId) -> wire.SendMessage:
    """Send a mark that deletes a message."""
    return await mark(room, by, MessageKind.DELETION, message_id)


async def sizes(room: Room) -> list[int]:
    """Return the sizes of bodies, as a reader gets them; the log's hash verifies."""
    page = await room.service.log.page(room.bob.caller, room.c, after=0, before=None)
    log_hash = page.log_hash
    for one in page.entries:
        header = MessageHeader.parse(one.message[:SIGNED_HEADER_BYTES])
        log_hash = next_log_hash(log_hash, header.hash())
    again = await room.service.log.page(room.bob.caller, room.c, after=99, before=None)
    assert log_hash == again.log_hash
    return [len(one.message) - SIGNED_HEADER_BYTES for one in page.entries]


async def test_m3_a_deletion_takes_body_and_files_and_leaves_the_header(room: Room) -> None:
    message_id, seq = await said(room, room.bob, attachment_ids=[FILE])
    assert [size > 0 for size in await sizes(room)] == [True]  # The node keeps the page in memory.
    body = await delete(room, room.bob, message_id)
    assert [size > 0 for size in await sizes(room)] == [False, True]
    assert room.world.attachments.dropped == [(room.c, seq)]
    # The same bytes again, and a second deletion, change nothing.
    await room.service.intake.accept(room.bob.caller, room.c, body)
    await delete(room, room.alice, message_id)
    assert [size > 0 for size in await sizes(room)] == [False, True, True]
    await room.talk.say(room.bob, room.key_id)


async def test_m3_an_admin_deletes_anybodys_and_others_only_their_own_for_two_days(
    room: Room,
) -> None:
    alices, _ = await said(room, room.alice)
    bobs, _ = await said(room, room.bob)
    with pytest.raises(errors.NotAdmin):
        await delete(room, room.bob, alices)
    await delete(room, room.alice, bobs)
    assert [size > 0 for size in await sizes(room)] == [True, False, True]


@pytest.mark.parametrize(
    ("person", "after_ms", "admin", "refused"),
    [
        ("author", 2 * DAY_MS, False, False),
        ("author", 2 * DAY_MS + 1, False, True),
        ("author", 2 * DAY_MS + 1, True, False),
        ("other", 0, False, True),
        ("other", 99 * DAY_MS, True, False),
    ],
)
def test_m3_the_rule(person: PersonId, after_ms: int, *, admin: bool, refused: bool) -> None:
    message = MarkedMessage(Seq(1), PersonId("author"), 1_000, kept=False)
    expected = pytest.raises(errors.NotAdmin) if refused else nullcontext()
    with expected:
        check_deletion(message, person, 1_000 + after_ms, admin=admin)


@pytest.mark.parametrize("case", load_json("deletions.json")["cases"], ids=lambda one: one["name"])
def test_m3_the_server_refuses_no_more_than_devices(case: dict[str, Any]) -> None:
    """The order in the log and the signed time are the devices' to judge (D1 keeps the latter near
    the time of acceptance)."""
    author, other = PersonId("author"), PersonId("other")
    message = MarkedMessage(Seq(1), author, 0, kept=case["kept"])
    by = author if case["by_author"] else other
    try:
        check_deletion(message, by, case["accepted_after"], admin=case["admin"])
    except errors.NotAdmin:
        assert not case["counts"]
    else:
        hidden = case["places_after"] <= 0 or case["signed_after"] > case["accepted_after"]
        assert case["counts"] or hidden or case["kept"]


async def test_m3_orders_states_and_marks_keep_their_bodies(room: Room) -> None:
    """No refusal: a member who sends plain words as quiet must not stop an admin's deletion."""
    order, _ = await said(room, room.alice, order=order_terms())
    state, _ = await said(room, room.alice, state=True)
    gone, _ = await said(room, room.alice)
    mark = id_of(await delete(room, room.alice, gone))
    for kept in (order, state, mark):
        await delete(room, room.alice, kept)
    # One that the log has no more, or never had, may be on devices: they judge.
    await delete(room, room.bob, MessageId(new_id()))
    assert [size > 0 for size in await sizes(room)] == [True, True, False, *[True] * 5]


async def test_m3_what_may_be_reported_stays_whole(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reported_since(*_: Any) -> bool:
        return True

    message_id, _ = await said(room, room.bob, attachment_ids=[FILE])
    monkeypatch.setattr(report_store, "reported_since", reported_since)
    await delete(room, room.bob, message_id)
    assert [size > 0 for size in await sizes(room)] == [True, True]
    assert room.world.attachments.dropped == []


async def test_m2_the_words_of_edits_go_with_their_message(room: Room) -> None:
    first, _ = await said(room, room.bob)
    other, _ = await said(room, room.bob)
    await mark(room, room.bob, MessageKind.EDIT, first)
    await mark(room, room.bob, MessageKind.EDIT, other)
    assert all(await sizes(room))  # The node keeps the page in memory.
    await mark(room, room.alice, MessageKind.DELETION, first)
    assert [size > 0 for size in await sizes(room)] == [False, True, False, True, True]
    with pytest.raises(errors.MessageInvalid):
        await mark(room, room.bob, MessageKind.EDIT, first)
    await mark(room, room.bob, MessageKind.EDIT, other)
    assert [size > 0 for size in await sizes(room)] == [False, True, False, True, True, True]


async def test_m3_the_signed_header_alone_says_what_is_deleted(room: Room) -> None:
    """A kept message stays, as evidence does, with its files; also in the node's memory."""
    kept, _ = await said(room, room.alice, kind=MessageKind.KEPT, attachment_ids=[FILE])
    order, _ = await said(room, room.alice, order=order_terms())
    assert all(await sizes(room))
    for one in (kept, order):
        await mark(room, room.alice, MessageKind.DELETION, one)
    assert all(await sizes(room))
    assert room.world.attachments.dropped == []
    for kind, marked in ((MessageKind.DELETION, NOTHING), (MessageKind.KEPT, bytes.fromhex(kept))):
        with pytest.raises(errors.MessageInvalid):
            await said(room, room.alice, kind=kind, marked=marked)
