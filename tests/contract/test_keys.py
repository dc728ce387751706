"""D2: which conversation keys the server takes, and what it hands out of them."""

import asyncio
import secrets
from dataclasses import replace
from typing import Any

import pytest

from copconnect import errors, wire
from copconnect.bus import KeyWakeup
from copconnect.database.engine import Database
from copconnect.delivery.store.tables import KEY_ASKS
from copconnect.records.primitives.fields import sha256
from copconnect.records.primitives.kem import seal_bytes
from tests.contract.delivery_world import DAY_MS, HOUR_MS, MINUTE_MS, World
from tests.contract.device import Device, Talk, keys_of

pytestmark = pytest.mark.databases("sqlite")


class Circle:
    """A group of three, without a key."""

    def __init__(self, world: World, talk: Talk, people: list[Device]) -> None:
        self.world, self.talk = world, talk
        self.alice, self.bob, self.carol = self.people = people
        self.c = talk.conversation_id

    async def post(self, author: Device, body: wire.SubmitKey) -> bytes:
        accepted = await self.world.service.keys.submit(author.caller, self.c, body)
        return bytes.fromhex(accepted.key_id)

    async def make(self, author: Device, *to: Device, **other: Any) -> wire.SubmitKey:
        """Return a key sealed to these and leaving out the others."""
        left_out = sorted({one.device for one in self.people} - {one.device for one in to})
        return author.post_key(await self.talk.head(author), keys_of(to), left_out, **other)


@pytest.fixture
async def circle(database: Database) -> Circle:
    world = World(database)
    people = [world.registry.register() for _ in range(3)]
    made = await world.group(people[0], people[1:])
    return Circle(world, Talk(world.service, made.conversation_id), people)


async def test_d2_a_key_is_announced_with_its_seals(circle: Circle) -> None:
    circle.world.wakeups.clear()
    body = await circle.make(circle.alice, *circle.people)
    key_id = await circle.post(circle.alice, body)
    (told,) = circle.world.told(KeyWakeup)
    assert (told.key_id, told.record, told.seals) == (key_id.hex(), body.record, body.seals)
    assert told.size == seal_bytes(circle.world.options.kem)


async def test_d2_signature_author_and_conversation(circle: Circle) -> None:
    body = await circle.make(circle.alice, *circle.people)
    bent = bytearray(body.record)
    bent[-1] ^= 1
    cases = [
        (circle.alice, wire.SubmitKey(record=bytes(bent), seals=body.seals, left_out=[])),
        (circle.bob, body),
        (circle.alice, wire.SubmitKey(record=body.record[:-1], seals=body.seals, left_out=[])),
        (
            circle.alice,
            await circle.make(circle.alice, *circle.people, conversation_id=bytes(16)),
        ),
    ]
    for author, bad in cases:
        with pytest.raises(errors.RecordInvalid):
            await circle.post(author, bad)
    await circle.post(circle.alice, body)


async def test_d2_only_listed_devices_author(circle: Circle) -> None:
    stranger = circle.world.registry.register()
    head = await circle.talk.head(circle.alice)
    with pytest.raises(errors.NotMember):
        await circle.post(stranger, stranger.post_key(head, keys_of(circle.people)))


@pytest.mark.parametrize(
    "bent",
    [
        {"head": sha256(b"another head")},
        {"epoch": 2},
        {"created": 1_764_000_000_000 - 10 * MINUTE_MS - 1},
        {"created": 1_764_000_000_000 + 10 * MINUTE_MS + 1},
        {"created": 1_764_000_000_000 - 1},  # R6: before its head.
    ],
)
async def test_d2_stale_record(circle: Circle, bent: dict[str, Any]) -> None:
    with pytest.raises(errors.StaleRecord) as caught:
        await circle.post(circle.alice, await circle.make(circle.alice, *circle.people, **bent))
    assert caught.value.details == {"epoch": 1}


async def test_d2_a_record_of_before_a_removal_is_stale(circle: Circle) -> None:
    body = await circle.make(circle.alice, *circle.people)
    await circle.world.revoke(circle.carol)
    with pytest.raises(errors.StaleRecord) as caught:
        await circle.post(circle.alice, body)
    assert caught.value.details == {"epoch": 2}


