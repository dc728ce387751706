"""D1: which messages the server takes, each part with what refuses it; D6: repeats."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from copconnect import errors, wire
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.live.asleep import Asleep
from copconnect.delivery.rules.limits import PersonLimits
from copconnect.delivery.store.tables import CONVERSATIONS
from copconnect.ids import ConversationId, MessageId, PersonId
from copconnect.limits import EVERYBODY_DEVICES, KEY_MESSAGES
from copconnect.principals import Loud, Requirement
from copconnect.records.primitives.fields import sha256
from copconnect.records.primitives.kem import X25519
from tests.contract.delivery_world import DAY_MS, HOUR_MS, MINUTE_MS, World
from tests.contract.device import Device, Talk, keys_of, order_terms


class Room:
    """A group of two with a key, and a third person outside it."""

    def __init__(self, world: World, talk: Talk, people: list[Device], key_id: bytes) -> None:
        self.world, self.talk, self.key_id = world, talk, key_id
        self.alice, self.bob, self.carol = people
        self.service = world.service

    @classmethod
    async def of(cls, world: World, **more: Any) -> "Room":
        people = [world.registry.register() for _ in range(3)]
        made = await world.group(people[0], people[1:2], **more)
        talk = Talk(world.service, made.conversation_id)
        return cls(world, talk, people, await talk.begin(people[0], people[1:2]))

    @property
    def c(self) -> ConversationId:
        return self.talk.conversation_id

    async def post(self, sender: Device, body: wire.SendMessage) -> wire.Accepted:
        accepted = await self.service.intake.accept(sender.caller, self.c, body)
        sender.accepted(body)
        return accepted


@pytest.fixture
async def room(database: Database) -> Room:
    return await Room.of(World(database))


@pytest.mark.databases("sqlite")
async def test_d1_signature_and_body_must_be_the_senders(room: Room) -> None:
    body = room.alice.message(await room.talk.head(room.alice), room.key_id)
    for at, rule in ((-1, "R3"), (300, "R3"), (0, "R1")):
        bent = bytearray(body.message)
        bent[at] ^= 1
        with pytest.raises(errors.MessageInvalid) as caught:
            await room.service.intake.accept(
                room.alice.caller, room.c, wire.SendMessage(
                    message=bytes(bent),
                    attachment_ids=[], wakes=[], state=False, order=None))  # fmt: skip
        assert caught.value.details["rule"] == rule
    with pytest.raises(errors.MessageInvalid) as caught:
        await room.service.intake.accept(room.bob.caller, room.c, body)
    assert caught.value.details["rule"] == "R2"
    await room.post(room.alice, body)


@pytest.mark.databases("sqlite")
async def test_d1_only_listed_devices_post(room: Room) -> None:
    head = await room.talk.head(room.alice)
    with pytest.raises(errors.NotMember):
        await room.post(room.carol, room.carol.message(head, room.key_id))
    nowhere = ConversationId(secrets.token_hex(16))
    body = room.alice.message(head, room.key_id)
    with pytest.raises(errors.MessageInvalid):  # Its header names another conversation.
        await room.service.intake.accept(room.alice.caller, nowhere, body)


@pytest.mark.databases("sqlite")
async def test_d1_the_right_to_post_and_to_state_is_the_leafs(database: Database) -> None:
    room = await Room.of(World(database), who_may_send="admins")
    with pytest.raises(errors.MayNotSend):
        await room.talk.say(room.bob, room.key_id)
    await room.talk.say(room.alice, room.key_id, state=True)
    changed = wire.ChangeWhoMaySend(who_may_send="everyone")
    await room.service.conversations.change_who_may_send(room.alice.caller, room.c, changed)
    await room.talk.say(room.bob, room.key_id)
    with pytest.raises(errors.NotAdmin):
        await room.talk.say(room.bob, room.key_id, state=True)


async def test_d1_the_head_counts_for_ten_minutes_after_the_next(room: Room) -> None:
    world = room.world
    old = await room.talk.head(room.alice)
    world.clock.at += MINUTE_MS
    await world.change(room.alice.caller, await conversation(room), make_admin=[person(room.bob)])
    assert (await room.talk.head(room.alice)).epoch == 2
    # Alice's own leaf is as before, so what she signed under the old head is taken.
    await room.post(room.alice, room.alice.message(old, room.key_id))
    # Bob's right is another one since the new head: he must sign under it.
    with pytest.raises(errors.StaleHead) as caught:
        await room.post(room.bob, room.bob.message(old, room.key_id))
    assert caught.value.details == {"epoch": 2}
    world.clock.at += 10 * MINUTE_MS
    with pytest.raises(errors.StaleHead):
        await room.post(room.alice, room.alice.message(old, room.key_id))
    await room.talk.say(room.alice, room.key_id)


@pytest.mark.parametrize(
    "bent",
    [
        {"head": bytes(32)},
        {"epoch": 2},
        {"epoch": 2**53 - 1},
        {"sent": 1_764_000_000_000 - 10 * MINUTE_MS - 1},
        {"sent": 1_764_000_000_000 + 10 * MINUTE_MS + 1},
    ],
)
@pytest.mark.databases("sqlite")
async def test_d1_stale_head(room: Room, bent: dict[str, Any]) -> None:
    head = await room.talk.head(room.alice)
    with pytest.raises(errors.StaleHead):
        await room.post(room.alice, room.alice.message(head, room.key_id, **bent))


@pytest.mark.databases("sqlite")
async def test_d1_an_unknown_key_is_stale(room: Room) -> None:
    head = await room.talk.head(room.alice)
    with pytest.raises(errors.StaleKey):
        await room.post(room.alice, room.alice.message(head, sha256(b"no key")))


async def test_d1_a_key_serves_for_25_hours(room: Room) -> None:
    room.world.clock.at += 25 * HOUR_MS - 1
    await room.talk.say(room.alice, room.key_id)
    room.world.clock.at += 1
    with pytest.raises(errors.StaleKey):
        await room.talk.say(room.alice, room.key_id)


async def test_d1_a_key_serves_for_10_000_messages(room: Room) -> None:
    async with room.world.database.transaction() as connection:
        await connection.exec_driver_sql(
            f"UPDATE conversation_keys SET messages = {KEY_MESSAGES - 1}"
        )
    await room.talk.say(room.alice, room.key_id)
    with pytest.raises(errors.StaleKey):
        await room.talk.say(room.alice, room.key_id)


async def test_d1_d6_a_removal_refuses_older_keys_from_its_transaction_on(room: Room) -> None:
    await room.talk.say(room.bob, room.key_id)
    await room.world.revoke(room.bob)
    for sender, refused in ((room.alice, errors.StaleKey), (room.bob, errors.NotMember)):
        head = await room.talk.head(room.alice)
        with pytest.raises(refused):
            await room.post(sender, sender.message(head, room.key_id))


@pytest.mark.parametrize(
    "bent", [{"seq": 1}, {"seq": 3}, {"previous": bytes(32)}, {"previous": sha256(b"another")}]
)
@pytest.mark.databases("sqlite")
async def test_d1_a_message_follows_its_senders_last(room: Room, bent: dict[str, Any]) -> None:
    await room.talk.say(room.alice, room.key_id)
    head = await room.talk.head(room.alice)
    with pytest.raises(errors.NotNext) as caught:
        await room.post(room.alice, room.alice.message(head, room.key_id, **bent))
    assert caught.value.details == {"seq": 1}


@pytest.mark.databases("sqlite")
async def test_r5_the_first_message_has_nothing_before_it(room: Room) -> None:
    head = await room.talk.head(room.alice)
    first = room.alice.message(head, room.key_id, previous=sha256(b"something"))
    with pytest.raises(errors.NotNext) as caught:
        await room.post(room.alice, first)
    assert caught.value.details == {"seq": 0}
    for body in (
        room.alice.message(head, room.key_id, attempt=0),
        room.alice.message(head, room.key_id, seq=0),
    ):
        with pytest.raises(errors.MessageInvalid):
            await room.post(room.alice, body)


async def test_r6_a_key_is_not_newer_than_the_headers_head(room: Room) -> None:
    old = await room.talk.head(room.alice)
    world = room.world
    world.clock.at += 1
    await world.change(room.alice.caller, await conversation(room), add=[room.carol])
    newer = await room.talk.begin(room.alice, [room.bob, room.carol])
    with pytest.raises(errors.StaleHead):
        await room.post(room.bob, room.bob.message(old, newer))
    await room.talk.say(room.bob, newer)


async def test_d6_a_repeat_of_the_same_bytes_is_answered_alike_at_any_age(room: Room) -> None:
    body = room.alice.message(await room.talk.head(room.alice), room.key_id)
    first = await room.post(room.alice, body)
    room.world.clock.at += 40 * DAY_MS
    await room.world.revoke(room.bob)
    assert await room.service.intake.accept(room.alice.caller, room.c, body) == first
    page = await room.service.log.page(room.alice.caller, room.c, after=0, before=None, limit=9)
    assert [one.message for one in page.entries] == [body.message]


async def test_d6_a_message_id_is_taken_once(room: Room) -> None:
    head = await room.talk.head(room.alice)
    taken = room.alice.message(head, room.key_id, message_id=bytes(16))
    await room.post(room.alice, taken)
    again = room.alice.message(head, room.key_id, message_id=bytes(16), attempt=2)
    with pytest.raises(errors.NotNext):  # Her own second attempt, after the first was taken.
        await room.post(room.alice, again)
    with pytest.raises(errors.MessageInvalid) as caught:
        await room.post(room.bob, room.bob.message(head, room.key_id, message_id=bytes(16)))
    assert caught.value.details["rule"] == "D6"


async def test_messages_sent_at_once_make_one_log_without_gaps(room: Room) -> None:
    """Those of one sender that do not follow each other are refused, one of each pair is taken."""
    head = await room.talk.head(room.alice)
    rivals = [room.alice.message(head, room.key_id) for _ in range(3)]
    others = [room.bob.message(head, room.key_id)]
    posts = [(room.alice, one) for one in rivals] + [(room.bob, one) for one in others]
    outcomes = await asyncio.gather(
        *(room.service.intake.accept(one.caller, room.c, body) for one, body in posts),
        return_exceptions=True,
    )
    taken = [one for one in outcomes if isinstance(one, wire.Accepted)]
    refused = [one for one in outcomes if isinstance(one, errors.NotNext)]
    assert (len(taken), len(refused)) == (2, 2)
    assert sorted(one.seq for one in taken) == [1, 2]


async def test_a_chain_sent_at_once_is_taken_in_order(room: Room) -> None:
    head = await room.talk.head(room.alice)
    bodies = []
    for _ in range(20):
        bodies.append(room.alice.message(head, room.key_id))
        room.alice.accepted(bodies[-1])
    accepted = await asyncio.gather(
        *(room.service.intake.accept(room.alice.caller, room.c, body) for body in bodies)
    )
    assert [one.seq for one in accepted] == list(range(1, 21))
    repeated = await asyncio.gather(
        *(room.service.intake.accept(room.alice.caller, room.c, body) for body in bodies)
    )
    assert repeated == accepted


@pytest.mark.databases("sqlite")
async def test_attachments_must_be_ready(room: Room) -> None:
    wanted = secrets.token_hex(16)
    with pytest.raises(errors.AttachmentIncomplete):
        await room.talk.say(room.alice, room.key_id, attachment_ids=[wanted])
    room.world.attachments.known.add(wanted)
    assert (await room.talk.say(room.alice, room.key_id, attachment_ids=[wanted])).seq == 1


LIMITS: list[tuple[Callable[[int], PersonLimits], str]] = [
    (lambda n: PersonLimits(messages_per_minute=n, messages_burst=n), "messages_per_minute"),
    (lambda n: PersonLimits(bytes_per_minute=n * 400), "bytes_per_minute"),
]


@pytest.mark.parametrize(("limits", "name"), LIMITS)
async def test_one_person_sends_only_so_much(
    database: Database, limits: Callable[[int], PersonLimits], name: str
) -> None:
    world = World(database, Options(kem=X25519, limits=limits(3)))
    room = await Room.of(world)
    for _ in range(3):
        await room.talk.say(room.alice, room.key_id, b"")
    with pytest.raises(errors.RateLimited) as caught:
        await room.talk.say(room.alice, room.key_id, b"")
    assert caught.value.details == {"limit": name}
    assert caught.value.retry_after_ms is not None
    await room.talk.say(room.bob, room.key_id, b"")
    world.clock.at += caught.value.retry_after_ms
    await room.talk.say(room.alice, room.key_id, b"")


@pytest.mark.databases("sqlite")
async def test_the_newest_state_is_handed_out_with_the_conversation(room: Room) -> None:
    assert (await conversation(room)).state is None
    before = await conversation(room)
    await room.talk.say(room.alice, room.key_id, b"name", state=True)
    await room.talk.say(room.alice, room.key_id, b"text")
    found = await conversation(room)
    assert found.state is not None
    assert found.state_seq == found.state.seq == 1
    assert room.bob.open_message(found.state) == b"name"
    assert found.info_version != before.info_version
    await room.talk.say(room.alice, room.key_id, b"other name", state=True)
    again = await conversation(room)
    assert again.state_seq == 3
    assert again.info_version != found.info_version


def person(device: Device) -> str:
    return device.caller.person_id


async def conversation(room: Room) -> wire.Conversation:
    return await room.service.conversations.conversation(room.alice.caller, room.c)


@pytest.mark.databases("sqlite")
async def test_who_is_left_out_of_a_key_may_send_under_their_own(room: Room) -> None:
    """Bob has no seal of Alice's key; he makes his own, and both serve."""
    head = await room.talk.head(room.alice)
    await room.world.change(room.alice.caller, await conversation(room), add=[room.carol])
    head = await room.talk.head(room.alice)
    body = room.alice.post_key(head, keys_of([room.alice, room.bob]), [room.carol.device])
    first = await room.service.keys.submit(room.alice.caller, room.c, body)
    own = await room.talk.begin(room.carol, [room.alice, room.bob])
    await room.talk.say(room.carol, own)
    await room.talk.say(room.alice, bytes.fromhex(first.key_id))


