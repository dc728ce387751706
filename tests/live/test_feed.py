"""Answers to live connections about places, rosters, messages, keys and supplements."""

import msgspec

from copconnect import wire
from copconnect.bus import CellKeyWakeup
from copconnect.database.engine import Database
from copconnect.delivery.live.feed import LiveFeed
from copconnect.ids import Epoch, Seq, new_id
from copconnect.principals import Caller
from copconnect.records.conversation.roster import RosterHead, check_proof
from copconnect.records.primitives.kem import X25519, seal_bytes
from copconnect.sockets.feed import ConversationPosition, LeafState, SeenCursor
from tests.contract.statements import Statements
from tests.live.rows import Rows, device, second
from tests.live.world import World

SIZE = seal_bytes(X25519)


def sealed_to(*key_ids: bytes) -> bytes:
    return b"".join(one.ljust(SIZE, b"s") for one in sorted(key_ids))


async def test_places_say_where_each_leaf_stands(database: Database) -> None:
    world = World(database)
    feed = LiveFeed(world.deps)
    a, b = device(), device()
    other = second(b)
    rows, elsewhere = Rows(database), Rows(database)
    for one in (rows, elsewhere):
        await one.roster([a, b, other])
        await one.member(b.person_id)
    await rows.roster(remove=[other])
    for _ in range(3):
        await rows.post(a)
    await rows.share(b, a)
    for caller, delivered, read in ((b, 2, 1), (other, 3, 3)):
        cursor = SeenCursor(
            rows.conversation_id, caller.client_id, caller.person_id, Seq(delivered), Seq(read)
        )
        await feed.store_cursors([cursor])
    found = await feed.places([b.client_id, other.client_id, device().client_id])
    assert set(found) == {b.client_id, other.client_id}
    assert [one.conversation_id for one in found[other.client_id]] == [elsewhere.conversation_id]
    (place,) = (one for one in found[b.client_id] if one.conversation_id == rows.conversation_id)
    # Read positions count over all devices of the person, delivered positions do not.
    assert place == LeafState(
        conversation_id=rows.conversation_id,
        cell_id=rows.cells[0],
        history_from_ms=0,
        last_seq=Seq(3),
        roster_epoch=Epoch(2),
        info_version="1.",
        receipts_version=2,
        delivered_seq=Seq(2),
        read_seq=Seq(3),
        shares=1,
    )


async def test_places_cost_one_statement_whatever_their_number(database: Database) -> None:
    world = World(database)
    officers = [device() for _ in range(200)]
    rows = Rows(database, cells=2)
    await rows.roster(officers)
    for asked in (officers[:1], officers):
        with Statements(database) as statements:
            found = await LiveFeed(world.deps).places([one.client_id for one in asked])
        assert len([one for one in statements if one != "BEGIN"]) == 1
        assert len(found) == len(asked)


async def test_a_roster_is_told_as_the_difference_from_an_epoch(database: Database) -> None:
    feed = LiveFeed(World(database).deps)
    a, b, c = device(), device(), device()
    rows = Rows(database)
    await rows.roster([a, b])
    await rows.roster([c])
    await rows.roster(remove=[b])
    await rows.roster([b], remove=[c])
    await rows.post(a)
    cell = rows.cells[0]

    async def since(epoch: int) -> tuple[set[str], set[str]]:
        news = await feed.roster_since(rows.conversation_id, epoch)
        assert (news.change.epoch, news.change.cells, news.last_seq) == (4, 1, 1)
        assert set(news.change.added.values()) <= {cell}
        return set(news.change.added), set(news.change.removed)

    assert await since(0) == ({a.client_id, b.client_id}, set())
    assert await since(1) == ({b.client_id}, set())
    assert await since(2) == ({b.client_id}, {c.client_id})
    assert await since(4) == (set(), set())


async def test_entries_and_standings(database: Database) -> None:
    feed = LiveFeed(World(database).deps)
    a = device()
    rows, quiet = Rows(database), Rows(database)
    await rows.roster([a], now_ms=1_000)
    await quiet.roster([a], now_ms=1_000)
    key_id = await rows.key(a)
    for _ in range(3):
        await rows.post(a, sent_ms=2_000, key_id=key_id)
    found = await feed.entries(rows.conversation_id, 1, 3)
    assert [one.seq for one in found] == [2, 3]
    frame = msgspec.msgpack.decode(found[0].frame, type=wire.EntryFrame)
    assert (frame.entry.message, frame.supplement) == (b"message 2", None)
    assert (found[0].device, found[0].person_id) == (a.device.hex(), a.person_id)
    assert (found[0].epoch, found[0].named_epoch, found[0].key_id) == (1, 1, key_id.hex())
    assert await feed.standings_since(1_500) == {
        rows.conversation_id: ConversationPosition(Seq(3), Epoch(1))
    }
    assert set(await feed.standings_since(1_000)) == {rows.conversation_id, quiet.conversation_id}


