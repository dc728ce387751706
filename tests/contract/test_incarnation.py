"""A restored backup: the roster authority signs a new incarnation, and everything continues."""

import pytest

from copconnect import errors
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.records.conversation.roster import CELL_LINE_BYTES, CellLine
from copconnect.records.primitives.fields import Reader
from copconnect.records.primitives.kem import X25519
from copconnect.records.trust.incarnation import Incarnation
from tests.contract.delivery_world import World
from tests.contract.device import Talk, head_of, leaf_of
from tests.contract.test_cell_keys import Crowd


async def test_a_new_incarnation_is_accepted_and_every_key_made_anew(database: Database) -> None:
    world = World(database, Options(kem=X25519, cell_size=4))
    people = [world.registry.register() for _ in range(6)]
    group = await world.group(people[0], people[1:])
    direct = await world.direct(people[0], people[1])
    talk = Talk(world.service, group.conversation_id)
    old_head = head_of(group)
    key_id = await Crowd(world, talk, people).begin(people[0])
    await talk.say(people[0], key_id, b"before")

    number = world.clock.now_ms()
    assert await world.service.begin_incarnation(number) == 2
    world.service = world.node()
    talk = Talk(world.service, group.conversation_id)
    head = await talk.head(people[0])
    head.check(world.authority.public_key, bytes.fromhex(group.conversation_id))
    head.check_follows(old_head)
    assert (head.epoch, head.rekey_epoch, head.devices) == (number, number, 6)
    assert head.previous == old_head.hash()
    lines = (await world.service.cell_keys.all(people[0].caller, talk.conversation_id, 0)).lines
    reader = Reader(lines, "S3")
    count = len(lines) // CELL_LINE_BYTES
    assert {CellLine.read(reader).rekey_epoch for _ in range(count)} == {number}
    for one in people:
        leaf_of(one, await world.service.rosters.state(one.caller, talk.conversation_id))

    # Neither the old key nor the old head serves, and earlier messages are readable.
    with pytest.raises(errors.StaleKey):
        await talk.say(people[0], key_id)
    key_id = await Crowd(world, talk, people).begin(people[0])
    body = people[0].message(old_head, key_id)
    with pytest.raises(errors.StaleHead) as caught:
        await world.service.intake.accept(people[0].caller, talk.conversation_id, body)
    assert caught.value.details == {"epoch": number}
    await talk.say(people[0], key_id, b"after")
    assert await talk.read(people[1]) == [b"before", b"after"]
    # The next change follows without a gap.
    await world.revoke(people[5])
    assert (await talk.head(people[0])).epoch == number + 1
    shown = await world.service.conversations.conversation(people[1].caller, direct.conversation_id)
    assert head_of(shown).epoch == number


async def test_a_conversation_that_a_restore_lost_begins_above_it(database: Database) -> None:
    world = World(database)
    asha, balu = world.registry.register(), world.registry.register()
    number = world.clock.now_ms()
    begun = Incarnation(created=number, number=number, signature=bytes(64))
    world.registry.begun = begun
    direct = await world.direct(asha, balu)
    head = head_of(direct)
    head.check(world.authority.public_key, bytes.fromhex(direct.conversation_id))
    assert (head.epoch, head.rekey_epoch, head.previous) == (number + 1, number + 1, begun.hash())
    assert int(direct.info_version.split(".")[0]) > number