async def test_a_message_calls_those_it_names_among_people_who_muted(room: Room) -> None:
    found = await conversation(room)
    await room.world.change(room.alice.caller, found, add=[room.carol])
    for one, until in ((room.bob, -1), (room.carol, room.world.clock.at + MINUTE_MS)):
        chosen = wire.SetPreferences(muted_until_ms=until)
        await room.service.conversations.set_preferences(one.caller, room.c, chosen)
    key_id = await room.talk.begin(room.alice, [room.bob, room.carol])
    everybody = [PersonId(person(one)) for one in (room.alice, room.bob, room.carol)]

    async def say(**more: Any) -> set[PersonId] | None:
        seq = (await room.talk.say(room.alice, key_id, **more)).seq
        return room.world.calls.people.get(seq)

    assert await say() is None
    assert await say(wakes=[*everybody[1:2], PersonId("f" * 32)]) == {person(room.bob)}
    room.world.clock.at += MINUTE_MS
    assert await say(wakes=everybody) == {person(room.bob)}  # Carol's time is over.


async def test_a_flash_order_is_noted_for_pushes(room: Room) -> None:
    urgent = await room.talk.say(room.alice, room.key_id, order=order_terms(priority="urgent"))
    flash = await room.talk.say(room.alice, room.key_id, order=order_terms(priority="flash"))
    last = await room.talk.say(room.alice, room.key_id)
    async with room.world.database.reading() as connection:
        found = await Asleep().news(connection, {room.c: urgent.seq}, room.world.clock.at)
    news = found[room.c]
    alice = PersonId(person(room.alice))
    assert news.loud == [
        Loud(flash.seq, alice, calls_all=True),
        Loud(last.seq, alice, calls_all=False),
    ]


