"""A force is what registration and the roster authority would have made, and is made once."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from bench.force import caching
from bench.force.conversations import Prepared
from bench.force.encapsulated import Encapsulations, encapsulations
from bench.force.sealing import sealed_to
from copconnect.auth_service.keys.authority import CertificateAuthority
from copconnect.records.conversation.cell_key import CellKey
from copconnect.records.conversation.roster import RosterHead
from copconnect.records.conversation.seals import parse_seals
from copconnect.records.primitives.kem import XWING, seal_bytes
from copconnect.records.trust.confirmed import How, confirmed
from copconnect.records.trust.device import Certificate
from copconnect.records.trust.device_key import DeviceKey
from copconnect.records.trust.person_card import PersonCard
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.records.trust.trust import Trust
from copconnect.sealing import hpke
from copconnect.sealing.keys import cell_private_key, check_cell_secret, open_cell_key
from tests.bench.conftest import CELL_SIZE, PEOPLE


def test_every_device_is_confirmed_by_what_the_database_holds(prepared: Prepared) -> None:
    force = prepared.force
    ca = CertificateAuthority(force.folder / "keys")
    trust = Trust(ca.root_key, ca.departments)
    with closing(sqlite3.connect(force.database)) as database:

        def records(column: str, table: str) -> list[bytes]:
            return [row[0] for row in database.execute(f"SELECT {column} FROM {table}")]

        for der in records("certificate", "auth_certificates"):
            trust.add_certificate(Certificate.parse(der, tuple(ca.issuing_keys)))
        for record in records("record", "auth_person_devices"):
            trust.add_person_devices(PersonDevices.parse(record))
        for record in records("record", "auth_person_cards"):
            trust.add_card(PersonCard.parse(record))
        keys = [DeviceKey.parse(one) for one in records("record", "auth_device_keys")]
    by_device = {one.device: one for one in keys}
    assert len(force.devices) == len(trust.cards) == PEOPLE
    for one in force.devices:
        at = by_device[one.device].created
        found = confirmed(trust, one.device, at)
        assert (found.how, found.person_id.hex()) == (How.NOT_APPROVED, one.person_id)
        by_device[one.device].check(one.device, found.public_key, XWING)
        assert by_device[one.device].key_id() == one.key_id
        assert by_device[one.device].pk == hpke.public_bytes(XWING, one.hpke_seed)


def test_every_member_opens_its_cells_key(prepared: Prepared) -> None:
    (conversation,) = prepared.conversations
    head = RosterHead.parse(conversation.head)
    assert head.devices == conversation.devices == PEOPLE
    assert [len(cell.members) for cell in conversation.cells] == [CELL_SIZE] * 3
    with closing(sqlite3.connect(prepared.database)) as database:
        rows = {
            row[0]: row[1:]
            for row in database.execute("SELECT key_id, record, seals FROM cell_keys")
        }
    for cell in conversation.cells:
        record, seals = CellKey.parse(rows[cell.key_id][0]), rows[cell.key_id][1]
        check_cell_secret(record, cell.secret)
        by_key = {one.key_id: one for one in parse_seals(XWING, seals, "S3", CELL_SIZE)}
        for member in cell.members:
            device = prepared.force.devices[member]
            own = hpke.private_key(XWING, device.hpke_seed)
            assert open_cell_key(record, by_key[device.key_id], device.key_id, own) == cell.secret
        assert cell_private_key(record, cell.secret)


def test_seals_of_encapsulations_open(prepared: Prepared) -> None:
    """Each device opens what was sealed to it, with the product's own code."""
    made = Encapsulations(encapsulations(prepared.force))
    info, secret = b"of a record", os.urandom(32)
    for device in prepared.force.devices:
        sealed = made.seal(device.key_id, info, secret)
        assert sealed is not None
        assert len(sealed) == seal_bytes(XWING) - len(device.key_id)
        own = hpke.private_key(XWING, device.hpke_seed)
        assert hpke.open_sealed(XWING, own, info, sealed, "C2") == secret
        assert made.opened(device.key_id, info, sealed) == secret
        assert made.opened(device.key_id, b"of another", sealed) is None
    another = hpke.seal(XWING, hpke.public_bytes(XWING, device.hpke_seed), info, secret, "S3")
    assert made.opened(device.key_id, info, another) is None
    assert made.seal(bytes(16), info, secret) is None


def test_it_is_made_once(prepared: Prepared) -> None:
    cache = prepared.force.folder.parent
    made = (prepared.force.folder / "made").stat().st_mtime_ns
    again = caching.force(cache, PEOPLE)
    assert again.devices == prepared.force.devices
    assert (again.folder / "made").stat().st_mtime_ns == made


def test_what_is_old_or_interrupted_is_made_anew_and_nothing_else_is_lost(tmp_path: Path) -> None:
    made: list[Path] = []

    async def make(folder: Path) -> None:
        made.append(folder)
        (folder / caching.DATABASE).touch()

    def names() -> set[str]:
        return {one.name for one in tmp_path.iterdir()}

    first = caching.kept(tmp_path, "force-1", make)
    (tmp_path / "force-1-making").mkdir()  # As a run that was interrupted leaves it.
    (tmp_path / "force-1-of-another-name").mkdir()
    (tmp_path / "force-1-0123456789ab").mkdir()  # A folder of another version.
    assert caching.kept(tmp_path, "force-1", make) == first
    assert len(made) == 1
    os.utime(first / "made", (0, 0))
    assert caching.kept(tmp_path, "force-1", make) == first
    assert len(made) == 2
    assert names() == {first.name, "force-1-of-another-name"}


def test_seals_go_to_the_devices_that_are_named(prepared: Prepared) -> None:
    devices = prepared.force.devices[:3]
    sealed = sealed_to(b"s" * 32, lambda key_id: b"info" + key_id, devices)
    assert len(sealed) == 3 * seal_bytes(XWING)
    for one in parse_seals(XWING, sealed, "S3", 3):
        (owner,) = [device for device in devices if device.key_id == one.key_id]
        own = hpke.private_key(XWING, owner.hpke_seed)
        info = b"info" + one.key_id
        assert hpke.open_sealed(XWING, own, info, one.sealed, "S3") == b"s" * 32
