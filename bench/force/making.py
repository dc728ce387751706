"""A force for benchmarks: N people in the data bank, each with one registered device.

The data bank is imported as ever. Devices, certificates, PersonDevices, DeviceKeys and tokens are
made by as many processes as there are processors, signed by the department's real authorities, and
go in bulk into the tables that registration writes; the cards are signed by the server's own code.
The department's policy is "none", so every first device is confirmed. The files that a device keeps
for itself lie beside the database, for simulators.
"""

import secrets
from collections.abc import AsyncIterator, Iterator, Sequence, Set
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from bench.figures import say
from bench.force.device import Device
from bench.force.operator import OPERATOR
from bench.machine import pool
from copconnect.app import Container
from copconnect.auth_service import rules, tables
from copconnect.auth_service.keys import authority
from copconnect.auth_service.keys.authority import CertificateAuthority
from copconnect.clock import Clock, SystemClock
from copconnect.conduct.store import acceptances
from copconnect.database.engine import chunks
from copconnect.directory import databank
from copconnect.directory.databank import DataBank
from copconnect.ids import ClientId, PersonId, new_id
from copconnect.migrations import migrate
from copconnect.records.primitives.ed25519 import public_bytes
from copconnect.records.primitives.fields import DAY_MS, ZEROS
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.department import Policy
from copconnect.records.trust.device import device_id
from copconnect.records.trust.person_devices import PersonDevices
from copconnect.sealing.keys import make_device_key, new_secret
from copconnect.settings import Settings
from demo import synthetic

DEVICES = "devices.msgpack"
DATA_BANK_SEED = 1
_PART = 500
_SAID_EVERY = 10_000


class _Made(NamedTuple):
    """A device, and what the server keeps of it."""

    device: Device
    certificate: authority.IssuedCertificate
    person_devices: bytes
    device_key: bytes


def settings_of(folder: Path, **more: Any) -> Settings:
    """Return the settings under which forces are made and served."""
    return Settings(data_dir=folder, **more)


class Past:
    """The clock of some time ago."""

    def __init__(self, days: float) -> None:
        self._ago_ms = round(days * DAY_MS)

    def now_ms(self) -> int:
        """Return that time, which runs."""
        return SystemClock().now_ms() - self._ago_ms


@lru_cache(maxsize=1)
def data_bank(people: int) -> DataBank:
    """Return the data bank of a force of so many people, which nobody changes: to read it again
    takes half a second even for few. Raises RuntimeError for problems in it."""
    bank = databank.read(synthetic.write(people, DATA_BANK_SEED))
    if bank.problems:
        raise RuntimeError(f"the synthetic data bank has problems: {bank.problems[:3]}")
    return bank


@asynccontextmanager
async def opened(settings: Settings, clock: Clock) -> AsyncIterator[Container]:
    """Open the roles for making, by this clock."""
    container = Container(settings, clock=clock, serving=False)
    try:
        await migrate(container.database)
        yield container
    finally:
        await container.database.close()


async def make(
    folder: Path, members: int, days: float = 0, unregistered: Set[PersonId] = frozenset()
) -> None:
    """Make a force in an empty folder: ``keys/``, ``copconnect.sqlite3`` and the devices.

    ``days``: how long ago everybody registered, but people who never have; DeviceKeys are of today.
    """
    clock = Past(days)
    now_ms = clock.now_ms()
    authority.create(folder / "keys", "Benchmark Police", now_ms, Policy.NONE, XWING)
    bank = data_bank(members)
    people = [one.person_id for one in bank.people if one.person_id not in unregistered]
    devices: list[Device] = []
    async with opened(settings_of(folder), clock) as container:
        await container.auth.departments.start()
        await container.editor.import_bank(OPERATOR, bank)
        say(f"The data bank has {len(bank.people):,} people.")
        for part in _made(folder / "keys", people, now_ms):
            await _store(container, part, now_ms)
            devices += [one.device for one in part]
            if len(devices) % _SAID_EVERY == 0:
                say(f"{len(devices):,} devices are registered.")
        await container.auth.cards.follow()
        say("Every card is signed.")
    (folder / DEVICES).write_bytes(msgspec.msgpack.encode(devices))


