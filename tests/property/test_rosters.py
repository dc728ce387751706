"""Rosters under any run of changes: a model of who is listed, since when and with what rights, and
the chain of heads that the service signs. Bears D6, E2, R2 and docs/keys.md.

Each run makes random changes of one group (members, admins, who may send, devices, revocations),
then checks every head of the chain and proves every device under every epoch by a cold process.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from copconnect import wire
from copconnect.database.engine import Database, open_database
from copconnect.delivery.dependencies import Options
from copconnect.ids import ConversationId, DeviceId, Epoch
from copconnect.records.conversation.roster import Leaf, LeafRights, RosterHead, check_proof
from copconnect.records.primitives.kem import X25519
from tests.contract.delivery_world import DAY_MS, HOUR_MS, World
from tests.contract.device import Device, head_of
from tests.harness.fixtures import create_tables

STEPS = 40
_RECENT_MS = 26 * HOUR_MS
_KINDS = ("member", "member", "admin", "who_may_send", "device", "device", "revoke", "time")
Listed = dict[bytes, tuple[str, int, LeafRights]]


@dataclass
class Person:
    """The model's knowledge of a person."""

    first: Device
    devices: list[Device]
    belongs: bool = False
    admin: bool = False
    history_from: int = 0
    returned: bool = False

    @property
    def person_id(self) -> str:
        return self.first.caller.person_id


@dataclass
class Model:
    """The expected group, now and at each epoch."""

    world: World
    people: list[Person]
    admins_send: bool = False
    epochs: dict[int, Listed] = field(default_factory=dict)
    rekeyed: dict[int, int] = field(default_factory=dict)

    def listed(self) -> Listed:
        found: Listed = {}
        for one in self.people:
            rights = LeafRights.ADMINISTER if one.admin else LeafRights(0)
            if one.admin or not self.admins_send:
                rights |= LeafRights.SEND
            for device in one.devices if one.belongs else []:
                found[device.device] = one.person_id, one.history_from, rights
        return found

    def note(self, epoch: int) -> None:
        """Take down the roster of an epoch that follows the last one, or is it."""
        now, before = self.listed(), self.epochs.get(epoch - 1)
        if epoch in self.epochs:
            assert self.epochs[epoch] == now
            return
        assert before is not None
        self.epochs[epoch] = now
        newcomers = now.keys() - before.keys()
        recent = any(now[one][1] > self.world.clock.at - _RECENT_MS for one in newcomers)
        rekeys = bool(before.keys() - now.keys()) or recent
        self.rekeyed[epoch] = epoch if rekeys else self.rekeyed[epoch - 1]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'rosters.sqlite3'}"
    await create_tables(url)
    found = open_database(url)
    yield found
    await found.close()


async def step(model: Model, chance: random.Random, c: ConversationId) -> None:
    """Change something that may be changed."""
    world, boss = model.world, model.people[0].first.caller
    group = await world.service.conversations.conversation(boss, c)
    one = chance.choice(model.people[1:])
    match chance.choice(_KINDS):
        case "member" if not one.belongs:
            one.history_from = world.clock.at - (0 if one.returned else 30 * DAY_MS)
            one.belongs = True
            await world.change(boss, group, add=[one.first])
        case "member":
            one.belongs, one.admin, one.returned = False, False, True
            await world.change(boss, group, remove=[one.first])
        case "admin" if one.belongs:
            one.admin = not one.admin
            made, revoked = ([one.person_id], []) if one.admin else ([], [one.person_id])
            await world.change(boss, group, make_admin=made, revoke_admin=revoked)
        case "who_may_send":
            model.admins_send = not model.admins_send
            change = wire.ChangeWhoMaySend(
                who_may_send="admins" if model.admins_send else "everyone"
            )
            await world.service.conversations.change_who_may_send(boss, c, change)
        case "device" if len(one.devices) < 4:
            one.devices.append(world.registry.register(one.person_id))
            await world.devices_changed(one.first)
        case "revoke" if one.devices:
            gone = one.devices.pop(chance.randrange(len(one.devices)))
            del world.registry.devices[gone.device]
            await world.devices_changed(one.first, urgent=chance.random() < 0.5)
        case "time":
            world.clock.at += chance.choice((1, HOUR_MS, 30 * HOUR_MS, 10 * DAY_MS))
        case _:
            return


async def check(model: Model, c: ConversationId) -> None:
    """Check the chain of heads, and every device under every head, by a cold process."""
    cold, reader = model.world.node(), model.people[0].first.caller
    ever = sorted({one for listed in model.epochs.values() for one in listed})
    before: RosterHead | None = None
    cells: dict[bytes, bytes] = {}
    for epoch, listed in sorted(model.epochs.items()):
        asked = wire.AskProofs(epoch=Epoch(epoch), devices=[DeviceId(one.hex()) for one in ever])
        answer = await cold.rosters.proofs(reader, c, asked)
        head = RosterHead.parse(answer.head)
        head.check(model.world.authority.public_key, bytes.fromhex(c))
        if before is not None:
            head.check_follows(before)
        before = head
        assert (head.devices, head.rekey_epoch) == (len(listed), model.rekeyed[epoch]), epoch
        for device, proof in zip(ever, answer.proofs, strict=True):
            assert (proof is not None) == (device in listed)
            if proof is None:
                cells.pop(device, None)
                continue
            leaf, line = check_proof(head, device, proof, "R2")
            assert facts(leaf) == listed[device]
            assert cells.setdefault(device, leaf.cell_id) == leaf.cell_id  # C3: it never moves.
            assert line.devices <= 4


def facts(leaf: Leaf) -> tuple[str, int, LeafRights]:
    return leaf.person_id.hex(), leaf.history_from, leaf.rights


@pytest.mark.parametrize("seed", range(5))
async def test_any_run_of_changes_gives_the_rosters_of_the_model(
    database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    world = World(database, Options(kem=X25519, cell_size=4))
    devices = [world.registry.register() for _ in range(7)]
    people = [Person(one, [one]) for one in devices]
    made = await world.group(devices[0], devices[1:4], history_days=30)
    for one in people[:4]:
        one.belongs, one.history_from = True, world.clock.at - 30 * DAY_MS
    people[0].admin = True
    model = Model(world, people)
    model.epochs[1], model.rekeyed[1] = model.listed(), 1
    for _ in range(STEPS):
        await step(model, chance, made.conversation_id)
        shown = await world.service.conversations.conversation(
            devices[0].caller, made.conversation_id
        )
        model.note(head_of(shown).epoch)
        assert shown.members == sum(one.belongs for one in people)
        assert shown.unregistered == sum(one.belongs and not one.devices for one in people)
    assert len(model.epochs) > STEPS // 4
    await check(model, made.conversation_id)
