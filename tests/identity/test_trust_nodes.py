"""Facts on which several nodes and several requests at once must agree: devices, records,
verdicts."""

import asyncio
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, insert, select

from copconnect import wire
from copconnect.auth_service.keys import authority, department_files
from copconnect.auth_service.keys.key_files import AuthorityMissing
from copconnect.database.engine import METADATA, Database
from copconnect.ids import new_id
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.department import Department, Policy
from copconnect.records.trust.endorsement import Endorsement
from copconnect.records.trust.incarnation import Incarnation
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.settings import Settings
from tests.harness.operator import OPERATOR
from tests.identity.approved import ADMIN, OWN, Force
from tests.identity.running import (
    PATROL,
    SHO,
    START_MS,
    WRITER,
    Device,
    MovedClock,
    Running,
    run,
    synthetic_bank,
)
from tests.identity.signing import (
    confirmed,
    device_key,
    endorse,
    endorsement,
    listed,
    put_keys,
    revocation,
    revoke,
    root_key,
)

pytestmark = pytest.mark.databases("sqlite")


async def test_another_node_lets_a_device_in_when_it_is_confirmed(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho = await approving.device(SHO)
    async with run(approving.container.settings, clock) as other:
        assert (await other.people(sho)).status_code == 403  # Remembered there.
        await endorse(approving, force.admin, endorsement(approving, sho, force.admin, ADMIN))
        await other.container.wakeup_log.poll()
        assert (await other.people(sho)).status_code == 200
        # Records of the admin that the other node had read are not used for anything newer.
        (bundle,) = [
            one
            for one in (await other.trust_of(sho, sho.person_id)).people
            if one.person_id == sho.person_id
        ]
        assert len(bundle.endorsements) == 1
        record = revocation(approving, sho, force.admin)
        assert (await revoke(approving, force.admin, record)).is_success
        (bundle,) = [
            one
            for one in (await other.trust_of(force.admin, sho.person_id)).people
            if one.person_id == sho.person_id
        ]
        assert bundle.revocations == [record.encode()]


@pytest.mark.databases("sqlite", "postgresql")
async def test_devices_that_register_at_once_stand_in_one_chain(
    settings: Settings, clock: MovedClock
) -> None:
    async with run(settings, clock) as first, run(settings, clock) as second:
        await first.container.editor.import_bank(OPERATOR, synthetic_bank())
        tickets = [(await first.step(SHO))["ticket"] for _ in range(4)]
        nodes = [first, second, first, second]
        answers = await asyncio.gather(
            *(
                node.certify(ticket, Ed25519PrivateKey.generate(), new_id())
                for node, ticket in zip(nodes, tickets, strict=True)
            )
        )
        assert {answer.status_code for answer in answers} == {200}
        devices = {bytes.fromhex(answer.json()["device"]) for answer in answers}
        asker = await first.device(PATROL)
        person_id = answers[0].json()["personId"]
        (bundle,) = (await second.trust_of(asker, person_id)).people
        chain = [PersonDevices.parse(one) for one in bundle.devices]
        assert [one.number for one in chain] == [1, 2, 3, 4]
        for former, record in pairwise(chain):
            record.check_follows(former)
        assert set(chain[-1].devices) == devices


@pytest.mark.databases("sqlite", "postgresql")
async def test_of_an_endorsement_and_a_revocation_at_once_neither_leaves_a_ghost(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    """The endorser is lost while it endorses: listed is what members confirm too."""
    first = await approving.device(SHO)
    await endorse(approving, force.admin, endorsement(approving, first, force.admin, ADMIN))
    second = await approving.device(SHO)
    clock.ms += 1000
    made = endorsement(approving, second, first, OWN)
    lost = revocation(approving, first, force.admin, lost_at=clock.ms - 500)
    async with run(approving.container.settings, clock) as other:
        answers = await asyncio.gather(
            endorse(approving, first, made), revoke(other, force.admin, lost)
        )
    assert answers[1].is_success
    found = await listed(approving, second)
    assert found == set()  # Made after the loss: it does not stand, whichever came first.
    assert await confirmed(approving, second) == "no"


@pytest.mark.databases("sqlite", "postgresql")
async def test_an_endorsement_that_is_sent_many_times_at_once_is_stored_once(
    approving: Running, force: Force
) -> None:
    sho = await approving.device(SHO)
    made = endorsement(approving, sho, force.admin, ADMIN)
    answers = await asyncio.gather(*(endorse(approving, force.admin, made) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {204}
    people = (await approving.trust_of(sho, sho.person_id)).people
    (bundle,) = [one for one in people if one.person_id == sho.person_id]
    assert [Endorsement.parse(one) for one in bundle.endorsements] == [made]


@pytest.mark.databases("sqlite", "postgresql")
async def test_device_keys_that_are_put_at_once_leave_one_newest(running: Running) -> None:
    sho = await running.device(SHO)
    keys = [device_key(running, sho, generation) for generation in range(1, 6)]
    answers = await asyncio.gather(*(put_keys(running, sho, key) for key in keys))
    assert {answer.status_code for answer in answers} <= {204, 400}
    (bundle,) = (await running.trust_of(sho, sho.person_id, keys=True)).people
    assert len(bundle.keys) == 1
    assert bundle.keys[0] in [key.encode() for key in keys]


async def test_a_rolled_back_transaction_leaves_nothing_remembered(running: Running) -> None:
    sho = await running.device(SHO)
    await running.trust_of(sho, sho.person_id)
    rosters: Any = running.container.rosters
    told, key = rosters.devices_changed, Ed25519PrivateKey.generate()
    ticket = (await running.step(SHO))["ticket"]

    async def failing(*_: Any, **__: Any) -> Any:
        raise OSError("the disk is gone")

    rosters.devices_changed = failing
    first = (await running.step(PATROL))["ticket"]
    failed = await running.certify(first, Ed25519PrivateKey.generate(), new_id())
    assert failed.status_code == 500
    rosters.devices_changed = told
    assert (await running.certify(first, key, new_id())).status_code == 200
    assert (await running.certify(ticket, Ed25519PrivateKey.generate(), new_id())).is_success
    patrol = await running.people(sho, text=PATROL)
    person_id = patrol.json()["people"][0]["personId"]
    (bundle,) = (await running.trust_of(sho, person_id)).people
    devices = PersonDevices.parse(bundle.devices[-1]).devices
    assert len(devices) == len(bundle.devices) == 1  # The one that failed left nothing.


async def test_a_node_with_another_record_of_the_same_number_does_not_start(
    settings: Settings, clock: MovedClock, tmp_path: Path
) -> None:
    async with run(settings, clock) as server:
        assert server.container.authority.departments[0].number == 1
    other = tmp_path / "other"
    authority.create(other / "keys", "Other Police", START_MS, Policy.NONE, XWING)
    with pytest.raises(AuthorityMissing, match="department record 1"):
        async with run(msgspec.structs.replace(settings, data_dir=other), clock):
            pass


async def test_a_node_with_an_older_copy_of_the_keys_serves_the_newest_record(
    approving: Running, clock: MovedClock, tmp_path: Path
) -> None:
    settings = approving.container.settings
    older = tmp_path / "older"
    shutil.copytree(settings.data_dir / "keys", older / "keys")
    clock.ms += 1000
    department_files.write_next(
        settings.data_dir / "keys", root_key(approving), clock.ms, admins=[b"a" * 32]
    )
    async with run(settings, clock) as newer:
        assert len((await newer.get("/v1/trust")).json()["departments"]) == 2
    async with run(msgspec.structs.replace(settings, data_dir=older), clock) as node:
        trust = (await node.get("/v1/trust")).json()
        assert len(trust["departments"]) == 2


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_backup_that_is_restored_twice_repeats_no_number(
    running: Running, settings: Settings, clock: MovedClock
) -> None:
    sho, patrol = await running.device(SHO), await running.device(PATROL)
    await put_keys(running, sho, device_key(running, sho, 1))
    seen = await _seen(running, patrol, sho.person_id)
    database = running.container.database
    backup = await _backup(database)
    for restore in range(1, 3):
        await _restore(database, backup)
        clock.ms += 1000
        async with run(settings, clock) as running:
            begun = await running.container.auth.begin_incarnation(OPERATOR)
            assert begun == (clock.ms, 2)
            now = await _seen(running, patrol, sho.person_id)
            _check_newer(now, seen, clock.ms)
            # Devices continue: the next record follows.
            await put_keys(running, sho, device_key(running, sho, 1 + restore))
            late = await running.device(WRITER)
            seen = await _seen(running, patrol, sho.person_id)
            assert seen.people[True].keys != now.people[True].keys
            (bundle,) = (await running.trust_of(late, late.person_id)).people
            assert PersonDevices.parse(bundle.devices[-1]).number == clock.ms + 1
            assert PersonCard.parse(bundle.cards[-1]).number == clock.ms + 1
            second = await running.device(SHO)
            (bundle,) = (await running.trust_of(patrol, sho.person_id)).people
            newest = PersonDevices.parse(bundle.devices[-1])
            newest.check_follows(now.devices)
            assert newest.devices == (sho.device, second.device)
            assert await listed(running, sho) == {sho.device}


Rows = dict[str, list[dict[str, Any]]]


async def _backup(database: Database) -> Rows:
    async with database.reading() as connection:
        return {
            table.name: [dict(row) for row in (await connection.execute(select(table))).mappings()]
            for table in METADATA.sorted_tables
            if table.name.startswith("auth_")
        }


async def _restore(database: Database, backup: Rows) -> None:
    async with database.transaction() as connection:
        for name, rows in backup.items():
            await connection.execute(delete(METADATA.tables[name]))
            if rows:
                await connection.execute(insert(METADATA.tables[name]), rows)


class _Seen(NamedTuple):
    """All that a device compares by number. ``people``: the answers without and with keys."""

    trust: wire.Trust
    people: dict[bool, wire.PersonTrust]

    @property
    def devices(self) -> PersonDevices:
        return PersonDevices.parse(self.people[False].devices[-1])

    @property
    def card(self) -> PersonCard:
        return PersonCard.parse(self.people[False].cards[-1])


async def _seen(running: Running, by: Device, person: str) -> _Seen:
    trust = msgspec.json.decode((await running.get("/v1/trust")).content, type=wire.Trust)
    answers = {keys: await running.trust_of(by, person, keys=keys) for keys in (False, True)}
    return _Seen(trust, {keys: one.people[0] for keys, one in answers.items()})


def _check_newer(now: _Seen, before: _Seen, number: int) -> None:
    record = Incarnation.parse(now.trust.incarnation or b"")
    record.verify(Department.parse(now.trust.departments[-1]).authority)
    assert (record.number, record.created) == (number, number)
    assert now.trust.version > before.trust.version
    now.devices.check_follows(before.devices)
    assert now.devices.number == now.card.number == number
    assert (now.card.number, now.card.created) > (before.card.number, before.card.created)
    assert (now.card.names, now.card.path) == (before.card.names, before.card.path)


async def test_a_node_without_the_newest_issuing_ca_unlists_nobody(
    approving: Running, force: Force, clock: MovedClock, tmp_path: Path
) -> None:
    keys = approving.container.settings.data_dir / "keys"
    shutil.copytree(keys, tmp_path / "older" / "keys")
    authority.next_issuing(keys, keys / authority.ROOT_KEY, clock.ms)
    older = msgspec.structs.replace(approving.container.settings, data_dir=tmp_path / "older")
    async with run(approving.container.settings, clock) as newer, run(older, clock) as node:
        sho = await newer.device(SHO)
        made = endorsement(approving, sho, force.admin, ADMIN)
        refused = await endorse(node, force.admin, made)
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert (await endorse(newer, force.admin, made)).is_success
        assert await listed(newer, sho, force.admin) == {sho.device, force.admin.device}
