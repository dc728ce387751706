"""The force of benchmarks: what the real server makes of its devices."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect.app import Container, command_line
from copconnect.bench import copying, force
from copconnect.bench.force import Force
from copconnect.ids import PersonId
from copconnect.settings import Settings
from tests.harness.postgresql import PostgreSQL

MEMBERS = 30


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Force:
    """A small force."""
    return force.cached(tmp_path_factory.mktemp("cache"), MEMBERS)


async def _judge(container: Container, made: Force) -> None:
    """Every device is let in by its token, and its certificate is the one that others are told."""
    ids = [PersonId(device.person_id) for device in made.devices]
    async with container.database.reading() as connection:
        clients = await container.registry.clients_of(connection, ids)
    stored = {client.client_id: client for client in clients}
    assert len(stored) == MEMBERS
    for device in made.devices:
        caller = await container.auth.authenticator.authenticate(device.token)
        assert caller is not None
        assert caller.conduct_accepted
        assert (caller.person_id, caller.client_id) == (device.person_id, device.client_id)
        assert stored[caller.client_id].certificate == device.certificate
        key = Ed25519PrivateKey.from_private_bytes(device.private_key).public_key()
        assert x509.load_der_x509_certificate(device.certificate).public_key() == key


async def test_devices_are_registered(made: Force, tmp_path: Path) -> None:
    file = tmp_path / "copy.sqlite3"
    copying.to_file(made.database, file)
    settings = Settings(data_dir=made.folder, database_url=f"sqlite+aiosqlite:///{file}")
    async with command_line(settings) as container:
        await _judge(container, made)


@pytest.mark.postgresql
async def test_they_are_registered_in_a_copy_on_postgresql(
    made: Force, postgresql: PostgreSQL
) -> None:
    name = await postgresql.create_database()
    try:
        rows = await copying.to_postgresql(made.database, postgresql.url(name))
        assert rows > 4 * MEMBERS
        settings = Settings(data_dir=made.folder, database_url=postgresql.url(name))
        async with command_line(settings) as container:
            await _judge(container, made)
    finally:
        await postgresql.drop_database(name)


def test_a_force_is_made_once(made: Force, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        raise AssertionError("it was made again")

    monkeypatch.setattr(force, "_make", never)
    again = force.cached(made.folder.parent, MEMBERS)
    assert list(again.devices) == list(made.devices)


def test_another_size_is_another_force(made: Force, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def note(_: Path, members: int) -> None:
        asked.append(members)
        raise RuntimeError("not now")

    monkeypatch.setattr(force, "_make", note)
    with pytest.raises(RuntimeError, match="not now"):
        force.cached(made.folder.parent, MEMBERS + 1)
    assert asked == [MEMBERS + 1]