async def test_d2_a_head_counts_for_ten_minutes_after_the_next(circle: Circle) -> None:
    """A head that only changes a right leaves rekey_epoch as it was."""
    old = await circle.make(circle.alice, *circle.people)
    older = await circle.make(circle.bob, *circle.people)
    changed = wire.ChangeWhoMaySend(who_may_send="admins")
    service = circle.world.service
    await service.conversations.change_who_may_send(circle.alice.caller, circle.c, changed)
    circle.world.clock.at += 10 * MINUTE_MS - 1
    await circle.post(circle.alice, old)
    circle.world.clock.at += 1
    with pytest.raises(errors.StaleRecord):
        await circle.post(circle.bob, older)


async def test_d2_have_key_unless_its_author_cannot_open_it(circle: Circle) -> None:
    first = await circle.post(circle.alice, await circle.make(circle.alice, circle.bob))
    for author in (circle.alice, circle.bob):  # The one made it, the other has a seal.
        with pytest.raises(errors.HaveKey) as caught:
            await circle.post(author, await circle.make(author, *circle.people))
        assert caught.value.details == {"key_id": first.hex()}
    second = await circle.post(circle.carol, await circle.make(circle.carol, *circle.people))
    assert second != first


async def test_d2_sealed_rubbish_does_not_lock_out(circle: Circle) -> None:
    """A device that has asked for a share of the key for three seconds cannot open it."""
    service = circle.world.service
    first = await circle.post(circle.alice, await circle.make(circle.alice, *circle.people))
    asked = wire.ShareReference(kind=1, reference=first[:16].hex())
    request = wire.ShareRequest(references=[asked])
    await service.shares.ask(circle.bob.caller, circle.c, request)
    with pytest.raises(errors.HaveKey):
        await circle.post(circle.bob, await circle.make(circle.bob, *circle.people))
    circle.world.clock.at += 3_000
    await circle.post(circle.bob, await circle.make(circle.bob, *circle.people))


async def test_d2_two_authors_at_once_make_two_keys_only_unless_one_commits_first(
    circle: Circle,
) -> None:
    bodies = [await circle.make(one, *circle.people) for one in circle.people]
    outcomes = await asyncio.gather(
        *(circle.post(one, body) for one, body in zip(circle.people, bodies, strict=True)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, bytes) for one in outcomes) == 1
    assert sum(isinstance(one, errors.HaveKey) for one in outcomes) == 2


@pytest.mark.databases("sqlite", "postgresql")
async def test_d2_the_next_key_is_due_after_23_hours_and_9_000_messages(circle: Circle) -> None:
    world = circle.world
    await circle.post(circle.alice, await circle.make(circle.alice, *circle.people))
    world.clock.at += 23 * HOUR_MS - 1
    with pytest.raises(errors.HaveKey):
        await circle.post(circle.bob, await circle.make(circle.bob, *circle.people))
    world.clock.at += 1
    await circle.post(circle.bob, await circle.make(circle.bob, *circle.people))
    async with world.database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE conversation_keys SET messages = 9000")
    await circle.post(circle.carol, await circle.make(circle.carol, *circle.people))


async def test_d2_seals_are_for_the_listed_devices_alone(circle: Circle) -> None:
    stranger = circle.world.registry.register()
    head, alice, everybody = await circle.talk.head(circle.alice), circle.alice, circle.people
    unknown = alice.post_key(head, keys_of([*everybody, stranger]))
    missing = alice.post_key(head, keys_of(everybody[:2]))
    twice = replace_seals(unknown, circle, 2)
    foreign = alice.post_key(head, keys_of(everybody), [stranger.device])
    short = wire.SubmitKey(record=unknown.record, seals=unknown.seals[:-1], left_out=[])
    for bad in (unknown, missing, twice, foreign, short):
        with pytest.raises(errors.SealsInvalid):
            await circle.post(alice, bad)
    await circle.post(alice, alice.post_key(head, keys_of(everybody)))


def replace_seals(body: wire.SubmitKey, circle: Circle, times: int) -> wire.SubmitKey:
    size = seal_bytes(circle.world.options.kem)
    return wire.SubmitKey(record=body.record, seals=body.seals[:size] * times, left_out=[])


async def test_d2_a_device_without_a_key_must_be_left_out_by_name(circle: Circle) -> None:
    circle.carol.key = None
    head = await circle.talk.head(circle.alice)
    with pytest.raises(errors.SealsInvalid):
        await circle.post(circle.alice, circle.alice.post_key(head, keys_of(circle.people)))
    await circle.post(circle.alice, await circle.make(circle.alice, circle.alice, circle.bob))


