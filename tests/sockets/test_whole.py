"""Live connections over the real Delivery Service: pushed messages open and can be checked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from copconnect import wire
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.live.key_asking import CELL_AGAIN_MS
from copconnect.ids import ConversationId, DeviceId
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.roster import LEAF_BYTES, RosterHead, check_proof
from copconnect.records.conversation.seals import join_seals, parse_seal
from copconnect.records.primitives.kem import X25519
from copconnect.sealing import hpke
from copconnect.sealing.keys import (
    cell_private_key,
    make_cell_key,
    new_secret,
    open_cell_key,
    open_conversation_key,
    seal_secret,
)
from copconnect.sealing.shares import make_share
from tests.contract.delivery_world import World
from tests.contract.device import Device, Talk, head_of, keys_of
from tests.sockets.live_world import LiveClient, Served

pytestmark = pytest.mark.databases("sqlite")


class Whole(World):
    """A world whose devices may connect, and are asked."""

    def serve(self) -> Served:
        """Return its live connections."""
        served = Served(self.service.feed, self.bus, self.clock)
        self.served = served
        self.service.asking.attach(served.sockets.fanout)
        self.bus.subscribe(self.service.asking.receive)
        return served

    def officer(self, person_id: str | None = None) -> Device:
        """Register a device."""
        device = self.registry.register(person_id)
        self.served.tokens.callers[device.caller.client_id] = device.caller
        return device

    def online(self, device: Device) -> LiveClient:
        """Connect a device."""
        return self.served.client(device.caller)


@asynccontextmanager
async def serving(database: Database, **options: Any) -> AsyncIterator[Whole]:
    world = Whole(database, Options(kem=X25519, **options))
    async with world.serve().serving():
        yield world


@pytest.fixture
async def world(database: Database) -> AsyncIterator[Whole]:
    async with serving(database) as made:
        yield made


def opened(device: Device, frame: wire.KeyFrame) -> bytes:
    """Open a pushed key; return its id."""
    return device.open_key(wire.KeyItem(record=frame.record, seal=frame.seal))


async def test_a_pushed_key_opens_the_pushed_message(world: Whole) -> None:
    a, b = world.officer(), world.officer()
    made = await world.group(a, [b])
    talk = Talk(world.service, made.conversation_id)
    async with world.online(b) as bob:
        key_id = await talk.begin(a, [b])
        b.secrets.clear()
        assert opened(b, await bob.key_frame()) == key_id
        await talk.say(a, key_id, b"hello")
        frame = await bob.entry_frame()
        assert b.open_message(frame.entry) == b"hello"
        assert frame.supplement is not None
        (head,) = (RosterHead.parse(one) for one in frame.supplement.heads)
        (proof,) = frame.supplement.proofs
        assert check_proof(head, a.device, proof.proof, "R2")[0].may_send
        await talk.say(a, key_id, b"again")
        assert (await bob.entry_frame()).supplement is None


async def test_who_comes_back_is_sent_keys_and_messages_from_memory(world: Whole) -> None:
    a, b, c = world.officer(), world.officer(), world.officer()
    made = await world.group(a, [b, c])
    here = made.conversation_id
    talk = Talk(world.service, here)
    async with world.online(a):
        await talk.say(a, await talk.begin(a, [b, c]), b"one")
        await world.change(a.caller, made, remove=[c])  # So that a key is due.
        await talk.say(a, await talk.begin(a, [b]), b"two")
        b.secrets.clear()
        async with world.served.client(b.caller, {here: 0}) as bob:
            assert [one.follows for one in bob.ready.heads] == [True]
            for text in (b"one", b"two"):
                opened(b, await bob.key_frame())
                assert b.open_message(await bob.entry()) == text


async def test_listed_then_removed_while_connected(world: Whole) -> None:
    a, b, c = world.officer(), world.officer(), world.officer()
    made = await world.group(a, [b])
    here = made.conversation_id
    talk = Talk(world.service, here)
    async with world.online(c) as carol, world.online(b) as bob:
        shown = await world.change(a.caller, made, add=[c])
        assert await carol.next() == wire.ConversationFrame(conversation_id=here)
        frames = [await bob.next(), await bob.next()]
        assert wire.RosterFrame(conversation_id=here, epoch=head_of(shown).epoch) in frames  # type: ignore[arg-type]
        await talk.say(a, await talk.begin(a, [b, c]))
        await world.change(a.caller, made, remove=[c])
        seen = [await carol.next()]
        while not isinstance(seen[-1], wire.ConversationGone):
            seen.append(await carol.next())
        assert {type(one) for one in seen} <= {
            wire.ConversationFrame,
            wire.ConversationGone,
            wire.KeyFrame,
            wire.EntryFrame,
        }
        await talk.say(a, await talk.begin(a, [b]))
        await carol.nothing()


async def test_d4_a_second_phone_gets_its_share_from_the_first(world: Whole) -> None:
    a, b = world.officer(), world.officer()
    made = await world.group(a, [b])
    here = made.conversation_id
    talk = Talk(world.service, here)
    key_id = await talk.begin(a, [b])
    await talk.say(a, key_id, b"of before")
    second = world.officer(b.caller.person_id)
    async with world.online(b) as first, world.online(second) as phone:
        await world.devices_changed(second)
        assert await phone.next() == wire.ConversationFrame(conversation_id=here)
        reference = wire.ShareReference(kind=1, reference=key_id[:16].hex())
        request = wire.ShareRequest(references=[reference])
        await world.service.shares.ask(second.caller, here, request)
        await world.service.asking.work()
        wanted = await first.next()
        while not isinstance(wanted, wire.ShareWanted):
            wanted = await first.next()
        # The first phone proves the second under the newest head and shares (H1 to H3).
        head = RosterHead.parse(wanted.head)
        (asker,) = wanted.askers
        check_proof(head, second.device, asker.proof, "H1")
        assert second.key is not None
        assert asker.keys == [second.key.encode()]
        assert wanted.references == [reference]
        found = await world.service.keys.read(b.caller, here, key_id)
        assert found.key is not None
        record = ConversationKey.parse(found.key.record)
        secrets = [(record, b.secrets[key_id])]
        share = make_share(bytes.fromhex(here), second.key, secrets).encode()
        posted = wire.DeviceShare(device=DeviceId(second.device.hex()), share=share)
        await world.service.shares.submit(b.caller, here, wire.SubmitShares(shares=[posted]))
        frame = await phone.next()
        assert frame == wire.ShareFrame(conversation_id=here, share=share)
        await world.service.shares.done(second.caller, here, request)
        assert len(world.service.asking.shares) == 0


async def test_c1_each_cell_makes_its_key_and_the_conversation_key_comes_by_it(
    database: Database,
) -> None:
    async with serving(database, cell_size=8, roster_batch_ms=0) as world:
        officers = [world.officer() for _ in range(10)]
        made = await world.group(officers[0], officers[1:])
        assert made.cells == 2
        here = made.conversation_id
        clients = [world.online(one) for one in officers]
        for client in clients:
            await client.__aenter__()
        try:
            secrets, records = await cell_keys(world, here, officers, clients)
            head = head_of(made)
            secret = officers[0].post_key(head, list(records.values()))
            await world.service.keys.submit(officers[0].caller, here, secret)
            for device, client in zip(officers, clients, strict=True):
                frame = await client.key_frame()
                assert frame.seal is not None
                record = ConversationKey.parse(frame.record)
                seal = parse_seal(X25519, frame.seal, "R6")
                cell_key = next(one for one in records.values() if one.key_id() == seal.key_id)
                c = secrets[device.device, cell_key.cell_id]
                private = cell_private_key(cell_key, c)
                open_conversation_key(record, seal, X25519, cell_key.key_id(), private)
        finally:
            for client in clients:
                await client.__aexit__(None, None, None)


async def cell_keys(
    world: Whole,
    here: ConversationId,
    officers: list[Device],
    clients: list[LiveClient],
) -> tuple[dict[tuple[bytes, bytes], bytes], dict[bytes, CellKey]]:
    """Let the server ask for the keys of both cells, make them, and open them as they come; return
    C by device and cell, and the records by cell."""
    asking, by_client = world.service.asking, dict(zip(clients, officers, strict=True))
    world.clock.at += CELL_AGAIN_MS
    await asking.work()
    opened_by: dict[tuple[bytes, bytes], bytes] = {}
    records: dict[bytes, CellKey] = {}
    for client in clients:
        try:
            wanted = await client.next(0.3)
        except TimeoutError:
            continue
        assert isinstance(wanted, wire.CellKeyWanted), wanted
        author = by_client[client]
        own = await world.service.rosters.cell(author.caller, here, None)
        head = RosterHead.parse(own.head)
        devices = [own.leaves[at + 32 : at + 64] for at in range(0, len(own.leaves), LEAF_BYTES)]
        secret = new_secret()
        record = make_cell_key(
            secret,
            author.signer,
            head=head,
            cell_id=bytes.fromhex(wanted.cell_id),
            generation=wanted.generation,
            author=author.device,
            now=world.clock.at,
        )
        there = [one for one in officers if one.device in devices]
        seals = join_seals(seal_secret(record, secret, to) for to in keys_of(there))
        body = wire.SubmitCellKey(record=record.encode(), seals=seals, left_out=[])
        await world.service.cell_keys.submit(author.caller, here, body)
        records[record.cell_id] = record
        for device, listener in zip(officers, clients, strict=True):
            if device not in there:
                continue
            frame = await listener.next()
            assert isinstance(frame, wire.CellKeyFrame)
            assert frame.seal is not None
            assert device.key is not None
            private = hpke.private_key(X25519, device.seed)
            seal = parse_seal(X25519, frame.seal, "C2")
            c = open_cell_key(CellKey.parse(frame.record), seal, device.key.key_id(), private)
            assert c == secret
            opened_by[device.device, record.cell_id] = c
    return opened_by, records


async def test_a_key_that_was_not_announced_heals(world: Whole) -> None:
    a, b = world.officer(), world.officer()
    made = await world.group(a, [b])
    talk = Talk(world.service, made.conversation_id)
    key_id = await talk.begin(a, [b])
    b.secrets.clear()
    async with world.online(b) as bob:
        await world.served.sockets.fanout.reconcile()
        assert opened(b, await bob.key_frame()) == key_id
