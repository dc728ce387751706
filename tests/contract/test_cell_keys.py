"""C1, C2, S4: cell keys in conversations of several cells, and conversation keys sealed to them."""

import asyncio
import secrets
from dataclasses import replace
from typing import Any

import pytest

from copconnect import errors, wire
from copconnect.bus import CellKeyFlaggedWakeup, CellKeyWakeup
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.keys.cell_keys import COMMITTED_MS
from copconnect.delivery.store import cell_keys
from copconnect.delivery.store.tables import CELL_KEY_ASKS
from copconnect.ids import DeviceId, SealKeyId
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.roster import CELL_LINE_BYTES, CellLine, Leaf, RosterHead
from copconnect.records.conversation.seals import join_seals, parse_seal, parse_seals
from copconnect.records.primitives.ed25519 import public_bytes
from copconnect.records.primitives.fields import Reader
from copconnect.records.primitives.kem import X25519, XWING
from copconnect.records.primitives.merkle import climb, leaf_hash
from copconnect.sealing import hpke
from copconnect.sealing.keys import (
    cell_private_key,
    make_cell_key,
    new_secret,
    open_cell_key,
    open_conversation_key,
    seal_secret,
)
from tests.contract.delivery_world import DAY_MS, MINUTE_MS, World
from tests.contract.device import Device, Talk, keys_of, leaf_of
from tests.contract.statements import Statements

pytestmark = pytest.mark.databases("sqlite")


class Crowd:
    """A group of ten in three cells."""

    def __init__(self, world: World, talk: Talk, people: list[Device]) -> None:
        self.world, self.talk, self.people = world, talk, people
        self.c = talk.conversation_id
        self.service = world.service

    @classmethod
    async def of(cls, world: World) -> "Crowd":
        people = [world.registry.register() for _ in range(10)]
        made = await world.group(people[0], people[1:])
        assert made.cells == 3
        return cls(world, Talk(world.service, made.conversation_id), people)

    async def cells(self) -> dict[bytes, list[Device]]:
        """Return who is in which cell."""
        found: dict[bytes, list[Device]] = {}
        for one in self.people:
            state = await self.service.rosters.state(one.caller, self.c)
            found.setdefault(leaf_of(one, state).cell_id, []).append(one)
        return found

    async def ask(self, author: Device, cell: bytes, generation: int = 1, epoch: int = 0) -> None:
        """Ask a device for its cell's key, as the sockets do (C1)."""
        epoch = epoch or (await self.talk.head(author)).epoch
        async with self.world.database.transaction() as connection:
            await connection.execute(
                CELL_KEY_ASKS.insert().values(
                    conversation_id=self.c,
                    cell_id=cell.hex(),
                    epoch=epoch,
                    generation=generation,
                    device=author.device,
                    asked_ms=self.world.clock.at,
                )
            )

    async def draft(
        self,
        author: Device,
        cell: bytes,
        to: list[Device],
        left_out: tuple[Device, ...] = (),
        generation: int = 1,
        **other: Any,
    ) -> tuple[wire.SubmitCellKey, bytes]:
        """Return a cell key for these devices, and C."""
        secret, head = new_secret(), await self.talk.head(author)
        record = make_cell_key(
            secret,
            author.signer,
            head=head,
            cell_id=cell,
            generation=generation,
            author=author.device,
            now=self.world.clock.at,
        )
        if other:
            record = replace(record, **other).signed(author.signer)
        seals = join_seals(seal_secret(record, secret, key) for key in keys_of(to))
        named = [DeviceId(one.device.hex()) for one in left_out]
        return wire.SubmitCellKey(record=record.encode(), seals=seals, left_out=named), secret

    async def make(self, author: Device, cell: bytes, to: list[Device]) -> tuple[CellKey, bytes]:
        """Ask for a cell's key and have it made."""
        await self.ask(author, cell)
        body, secret = await self.draft(author, cell, to)
        await self.service.cell_keys.submit(author.caller, self.c, body)
        return CellKey.parse(body.record), secret

    async def begin(self, author: Device) -> bytes:
        """Have the author make a conversation key, and before it its cell's, where there are
        several."""
        cells = await self.cells()
        if len(cells) == 1:
            return await self.talk.begin(author, [one for one in self.people if one != author])
        cell, own = next(one for one in cells.items() if author in one[1])
        record, _ = await self.make(author, cell, own)
        body = author.post_key(await self.talk.head(author), [record])
        accepted = await self.service.keys.submit(author.caller, self.c, body)
        key_id = bytes.fromhex(accepted.key_id)
        for one in self.people:
            one.secrets[key_id] = author.secrets[key_id]
        return key_id