@pytest.mark.databases("sqlite", "postgresql")
async def test_d2_three_records_a_day_beside_the_free_ones(circle: Circle) -> None:
    """The first for each rekey_epoch is free; an author whose keys are used up is bounded."""
    world = circle.world

    async def use_up() -> None:
        async with world.database.transaction() as connection:
            await connection.exec_driver_sql("UPDATE conversation_keys SET messages = 10000")

    async def make() -> bytes:
        await use_up()
        body = await circle.make(circle.alice, *circle.people)
        return await circle.post(circle.alice, body)

    for _ in range(4):
        await make()
        world.clock.at += HOUR_MS
    with pytest.raises(errors.RateLimited) as caught:
        await make()
    assert caught.value.details == {"limit": "key_records_per_day"}
    assert caught.value.retry_after_ms == DAY_MS - 3 * HOUR_MS  # The first counted came after 1 h.
    async with world.database.transaction() as connection:
        await connection.execute(
            KEY_ASKS.insert().values(
                conversation_id=circle.c, device=circle.alice.device, asked_ms=world.clock.at
            )
        )
    await make()  # D7: the server asked for it.
    with pytest.raises(errors.RateLimited):
        await make()
    await world.revoke(circle.carol)
    del circle.people[2]
    await make()  # The first of the new rekey_epoch.


async def test_d6_a_record_may_be_posted_again(circle: Circle) -> None:
    body = await circle.make(circle.alice, *circle.people)
    first = await circle.post(circle.alice, body)
    circle.world.clock.at += 30 * DAY_MS
    circle.world.wakeups.clear()
    assert await circle.post(circle.alice, body) == first
    assert circle.world.told(KeyWakeup) == []


async def test_a_device_is_given_its_own_seal_and_older_keys_by_id(circle: Circle) -> None:
    world, service = circle.world, circle.world.service
    first = await circle.post(circle.alice, await circle.make(circle.alice, *circle.people))
    await world.change(
        circle.alice.caller,
        await service.conversations.conversation(circle.alice.caller, circle.c),
        make_admin=[circle.bob.caller.person_id],
    )
    world.clock.at += 24 * HOUR_MS
    second = await circle.post(circle.bob, await circle.make(circle.bob, circle.bob, circle.carol))
    for reader, asked, opened in (
        (circle.carol, None, second),
        (circle.carol, first, first),
        (circle.bob, second, second),
    ):
        found = await service.keys.read(reader.caller, circle.c, asked)
        assert found.key is not None
        assert reader.open_key(found.key) == opened
    left_out = await service.keys.read(circle.alice.caller, circle.c, None)
    assert left_out.key is not None
    assert left_out.key.seal is None
    with pytest.raises(errors.NotFound):
        await service.keys.read(circle.bob.caller, circle.c, secrets.token_bytes(32))
    stranger = world.registry.register()
    with pytest.raises(errors.NotMember):
        await service.keys.read(stranger.caller, circle.c, None)


async def test_d5_a_newcomer_gets_no_seal_of_before_its_history(circle: Circle) -> None:
    """Even where the key was sealed to its person's former phone, or a bug sealed it again."""
    world, service = circle.world, circle.world.service
    first = await circle.post(circle.alice, await circle.make(circle.alice, *circle.people))
    shown = await service.conversations.conversation(circle.alice.caller, circle.c)
    await world.change(circle.alice.caller, shown, remove=[circle.carol])
    world.clock.at += 1
    await world.change(circle.alice.caller, shown, add=[circle.carol])
    found = await service.keys.read(circle.carol.caller, circle.c, first)
    assert found.key is not None
    assert found.key.seal is None  # Carol returned: she reads from the return.


async def test_renewed_device_keys_are_sealed_to(circle: Circle) -> None:
    assert circle.bob.key is not None
    circle.bob.key = replace(circle.bob.key, generation=2).signed(circle.bob.signer)
    body = await circle.make(circle.alice, *circle.people)
    key_id = await circle.post(circle.alice, body)
    found = await circle.world.service.keys.read(circle.bob.caller, circle.c, None)
    assert found.key is not None
    assert circle.bob.open_key(found.key) == key_id