# --- Records, signed by as many processes as there are processors --------------------------------

_authority: CertificateAuthority


def _made(keys: Path, people: Sequence[PersonId], now_ms: int) -> Iterator[list[_Made]]:
    days = Settings().certificate_days
    work = [(list(part), now_ms, days) for part in chunks(people, _PART)]
    yield from pool.shared_out(_make_part, work, len(people), _load_authority, (keys,))


def _load_authority(keys: Path) -> None:
    global _authority  # noqa: PLW0603 - one for each process of the pool.
    _authority = CertificateAuthority(keys)


def _make_part(work: tuple[Sequence[PersonId], int, int]) -> list[_Made]:
    people, now_ms, days = work
    return [_make_one(person_id, now_ms, days) for person_id in people]


def _make_one(person_id: PersonId, now_ms: int, days: int) -> _Made:
    seed, hpke_seed = secrets.token_bytes(32), new_secret()
    signer = Ed25519PrivateKey.from_private_bytes(seed)
    client_id, public_key = ClientId(new_id()), public_bytes(signer)
    person = bytes.fromhex(person_id)
    device = device_id(person, bytes.fromhex(client_id), public_key)
    today = SystemClock().now_ms()
    key = make_device_key(XWING, hpke_seed, signer, device=device, generation=1, now=today)
    listed = PersonDevices(
        person_id=person, number=1, previous=ZEROS, created=now_ms, devices=(device,)
    )
    return _Made(
        Device(
            person_id=person_id,
            client_id=client_id,
            device=device,
            token=secrets.token_urlsafe(32),
            seed=seed,
            hpke_seed=hpke_seed,
            key_id=key.key_id(),
        ),
        _authority.issue(person_id, client_id, public_key, now_ms, days),
        _authority.roster.signed(listed).encode(),
        key.encode(),
    )


# --- Rows ---------------------------------------------------------------------------------------


async def _store(container: Container, made: Sequence[_Made], now_ms: int) -> None:
    conduct = await container.conduct.current()
    async with container.database.transaction() as connection:
        for table, row in (
            (tables.people, _person),
            (tables.clients, _client),
            (tables.certificates, _certificate),
            (tables.person_devices, _person_devices),
            (tables.device_keys, _device_key),
            (tables.tokens, _token),
        ):
            await connection.execute(insert(table), [row(one, now_ms) for one in made])
        await connection.execute(
            insert(acceptances),
            [
                {
                    "person_id": one.device.person_id,
                    "version": conduct,
                    "language": "en",
                    "accepted_ms": now_ms,
                }
                for one in made
            ],
        )


def _person(one: _Made, _: int) -> dict[str, Any]:
    return {"person_id": one.device.person_id, "version": 1, "keys_version": 1}


def _client(one: _Made, now_ms: int) -> dict[str, Any]:
    return {
        "client_id": one.device.client_id,
        "person_id": one.device.person_id,
        "device": one.device.device,
        "public_key": public_bytes(one.device.signer),
        "label": "Simulated",
        "created_ms": now_ms,
        "confirmed": "first",  # The verdict of E0 under policy "none".
        "expires_ms": one.certificate.not_after_ms,
        "lapsed": 0,
    }


def _certificate(one: _Made, now_ms: int) -> dict[str, Any]:
    return {
        "certificate_hash": one.certificate.hash,
        "client_id": one.device.client_id,
        "certificate": one.certificate.der,
        "issued_ms": now_ms,
        "expires_ms": one.certificate.not_after_ms,
    }


def _person_devices(one: _Made, _: int) -> dict[str, Any]:
    return {"person_id": one.device.person_id, "number": 1, "record": one.person_devices}


def _device_key(one: _Made, now_ms: int) -> dict[str, Any]:
    return {
        "device": one.device.device,
        "kem": XWING,
        "generation": 1,
        "person_id": one.device.person_id,
        "key_id": one.device.key_id,
        "record": one.device_key,
        "stored_ms": now_ms,
    }


def _token(one: _Made, _: int) -> dict[str, Any]:
    return {
        "token_hash": rules.token_hash(one.device.token),
        "client_id": one.device.client_id,
        "expires_ms": one.certificate.not_after_ms,
    }