def world_of(database: Database, kem: int = X25519) -> World:
    return World(database, Options(kem=kem, cell_size=4))


@pytest.fixture
async def crowd(database: Database) -> Crowd:
    return await Crowd.of(world_of(database))


async def test_c1_records_nobody_was_asked_for_are_refused(crowd: Crowd) -> None:
    cell, own = next(iter((await crowd.cells()).items()))
    body, _ = await crowd.draft(own[0], cell, own)
    with pytest.raises(errors.NotAsked):
        await crowd.service.cell_keys.submit(own[0].caller, crowd.c, body)
    await crowd.ask(own[1], cell)  # Another device, another generation, another epoch.
    await crowd.ask(own[0], cell, generation=2)
    await crowd.ask(own[0], cell, epoch=9)
    with pytest.raises(errors.NotAsked):
        await crowd.service.cell_keys.submit(own[0].caller, crowd.c, body)
    await crowd.ask(own[0], cell)
    crowd.world.wakeups.clear()
    await crowd.service.cell_keys.submit(own[0].caller, crowd.c, body)
    (told,) = crowd.world.told(CellKeyWakeup)
    assert (told.cell_id, told.record, told.seals) == (cell.hex(), body.record, body.seals)
    recipients = [seal.key_id for seal in parse_seals(X25519, body.seals, "C2", len(own))]
    owners = {one.key.key_id(): one.device for one in own if one.key is not None}
    assert told.devices == [owners[one] for one in recipients]
    await crowd.service.cell_keys.submit(own[0].caller, crowd.c, body)  # D6: again.
    assert crowd.world.told(CellKeyWakeup) == []


async def test_c1_the_first_of_a_generation_wins(crowd: Crowd) -> None:
    cell, own = next(iter((await crowd.cells()).items()))
    for one in own[:2]:
        await crowd.ask(one, cell)
    first, _ = await crowd.draft(own[0], cell, own)
    second, _ = await crowd.draft(own[1], cell, own)
    await crowd.service.cell_keys.submit(own[0].caller, crowd.c, first)
    with pytest.raises(errors.HaveKey):
        await crowd.service.cell_keys.submit(own[1].caller, crowd.c, second)


async def test_c1_a_device_that_was_asked_makes_the_key_under_a_later_head(crowd: Crowd) -> None:
    (cell, own), (_, others), *_ = (await crowd.cells()).items()
    for one in own[:2]:
        await crowd.ask(one, cell)
    await crowd.world.revoke(others[-1])  # A device of another cell.
    first, _ = await crowd.draft(own[0], cell, own)
    second, _ = await crowd.draft(own[1], cell, own)
    assert CellKey.parse(first.record).epoch > 1
    await crowd.service.cell_keys.submit(own[0].caller, crowd.c, first)
    with pytest.raises(errors.HaveKey):
        await crowd.service.cell_keys.submit(own[1].caller, crowd.c, second)


async def test_c1_a_record_is_checked(crowd: Crowd) -> None:
    (cell, own), (other_cell, others), *_ = (await crowd.cells()).items()
    author = own[0]
    await crowd.ask(author, cell)
    await crowd.ask(author, other_cell)

    async def post(body: wire.SubmitCellKey) -> None:
        await crowd.service.cell_keys.submit(author.caller, crowd.c, body)

    good, _ = await crowd.draft(author, cell, own)
    bent = bytearray(good.record)
    bent[-1] ^= 1
    foreign, _ = await crowd.draft(author, other_cell, others)
    small, _ = await crowd.draft(author, cell, own, pk=bytes(32))  # D3: of small order.
    for bad in (
        wire.SubmitCellKey(record=bytes(bent), seals=good.seals, left_out=[]),
        foreign,
        small,
    ):
        with pytest.raises(errors.RecordInvalid):
            await post(bad)
    missing, _ = await crowd.draft(author, cell, own[:-1])
    stranger, _ = await crowd.draft(author, cell, [*own, others[0]])
    nobody, _ = await crowd.draft(author, cell, own, (others[0],))
    for bad in (missing, stranger, nobody):
        with pytest.raises(errors.SealsInvalid):
            await post(bad)
    for stale in (
        {"created": crowd.world.clock.at - 10 * MINUTE_MS - 1},
        {"created": crowd.world.clock.at + 10 * MINUTE_MS + 1},
        {"head": bytes(32)},
    ):
        body, _ = await crowd.draft(author, cell, own, **stale)
        with pytest.raises(errors.StaleRecord):
            await post(body)
    left_out, _ = await crowd.draft(author, cell, own[:-1], (own[-1],))
    await post(left_out)


