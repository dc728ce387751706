"""A force for benchmarks: N people in the data bank, each with one registered device.

The data bank is imported as ever; clients, certificates and tokens go in bulk into the tables that
registration writes, the certificates signed by the department's real authority. What a device
keeps for itself (key, token) lies beside the database, for the simulator. Made once and cached.
"""

import asyncio
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

import copconnect
from copconnect.app import Container, command_line
from copconnect.auth_service import authority, rules, tables
from copconnect.auth_service.authority import CertificateAuthority
from copconnect.bench import copying
from copconnect.clock import SystemClock
from copconnect.conduct.store import acceptances
from copconnect.ids import new_id
from copconnect.roster import databank, synthetic
from copconnect.settings import Settings

SEED = 1
DEVICES = "devices.msgpack"
KEPT_MS = 30 * 24 * 3_600_000  # A cached force is made anew long before its certificates expire.
_PART = 500
_FORMAT = 1  # Of what this module makes.
# What decides how a force is stored; a change of any of these makes a new one.
_MADE_BY = (
    "auth_service/authority.py",
    "roster/synthetic.py",
    "roster/*.json",
    "conduct/code",
)
T = TypeVar("T")


class Device(msgspec.Struct, frozen=True, array_like=True):
    """A registered device with what only the device itself knows."""

    person_id: str
    client_id: str
    token: str
    private_key: bytes  # Ed25519 seed.
    certificate: bytes  # DER.
    certificate_hash: str


@dataclass(frozen=True, slots=True)
class Force:
    """A folder with ``keys/``, ``copconnect.sqlite3`` and the devices. Read only: copy to use."""

    folder: Path
    devices: Sequence[Device]

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "copconnect.sqlite3"


def cached(cache: Path, members: int) -> Force:
    """Return the force of this size, made now if it is not in the cache."""
    folder = cache / f"force-{members}-{_version()}"
    devices, database = folder / DEVICES, folder / "copconnect.sqlite3"
    young = devices.is_file() and time.time() * 1000 - devices.stat().st_mtime * 1000 < KEPT_MS
    if young and asyncio.run(copying.brought_up_to_date(database)):
        return _load(folder)
    shutil.rmtree(folder, ignore_errors=True)
    making = cache / f"{folder.name}.making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    asyncio.run(_make(making, members))
    making.rename(folder)
    return _load(folder)


def _load(folder: Path) -> Force:
    devices = msgspec.msgpack.decode((folder / DEVICES).read_bytes(), type=list[Device])
    return Force(folder, devices)


def _version() -> str:
    digest = hashlib.sha256(bytes([_FORMAT]))
    root = Path(copconnect.__path__[0])
    for pattern in _MADE_BY:
        for found in sorted(root.glob(pattern)):
            files = sorted(found.glob("*.*")) if found.is_dir() else [found]
            for file in files:
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


async def _make(folder: Path, members: int) -> None:
    now_ms = SystemClock().now_ms()
    authority.create(folder / "keys", "Benchmark Police", now_ms)
    bank = databank.read(synthetic.write(members, SEED))
    if bank.problems:
        raise RuntimeError(f"the synthetic data bank has problems: {bank.problems[:3]}")
    people = [person.person_id for person in bank.people]
    async with command_line(Settings(data_dir=folder)) as container:
        await container.editor.import_bank(bank)
        devices = list(_signed(folder / "keys", people, now_ms))
        await _store(container, devices, now_ms)
    (folder / DEVICES).write_bytes(msgspec.msgpack.encode([device for device, _ in devices]))


# --- Certificates, signed by as many processes as there are processors ---------------------------

_authority: CertificateAuthority


def _signed(
    keys: Path, people: Sequence[str], now_ms: int
) -> Iterator[tuple[Device, authority.IssuedCertificate]]:
    days = Settings().certificate_days
    work = [(part, now_ms, days) for part in _parts(people)]
    with ProcessPoolExecutor(
        os.cpu_count(), get_context("spawn"), initializer=_load_authority, initargs=(keys,)
    ) as pool:
        for part in pool.map(_sign, work):
            yield from part


def _load_authority(keys: Path) -> None:
    global _authority  # noqa: PLW0603 - one for each process of the pool.
    _authority = CertificateAuthority(keys)


def _sign(
    work: tuple[Sequence[str], int, int],
) -> list[tuple[Device, authority.IssuedCertificate]]:
    people, now_ms, days = work
    made = []
    for person_id in people:
        private_key = secrets.token_bytes(32)
        public_key = Ed25519PrivateKey.from_private_bytes(private_key).public_key()
        client_id = new_id()
        issued = _authority.issue(person_id, client_id, public_key.public_bytes_raw(), now_ms, days)
        device = Device(
            person_id=person_id,
            client_id=client_id,
            token=secrets.token_urlsafe(32),
            private_key=private_key,
            certificate=issued.der,
            certificate_hash=issued.hash,
        )
        made.append((device, issued))
    return made


# --- Rows ---------------------------------------------------------------------------------------


async def _store(
    container: Container,
    devices: Sequence[tuple[Device, authority.IssuedCertificate]],
    now_ms: int,
) -> None:
    conduct = container.conduct.current
    async with container.database.transaction() as connection:
        for part in _parts(devices):
            for table, row in (
                (tables.clients, _client),
                (tables.certificates, _certificate),
                (tables.tokens, _token),
            ):
                await connection.execute(insert(table), [row(*one, now_ms) for one in part])
            await connection.execute(
                insert(acceptances),
                [
                    {
                        "person_id": device.person_id,
                        "version": conduct,
                        "language": "en",
                        "accepted_ms": now_ms,
                    }
                    for device, _ in part
                ],
            )


def _client(device: Device, _: authority.IssuedCertificate, now_ms: int) -> dict[str, Any]:
    key = Ed25519PrivateKey.from_private_bytes(device.private_key).public_key()
    return {
        "client_id": device.client_id,
        "person_id": device.person_id,
        "public_key": key.public_bytes_raw(),
        "label": "Simulated",
        "created_ms": now_ms,
    }


def _certificate(
    device: Device, issued: authority.IssuedCertificate, now_ms: int
) -> dict[str, Any]:
    return {
        "certificate_hash": issued.hash,
        "client_id": device.client_id,
        "serial": issued.serial,
        "certificate": issued.der,
        "issued_ms": now_ms,
        "expires_ms": issued.not_after_ms,
    }


def _token(device: Device, _: authority.IssuedCertificate, now_ms: int) -> dict[str, Any]:
    return {
        "token_hash": rules.token_hash(device.token),
        "client_id": device.client_id,
        "created_ms": now_ms,
    }


def _parts(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, _PART)):
        yield part
