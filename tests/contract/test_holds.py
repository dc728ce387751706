"""Legal holds keep what retention and deletions would take (docs/operations.md, Legal holds)."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors
from copconnect.database.engine import Database
from copconnect.delivery.log import retention
from copconnect.delivery.store import holds, trimming
from copconnect.delivery.store.tables import HELD_MESSAGES
from copconnect.ids import AttachmentId, ConversationId, PersonId, new_id
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.message import SIGNED_HEADER_BYTES, MessageKind
from tests.contract.delivery_world import DAY_MS, World
from tests.contract.device import Device, Talk, header_of
from tests.contract.holding import hold, lift
from tests.contract.test_deleting import delete, mark, said
from tests.contract.test_sending import Room


async def texts(world: World, talk: Talk, reader: Device) -> list[bytes]:
    page = await world.service.log.page(
        reader.caller, talk.conversation_id, after=None, before=99, limit=99
    )
    return [reader.open_message(one) for one in page.entries]


async def test_k1_a_held_conversation_keeps_its_log_and_the_keys_that_open_it(
    database: Database,
) -> None:
    world = World(database)
    a, b = world.registry.register(), world.registry.register()
    talks, keys = [], []
    for _ in range(2):
        made = await world.group(a, [b], history_days=30)
        talks.append(Talk(world.service, made.conversation_id))
        keys.append(await talks[-1].begin(a, [b]))
        await talks[-1].say(a, keys[-1], b"old")
    held, other = talks
    world.clock.at += 10 * DAY_MS
    hold_id = await hold(database, world.clock.at, conversation_id=held.conversation_id)
    world.clock.at += 181 * DAY_MS
    for talk in talks:
        await talk.say(b, await talk.begin(b, [a]), b"new")
    await world.service.retention.clean()
    assert await texts(world, held, b) == [b"old", b"new"]
    assert await texts(world, other, b) == [b"new"]
    # The log's key is there, and everything that proves who wrote.
    key = (await world.service.keys.read(b.caller, held.conversation_id, keys[0])).key
    assert key is not None
    assert ConversationKey.parse(key.record).hash() == keys[0]
    page = await world.service.log.page(
        b.caller, held.conversation_id, after=0, before=None, limit=99
    )
    assert header_of(page.entries[0].message).epoch in {one.epoch for one in page.proofs}
    # A hold that ended keeps nothing.
    await lift(database, hold_id, world.clock.at)
    await world.service.retention.clean()
    assert await texts(world, held, b) == [b"new"]
    other_node = world.node()  # This one has the key in memory.
    with pytest.raises(errors.NotFound):
        await other_node.keys.read(b.caller, held.conversation_id, keys[0])


async def test_the_cleaning_reads_held_messages_once_a_round(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    world = World(database)
    a, b = world.registry.register(), world.registry.register()
    talks = []
    for _ in range(2):
        made = await world.group(a, [b])
        talks.append(Talk(world.service, made.conversation_id))
    held, other = talks
    key_id = await held.begin(a, [b])
    for _ in range(3):
        await held.say(a, key_id)
    world.clock.at += 1
    later_ms, key_id = world.clock.at, await other.begin(a, [b])
    for _ in range(3):
        await other.say(a, key_id)
    await hold(database, world.clock.at, conversation_id=held.conversation_id)
    world.clock.at += 181 * DAY_MS
    began: list[int] = []
    forget = trimming.forget_entries

    async def noted(connection: AsyncConnection, at_ms: int, *more: int) -> int | None:
        began.append(at_ms)
        return await forget(connection, at_ms, *more)

    monkeypatch.setattr(trimming, "forget_entries", noted)
    await world.service.retention.clean()
    assert began == [0, later_ms, later_ms, later_ms]
    assert len(await texts(world, held, b)) == 3
    assert await texts(world, other, b) == []


async def kept_words(database: Database) -> list[bytes]:
    async with database.reading() as connection:
        order = HELD_MESSAGES.c.seq
        return list(await connection.scalars(select(HELD_MESSAGES.c.message).order_by(order)))


async def test_m3_a_deletion_hides_a_held_message_and_the_server_keeps_it(
    database: Database,
) -> None:
    """Members see no difference: neither at the log, nor by an edit, nor by a file."""
    room = await Room.of(World(database))
    file = AttachmentId(new_id())
    room.world.attachments.known.add(file)
    now_ms = room.world.clock.at
    first, seq = await said(room, room.bob, attachment_ids=[file])
    edit = await mark(room, room.bob, MessageKind.EDIT, first)
    page = await room.service.log.page(room.bob.caller, room.c, after=0, before=None)
    whole = [one.message for one in page.entries]
    assert whole[1] == edit.message
    hold_id = await hold(database, now_ms, person_id=room.bob.caller.person_id)
    await delete(room, room.bob, first)
    await delete(room, room.alice, first)  # Again changes nothing.
    for node in (room.service, room.world.node()):
        for after, before in ((0, None), (None, 99)):
            page = await node.log.page(room.bob.caller, room.c, after=after, before=before)
            bodies = [one.message[SIGNED_HEADER_BYTES:] for one in page.entries]
            assert [body != b"" for body in bodies] == [False, False, True, True]
    with pytest.raises(errors.MessageInvalid):
        await mark(room, room.bob, MessageKind.EDIT, first)
    assert room.world.attachments.hidden[0] == (room.c, seq)
    assert room.world.attachments.dropped == []
    room.world.clock.at += 200 * DAY_MS
    await room.service.retention.clean()
    assert await kept_words(database) == whole
    # Deleted messages go with the hold.
    await lift(database, hold_id, room.world.clock.at)
    await room.service.retention.clean()
    assert await kept_words(database) == []


async def test_a_held_person_holds_the_conversations_of_then_and_of_later(
    database: Database,
) -> None:
    world = World(database)
    a, b, c = (world.registry.register() for _ in range(3))
    left, stays, nobodys = [await world.group(a, [b]) for _ in range(3)]
    await world.change(a.caller, nobodys, remove=[b])
    world.clock.at += 1
    now_ms = world.clock.at
    await hold(database, now_ms, person_id=b.caller.person_id)
    over = await hold(database, now_ms, person_id=c.caller.person_id, until_ms=now_ms)
    world.clock.at += DAY_MS
    await world.change(a.caller, left, remove=[b])
    joined, foreign = await world.group(a, [c]), await world.group(a, [c])
    await world.change(a.caller, joined, add=[b])

    async def held() -> set[ConversationId]:
        async with database.reading() as connection:
            rows = await connection.execute(holds.held(world.clock.at))
            found = {ConversationId(str(row[0])) for row in rows}
            for one in (left, stays, joined, nobodys, foreign):
                c = one.conversation_id
                assert await holds.is_held(connection, c, world.clock.at) == (c in found)
            return found

    assert await held() == {one.conversation_id for one in (left, stays, joined)}
    # A hold that is over by its date holds nobody.
    async with database.reading() as connection:
        assert await holds.held_people(connection, now_ms) == {PersonId(b.caller.person_id)}
        row = await holds.find(connection, over)
        assert row is not None
        assert row.lifted_ms is None