async def test_a_cells_devices_open_its_key(crowd: Crowd) -> None:
    cell, own = next(iter((await crowd.cells()).items()))
    record, secret = await crowd.make(own[0], cell, own)
    for one in own:
        (item,) = (await crowd.service.cell_keys.own(one.caller, crowd.c)).keys
        assert item.seal is not None
        assert one.key is not None
        seal = parse_seal(X25519, item.seal, "C2")
        private = hpke.private_key(X25519, one.seed)
        assert open_cell_key(record, seal, one.key.key_id(), private) == secret
    outside = next(one for one in crowd.people if one not in own)
    assert (await crowd.service.cell_keys.own(outside.caller, crowd.c)).keys == []


@pytest.mark.parametrize("history_days", [0, 30])
async def test_c2_a_newcomer_hears_of_no_key_that_nobody_may_share(
    database: Database, history_days: int
) -> None:
    """H3: a cell key from before the newcomer's history is shared with nobody; one out of use
    opens nothing that others do not share."""
    world = world_of(database)
    people = [world.registry.register() for _ in range(11)]
    made = await world.group(people[0], people[1:10], history_days=history_days)
    crowd = Crowd(world, Talk(world.service, made.conversation_id), people[:10])
    for cell, own in (await crowd.cells()).items():
        await crowd.make(own[0], cell, own)
    world.clock.at += DAY_MS
    await world.change(people[0].caller, made, add=[people[10]])
    start = await world.service.starting.start(
        people[10].caller, crowd.c, wire.StartConversation(entries=20)
    )
    assert [one.kind for one in start.asked] == ([2] if history_days else [])
    assert len(start.cell_keys) == len(start.asked)


@pytest.mark.databases("sqlite", "postgresql")
async def test_d4_starts_of_one_moment_cost_the_same_in_one_cell_and_in_many(
    database: Database,
) -> None:
    counts = []
    for newcomers in (1, 12):
        world = world_of(database)
        people = [world.registry.register() for _ in range(10 + newcomers)]
        made = await world.group(people[0], people[1:10], history_days=30)
        crowd = Crowd(world, Talk(world.service, made.conversation_id), people[:10])
        for cell, own in (await crowd.cells()).items():
            await crowd.make(own[0], cell, own)
        world.clock.at += 2 * DAY_MS
        await world.change(people[0].caller, made, add=people[10:])
        cold, body = world.node(), wire.StartConversation(entries=20)
        with Statements(database) as statements:
            started = await asyncio.gather(
                *(cold.starting.start(one.caller, crowd.c, body) for one in people[10:])
            )
        shown = [one.conversation.roster for one in started]
        cells = {leaf_of(one, of).cell_id for one, of in zip(people[10:], shown, strict=True) if of}
        counts.append((len(cells), len([one for one in statements if one != "BEGIN"])))
    (few, statements_few), (many, statements_many) = counts
    assert (few, many) == (1, 4)
    assert statements_few == statements_many


