"""Messages that share a transaction: each is judged alone, and none fails for another."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection

from copconnect import errors, wire
from copconnect.bus import EntryWakeup
from copconnect.database import Database
from copconnect.delivery import log_store, store
from copconnect.ids import ConversationId, new_id
from tests.contract.delivery_world import World
from tests.contract.statements import Statements


async def together(*posts: Any) -> list[Any]:
    """Post at the same time; return answers and errors."""
    return await asyncio.gather(*posts, return_exceptions=True)


async def log_of(world: World, caller: Any, made: wire.Conversation) -> list[wire.LogEntry]:
    """Return the messages in a conversation's log."""
    page = await world.service.log.page(caller, made.conversation_id, 0, 500)
    return [entry for entry in page.entries if entry.kind == "message"]


async def test_a_refusal_leaves_the_others_and_no_gap(database: Database) -> None:
    world = World(database)
    a, b, stranger = [world.registry.register() for _ in range(3)]
    made = await world.founded(a, [b])
    twice = new_id()
    answers = await together(
        world.post(a, made),
        world.post(stranger, made),
        world.post(b, made, epoch=0),
        world.post(a, made, entry_id=twice),
        world.post(a, made, entry_id=twice),
        world.post(b, made, entry_id=twice),
        world.post(b, made),
    )
    first, outside, stale, one, again, taken, last = answers
    assert isinstance(outside, errors.NotMember)
    assert isinstance(stale, errors.StaleEpoch)
    entries = await log_of(world, a, made)
    seqs = [entry.seq for entry in entries]
    assert seqs == list(range(seqs[0], seqs[0] + len(entries)))
    by_id = {entry.entry_id: entry for entry in entries}
    assert len(by_id) == len(entries)
    if isinstance(one, wire.Accepted):  # On PostgreSQL any of the three may come first.
        assert one == again
        assert isinstance(taken, errors.BadRequest)
    assert {first.seq, last.seq} < set(seqs)
    announced = [w.seq for w in world.wakeups if isinstance(w, EntryWakeup) and w.seq in seqs]
    assert sorted(announced) == seqs


async def test_a_message_that_cannot_be_written_fails_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(database)
    a, b = world.registry.register(), world.registry.register()
    conversations = [await world.founded(a, [b]) for _ in range(4)]
    cursed, write = new_id(), log_store.add_entries_at_once

    def add(connection: Connection, entries: Sequence[wire.LogEntry]) -> None:
        write(connection, entries)
        if any(entry.entry_id == cursed for entry in entries):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(log_store, "add_entries_at_once", add)
    answers = await together(
        *(world.post(a, made) for made in conversations),
        world.post(b, conversations[0], entry_id=cursed),
        *(world.post(b, made) for made in conversations),
    )
    assert [isinstance(answer, OSError) for answer in answers] == [False] * 4 + [True] + [False] * 4
    monkeypatch.undo()
    for made in conversations:
        entries = await log_of(world, a, made)
        assert len(entries) == 2
        assert entries[1].seq == entries[0].seq + 1
        assert cursed not in [entry.entry_id for entry in entries]
    # The very same message goes through afterwards.
    assert await world.post(b, conversations[0], entry_id=cursed)


async def test_who_goes_away_stops_nobody(database: Database) -> None:
    world = World(database)
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    gone = [asyncio.create_task(world.post(a, made)) for _ in range(3)]
    stays = asyncio.create_task(world.post(b, made))
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    accepted = await stays
    await asyncio.gather(*gone, return_exceptions=True)
    assert accepted.seq in [entry.seq for entry in await log_of(world, a, made)]
    assert (await world.post(a, made)).seq > accepted.seq


async def test_what_waits_goes_in_one_transaction(database: Database) -> None:
    world = World(database)
    a, b = world.registry.register(), world.registry.register()
    conversations = [await world.founded(a, [b]) for _ in range(20)]
    with Statements(database) as statements:
        await asyncio.gather(*(world.post(a, made) for made in conversations))
    if database.is_sqlite:
        begun = [text for text in statements if text.startswith("BEGIN IMMEDIATE")]
        assert 1 <= len(begun) <= 2
        assert len(statements) == len(begun) + 3 * len(conversations)
    else:  # The first may have gone before the others came.
        assert len(statements) in (4, 8)


async def test_a_held_conversation_keeps_no_other_waiting(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer")
    world = World(database)
    a, b = world.registry.register(), world.registry.register()
    held, free = await world.founded(a, [b]), await world.founded(a, [b])
    twice = new_id()
    async with database.transaction() as connection:
        await store.hold(connection, [held.conversation_id])
        waiting = [
            asyncio.create_task(world.post(a, held, entry_id=twice)),
            asyncio.create_task(world.post(a, held, entry_id=twice)),
        ]
        for _ in range(3):
            assert (await world.post(b, free)).seq
        assert not any(task.done() for task in waiting)
    first, again = await asyncio.gather(*waiting)
    assert first == again
    assert [entry.entry_id for entry in await log_of(world, a, held)] == [twice]
    assert len(await log_of(world, a, free)) == 3


async def test_conversations_that_are_not_there_are_refused_beside_others(
    database: Database,
) -> None:
    world = World(database)
    a, b = world.registry.register(), world.registry.register()
    made = await world.founded(a, [b])
    nowhere = msgspec.structs.replace(made, conversation_id=ConversationId(new_id()))
    elsewhere = msgspec.structs.replace(made, cells=(await world.founded(a, [b])).cells)
    answers = await together(*(world.post(a, one) for one in (made, nowhere, elsewhere, made)))
    first, none, other, last = answers
    assert isinstance(none, errors.NotMember)
    assert isinstance(other, errors.NotMember)
    assert last.seq == first.seq + 1
