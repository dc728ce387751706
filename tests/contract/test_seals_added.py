"""S9: seals that members add to a conversation key when the server asks them."""

from collections.abc import Sequence

import pytest

from copconnect import errors, wire
from copconnect.bus import CellKeyFlaggedWakeup, LateSealsWakeup
from copconnect.database.engine import Database
from copconnect.delivery.dependencies import Options
from copconnect.delivery.live import ask_store
from copconnect.delivery.live.ask_store import SealAsk
from copconnect.ids import KeyId, SealKeyId
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.conversation_key import ConversationKey
from copconnect.records.conversation.seals import join_seals, parse_seal
from copconnect.records.primitives.kem import X25519, XWING
from copconnect.sealing.keys import (
    cell_private_key,
    make_conversation_key,
    make_device_key,
    new_secret,
    open_conversation_key,
    seal_secret,
)
from tests.contract.device import Device, Talk
from tests.contract.test_cell_keys import Crowd, world_of


class Late:
    """A crowd whose key is sealed to its author's cell alone; another cell's key came later."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.service = crowd.service

    async def fill(self) -> "Late":
        """Make the keys."""
        crowd = self.crowd
        (first, own), (second, others), *_ = (await crowd.cells()).items()
        self.holder, self.own, self.others = own[0], own, others
        cell_key, _ = await crowd.make(own[0], first, own)
        head, self.secret = await crowd.talk.head(self.holder), new_secret()
        self.record = make_conversation_key(
            self.secret,
            self.holder.signer,
            head=head,
            author=self.holder.device,
            now=crowd.world.clock.at,
        )
        body = wire.SubmitKey(
            record=self.record.encode(),
            seals=join_seals([seal_secret(self.record, self.secret, cell_key)]),
            left_out=[],
        )
        await self.service.keys.submit(self.holder.caller, crowd.c, body)
        self.later, self.later_secret = await crowd.make(others[0], second, others)
        return self

    async def ask(self, device: Device, *cell_keys: CellKey) -> None:
        """Ask a device, as the sockets do."""
        asks = [
            SealAsk(self.crowd.c, self.record.hash(), one.key_id(), device.device)
            for one in cell_keys
        ]
        async with self.crowd.world.database.transaction() as connection:
            await ask_store.record_seal_asks(connection, asks, self.crowd.world.clock.at, 0)

    def body(self, *cell_keys: CellKey, refused: Sequence[CellKey] = ()) -> wire.SubmitLateSeals:
        """Return seals to these cell keys."""
        return wire.SubmitLateSeals(
            key_id=KeyId(self.record.hash().hex()),
            seals=join_seals(seal_secret(self.record, self.secret, one) for one in cell_keys),
            refused=[SealKeyId(one.key_id().hex()) for one in refused],
        )

    async def read(self, device: Device) -> bytes | None:
        """Return the seal that a device is handed."""
        found = await self.crowd.service.keys.read(device.caller, self.crowd.c, self.record.hash())
        assert found.key is not None
        return found.key.seal


@pytest.fixture
async def late(database: Database) -> Late:
    return await Late(await Crowd.of(world_of(database))).fill()


@pytest.mark.databases("sqlite")
async def test_s9_a_late_seal_opens_for_the_devices_of_its_cell(late: Late) -> None:
    assert await late.read(late.others[1]) is None
    await late.ask(late.holder, late.later)
    late.crowd.world.wakeups.clear()
    for _ in range(2):  # D6.
        await late.service.late_seals.submit(
            late.holder.caller, late.crowd.c, late.body(late.later)
        )
    told = late.crowd.world.told(LateSealsWakeup)[0]
    assert list(told.seals) == [late.later.cell_id.hex()]
    for one in late.others:
        seal = await late.read(one)
        assert seal is not None
        private = cell_private_key(late.later, late.later_secret)
        parsed = parse_seal(X25519, seal, "R6")
        record = ConversationKey.parse(told.record)
        opened = open_conversation_key(record, parsed, X25519, late.later.key_id(), private)
        assert opened == late.secret


async def test_s9_a_device_that_starts_gets_no_share_of_a_key_that_is_sealed_to_its_cell_later(
    database: Database,
) -> None:
    """Units that move fill separate cells: each needs one seal in place of a share for each of
    its devices."""
    world = world_of(database)
    people = [world.registry.register() for _ in range(12)]
    made = await world.group(people[0], people[1:8], history_days=30)
    crowd = Crowd(world, Talk(world.service, made.conversation_id), people[:8])
    key_id = await crowd.begin(people[0])
    await crowd.talk.say(people[0], key_id, b"before they came")
    await world.change(people[0].caller, made, add=people[8:])
    newcomer, body = people[8], wire.StartConversation(entries=20)

    async def start() -> wire.Start:
        return await world.service.starting.start(newcomer.caller, crowd.c, body)

    began = await start()
    assert (began.asked, began.awaited) == ([], [KeyId(key_id.hex())])
    # The cell's key is there; its seal of the conversation key is still to come.
    crowd.people = people
    cell, own = next(one for one in (await crowd.cells()).items() if newcomer in one[1])
    await crowd.make(own[0], cell, own)
    assert (await start()).awaited == began.awaited
    # A removal: nobody adds seals to a former key, so the server asks for shares.
    await world.change(people[0].caller, made, remove=[people[5]])
    late = await start()
    assert [one.reference for one in late.asked] == [key_id[:16].hex()]
    assert late.awaited == []


async def test_s9_seals_of_devices_that_nobody_asked_are_refused(late: Late) -> None:
    with pytest.raises(errors.NotAsked):
        await late.service.late_seals.submit(
            late.holder.caller, late.crowd.c, late.body(late.later)
        )
    await late.ask(late.own[1], late.later)
    with pytest.raises(errors.NotAsked):
        await late.service.late_seals.submit(
            late.holder.caller, late.crowd.c, late.body(late.later)
        )
    await late.ask(late.holder)  # For another cell's key than it seals to.
    with pytest.raises(errors.NotAsked):
        await late.service.late_seals.submit(
            late.holder.caller, late.crowd.c, late.body(late.later)
        )
    assert await late.read(late.others[1]) is None


async def test_s9_no_seal_is_added_to_a_key_that_a_removal_made_old(late: Late) -> None:
    await late.ask(late.holder, late.later)
    await late.crowd.world.revoke(late.own[1])
    with pytest.raises(errors.StaleRecord):
        await late.service.late_seals.submit(
            late.holder.caller, late.crowd.c, late.body(late.later)
        )


async def test_s9_a_cell_key_that_a_helper_refuses_is_marked(late: Late) -> None:
    """By S4: three people have the cell make another (C2)."""
    helpers = [late.holder, *late.others[:2]]
    for one in helpers:
        await late.ask(one, late.later)
        await late.service.late_seals.submit(
            one.caller, late.crowd.c, late.body(refused=[late.later])
        )
    assert late.crowd.world.told(CellKeyFlaggedWakeup)


async def test_s9_after_a_rise_of_the_kem_seals_go_to_cell_keys_of_the_new_kem_alone(
    late: Late,
) -> None:
    """The head asks for X-Wing while the cells' keys are X25519's."""
    crowd, world = late.crowd, late.crowd.world
    world.options = Options(kem=XWING, cell_size=4)
    world.service = crowd.service = crowd.talk.service = world.node()
    for one in crowd.people:
        one.seed, one.kem = new_secret(), XWING
        one.key = make_device_key(
            XWING, one.seed, one.signer, device=one.device, generation=2, now=world.clock.at
        )
    leaving, cell = late.own[1], next(iter(await crowd.cells()))
    await world.revoke(leaving)
    own, head = [one for one in late.own if one != leaving], await crowd.talk.head(late.holder)
    assert (head.kem, head.rekey_epoch) == (XWING, head.epoch)
    assert (await crowd.service.cell_keys.all(late.holder.caller, crowd.c, 0)).keys == []
    post = crowd.service.keys.submit
    with pytest.raises(errors.SealsInvalid):
        await post(late.holder.caller, crowd.c, late.holder.post_key(head, [late.later]))
    mine, _ = await crowd.make(late.holder, cell, own)
    body = late.holder.post_key(head, [mine])
    accepted = await post(late.holder.caller, crowd.c, body)
    key_id = bytes.fromhex(accepted.key_id)
    late.record = ConversationKey.parse(body.record)
    late.secret = late.holder.secrets[key_id]
    await late.ask(late.holder, late.later)
    with pytest.raises((errors.StaleRecord, errors.SealsInvalid)):
        await crowd.service.late_seals.submit(late.holder.caller, crowd.c, late.body(late.later))
    assert await late.read(late.others[1]) is None
    risen, risen_secret = await crowd.make(late.others[0], late.later.cell_id, late.others)
    assert risen.kem == XWING
    await late.ask(late.holder, risen)
    await crowd.service.late_seals.submit(late.holder.caller, crowd.c, late.body(risen))
    for one in late.others:
        seal = await late.read(one)
        assert seal is not None
        private = cell_private_key(risen, risen_secret)
        parsed = parse_seal(XWING, seal, "R6")
        opened = open_conversation_key(late.record, parsed, XWING, risen.key_id(), private)
        assert opened == late.secret