@pytest.mark.databases("sqlite", "postgresql")
async def test_keys_of_two_cells_are_stored_side_by_side(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    if crowd.world.database.is_sqlite:
        pytest.skip("SQLite has one writer")
    (cell, own), (other, rest), *_ = (await crowd.cells()).items()
    stored, both, add = asyncio.Event(), asyncio.Event(), cell_keys.add

    async def uncommitted(*key: Any) -> bool:
        added = await add(*key)
        if stored.is_set():
            both.set()
        stored.set()
        await both.wait()
        return added

    monkeypatch.setattr(cell_keys, "add", uncommitted)
    async with asyncio.timeout(10):
        await asyncio.gather(crowd.make(own[0], cell, own), crowd.make(rest[0], other, rest))


async def test_s4_senders_are_given_lines_and_proven_usable_keys(crowd: Crowd) -> None:
    cells = await crowd.cells()
    for cell, own in list(cells.items())[:2]:
        await crowd.make(own[0], cell, own)
    reader = crowd.people[0].caller
    found = await crowd.service.cell_keys.all(reader, crowd.c, 0)
    head = RosterHead.parse(found.head)
    lines = {
        one.cell_id: one
        for at in range(0, len(found.lines), CELL_LINE_BYTES)
        for one in [CellLine.read(Reader(found.lines[at : at + CELL_LINE_BYTES], "S4"))]
    }
    assert lines.keys() == cells.keys()
    assert len(found.keys) == 2
    for item in found.keys:
        assert item.seal is None
        record = CellKey.parse(item.record)
        proof = Reader(item.author_proof, "S4")
        leaf = Leaf.read(proof)
        assert climb(leaf_hash(leaf.encode()), proof) == lines[record.cell_id].root
        author = crowd.world.registry.devices[record.author]
        key = public_bytes(author.signer)
        record.check_usable(head, (leaf, lines[record.cell_id]), key, crowd.world.clock.at)
    crowd.world.clock.at += COMMITTED_MS
    newer = await crowd.service.cell_keys.all(reader, crowd.c, found.version)
    assert len(newer.keys) == 2  # Their transactions might have committed after the first answer.
    last = await crowd.service.cell_keys.all(reader, crowd.c, newer.version)
    assert last.keys == []
    crowd.world.clock.at -= MINUTE_MS
    assert (await crowd.service.cell_keys.all(reader, crowd.c, last.version)).keys != []
    crowd.world.clock.at += MINUTE_MS
    # A removal in a cell makes its key unusable, that of another does not.
    (first, own), *_ = cells.items()
    await crowd.world.revoke(own[1])
    left = await crowd.service.cell_keys.all(reader, crowd.c, 0)
    assert {CellKey.parse(one.record).cell_id for one in left.keys} == {list(cells)[1]}
    crowd.world.clock.at += 7 * DAY_MS
    assert (await crowd.service.cell_keys.all(reader, crowd.c, 0)).keys == []
    assert first != list(cells)[1]


@pytest.mark.parametrize("kem", [X25519, XWING])
async def test_d2_a_key_of_several_cells_is_sealed_to_cells_alone(
    database: Database, kem: int
) -> None:
    crowd = await Crowd.of(world_of(database, kem))
    (cell, own), (second, others), (open_cell, rest) = (await crowd.cells()).items()
    made = [await crowd.make(own[0], cell, own), await crowd.make(others[0], second, others)]
    records = [record for record, _ in made]
    author, head = own[0], await crowd.talk.head(own[0])
    post = crowd.service.keys.submit
    direct = author.post_key(head, [*records, *keys_of(rest)])
    foreign = replace(records[1], cell_id=open_cell).signed(others[0].signer)
    unknown = author.post_key(head, [records[0], foreign])
    without_own = author.post_key(head, [records[1]])
    for bad in (direct, unknown, without_own):
        with pytest.raises(errors.SealsInvalid):
            await post(author.caller, crowd.c, bad)
    accepted = await post(author.caller, crowd.c, author.post_key(head, records))
    key_id = bytes.fromhex(accepted.key_id)
    for cell_devices, (record, secret) in zip((own, others), made, strict=True):
        found = await crowd.service.keys.read(cell_devices[1].caller, crowd.c, key_id)
        assert found.key is not None
        assert found.key.seal is not None
        seal = parse_seal(kem, found.key.seal, "R6")
        assert seal.key_id == record.key_id()
        opened = open_conversation_key(
            ConversationKey.parse(found.key.record),
            seal,
            kem,
            record.key_id(),
            cell_private_key(record, secret),
        )
        assert opened == author.secrets[key_id]
    pending = await crowd.service.keys.read(rest[1].caller, crowd.c, key_id)
    assert pending.key is not None
    assert pending.key.seal is None


async def test_c2_marks_of_three_people_ask_for_another_key(crowd: Crowd) -> None:
    cell, own = max((await crowd.cells()).items(), key=lambda one: len(one[1]))
    record, _ = await crowd.make(own[0], cell, own)
    mark = wire.FlagCellKey(key_id=SealKeyId(record.key_id().hex()))
    cell_keys, world = crowd.service.cell_keys, crowd.world
    second = world.registry.register(own[0].caller.person_id)
    await world.devices_changed(second)
    world.wakeups.clear()
    for one in (own[0], own[0], own[1]):
        await cell_keys.flag(one.caller, crowd.c, mark)
    assert world.told(CellKeyFlaggedWakeup) == []
    await cell_keys.flag(own[2].caller, crowd.c, mark)
    (told,) = world.told(CellKeyFlaggedWakeup)
    assert told.cell_id == cell.hex()
    outside = next(one for one in crowd.people if one not in own)
    with pytest.raises(errors.NotFound):
        await cell_keys.flag(outside.caller, crowd.c, mark)
    unknown = wire.FlagCellKey(key_id=SealKeyId(secrets.token_hex(16)))
    with pytest.raises(errors.NotFound):
        await cell_keys.flag(own[0].caller, crowd.c, unknown)