async def test_everybody_is_called_by_admins_and_in_small_groups(room: Room) -> None:
    calling = await room.talk.say(room.bob, room.key_id, everybody=True)
    async with room.world.database.reading() as connection:
        found = await Asleep().news(connection, {room.c: calling.seq - 1}, room.world.clock.at)
    bob = PersonId(person(room.bob))
    assert found[room.c].loud[0] == Loud(calling.seq, bob, calls_all=True)
    async with room.world.database.transaction() as connection:
        await connection.execute(CONVERSATIONS.update().values(members=EVERYBODY_DEVICES + 1))
    with pytest.raises(errors.NotAdmin):
        await room.talk.say(room.bob, room.key_id, everybody=True)
    await room.talk.say(room.alice, room.key_id, everybody=True)


async def test_d1_large_groups_open_with_the_officer_course(database: Database) -> None:
    room = await Room.of(World(database, Options(kem=X25519, large_from=lambda: 2)))
    head = await room.talk.head(room.alice)
    body = room.alice.message(head, room.key_id)
    untrained = replace(room.alice.caller, outstanding=frozenset({Requirement.TRAINING}))
    with pytest.raises(errors.TrainingRequired):
        await room.service.intake.accept(untrained, room.c, body)
    # The same bytes are taken once the course is done; a repeat is answered whatever is owed.
    accepted = await room.post(room.alice, body)
    assert await room.service.intake.accept(untrained, room.c, body) == accepted
    # A flash order goes out before, and so does what changes an order.
    await room.talk.say(room.alice, room.key_id, order=order_terms())
    head = await room.talk.head(room.alice)
    order = room.alice.message(head, room.key_id)
    routine = msgspec.structs.replace(order, order=order_terms(priority="urgent"))
    with pytest.raises(errors.TrainingRequired):
        await room.service.intake.accept(untrained, room.c, routine)
    flash = msgspec.structs.replace(order, order=order_terms(priority="flash"))
    await room.service.intake.accept(untrained, room.c, flash)
    room.alice.accepted(flash)
    change = wire.OrderChange(
        order_id=MessageId(order.message[17:33].hex()), change="withdrawn", asks_again=False
    )
    withdrawn = msgspec.structs.replace(room.alice.message(head, room.key_id), order=change)
    await room.service.intake.accept(untrained, room.c, withdrawn)
    smaller = await Room.of(World(database, Options(kem=X25519, large_from=lambda: 3)))
    body = smaller.alice.message(await smaller.talk.head(smaller.alice), smaller.key_id)
    owing = replace(smaller.alice.caller, outstanding=frozenset({Requirement.TRAINING}))
    await smaller.service.intake.accept(owing, smaller.c, body)