async def test_seals_are_cut_by_cell_and_device(database: Database) -> None:
    world = World(database)
    feed = LiveFeed(world.deps)
    officers = [device() for _ in range(4)]
    world.devices.add(*officers)
    rows = Rows(database, cells=2)
    await rows.roster(officers)
    cell_key = await rows.cell_key(officers[0], rows.cells[0])
    stranger = bytes.fromhex(new_id())
    blob = sealed_to(cell_key, officers[1].device[:16], officers[3].device[:16], stranger)
    key_id = await rows.key(officers[0], created_ms=5_000, seals=blob)
    (told,) = await feed.keys_since(5_000)
    assert (told.key_id, told.record, told.size) == (key_id.hex(), b"record " + key_id, SIZE)
    assert await feed.keys_since(5_001) == []
    assert await feed.key(rows.conversation_id, new_id() + new_id()) is None
    assert await feed.key(rows.conversation_id, key_id.hex()) == told
    for wakeup in (told, msgspec.structs.replace(told, seals=blob)):
        with Statements(database) as statements:
            seals = await feed.seals(wakeup)
        # And late seals (S9), and who has the keys.
        assert len([one for one in statements if one != "BEGIN"]) <= 3
        assert seals.cells == {rows.cells[0]: cell_key.ljust(SIZE, b"s")}
        assert seals.devices == {
            one.device: one.device[:16].ljust(SIZE, b"s") for one in (officers[1], officers[3])
        }


async def test_the_newest_key_is_told_while_no_message_is_under_it(database: Database) -> None:
    world = World(database)
    feed = LiveFeed(world.deps)
    a, now_ms = device(), world.clock.at
    fresh, used, old, none = (Rows(database) for _ in range(4))
    for rows in (fresh, used, old, none):
        await rows.roster([a])
    await fresh.key(a, created_ms=now_ms - 1, messages=5)
    key_id = await fresh.key(a, created_ms=now_ms)
    await used.key(a, created_ms=now_ms - 1)
    await used.key(a, created_ms=now_ms, messages=1)
    await old.key(a, created_ms=now_ms - 26 * 3_600_000)
    asked = [rows.conversation_id for rows in (fresh, used, old, none)]
    found = await feed.unused_keys(asked)
    assert [(one.conversation_id, one.key_id) for one in found] == [
        (fresh.conversation_id, key_id.hex())
    ]


async def test_seals_of_a_cell_key_are_cut_by_device(database: Database) -> None:
    world = World(database)
    a, b = device(), device()
    world.devices.add(a, b)
    rows = Rows(database, cells=2)
    await rows.roster([a, b])
    blob = sealed_to(a.device[:16])
    wakeup = CellKeyWakeup(
        conversation_id=rows.conversation_id,
        cell_id=rows.cells[0],
        record=b"not needed while the seals are here",
        seals=blob,
        size=SIZE,
        devices=[a.device],
    )
    with Statements(database) as statements:
        seals = await LiveFeed(world.deps).seals(wakeup)
    assert (seals.cells, seals.devices) == ({}, {a.device: blob})
    assert statements == []  # Each node would read the keys of 256 devices for each cell.


async def test_r2_a_supplement_proves_a_sender_under_each_head(database: Database) -> None:
    world = World(database)
    feed = LiveFeed(world.deps)
    officers = [device() for _ in range(5)]
    rows = Rows(database, cells=2)
    await rows.roster(officers[:4])
    await rows.roster(officers[4:])
    a = officers[0]

    async def given(epochs: set[int], caller: Caller | None = None) -> wire.Supplement:
        person_id = caller.person_id if caller else None
        return await feed.supplement(rows.conversation_id, a.device.hex(), epochs, person_id)

    found = await given({1, 2}, a)
    assert found.heads == [rows.heads[1], rows.heads[2]]
    assert [one.epoch for one in found.proofs] == [1, 2]
    for one in found.proofs:
        head = RosterHead.parse(rows.heads[one.epoch])
        leaf, _ = check_proof(head, a.device, one.proof, "R2")
        assert leaf.device == a.device
    assert [one.person_id for one in found.people] == [a.person_id]
    with Statements(database) as statements:
        again = await given({1, 2})
    assert (again.heads, again.proofs, again.people) == (found.heads, found.proofs, [])
    assert len(statements) == 0  # Proofs never change.
    missing = await given({7})
    assert (missing.heads, missing.proofs) == ([], [])
