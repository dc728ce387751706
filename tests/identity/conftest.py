"""Fixtures: the roles that say who is who, on each database, at times that a test sets."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from copconnect.app import Container, create_app
from copconnect.auth_service.keys import authority
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.department import Policy
from copconnect.settings import Settings
from tests.harness.fixtures import apart, copied
from tests.harness.operator import OPERATOR
from tests.harness.postgresql import PostgreSQL
from tests.identity import prepared
from tests.identity.approved import Force
from tests.identity.running import START_MS, MovedClock, Running, SentTexts, run, synthetic_bank
from tests.identity.whole import Whole


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a certificate authority."""
    folder = tmp_path_factory.mktemp("authority")
    authority.create(folder / "keys", "Test Police", START_MS, Policy.NONE, XWING)
    return folder


@pytest.fixture(scope="session")
def approving_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a department whose policy is ``approval``."""
    folder = tmp_path_factory.mktemp("approving")
    authority.create(folder / "keys", "Strict Police", START_MS, Policy.APPROVAL, XWING)
    return folder


@pytest.fixture(scope="session")
def sqlite_loaded(
    sqlite_template: Path, keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    file, url = prepared.sqlite_copy(sqlite_template, tmp_path_factory.mktemp("loaded"))
    apart(prepared.load(keys, url))
    return file


@pytest.fixture(scope="session")
def postgresql_loaded(postgresql: PostgreSQL, postgresql_template: str, keys: Path) -> str:
    name, url = prepared.postgresql_copy(postgresql, postgresql_template)
    apart(prepared.load(keys, url))
    return name


@pytest.fixture(scope="session")
def sqlite_approving(
    sqlite_template: Path, approving_keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    file, url = prepared.sqlite_copy(sqlite_template, tmp_path_factory.mktemp("loaded"))
    apart(prepared.load(approving_keys, url))
    return file


@pytest.fixture(scope="session")
def postgresql_approving(
    postgresql: PostgreSQL, postgresql_template: str, approving_keys: Path
) -> str:
    name, url = prepared.postgresql_copy(postgresql, postgresql_template)
    apart(prepared.load(approving_keys, url))
    return name


@pytest.fixture(scope="session")
def admins() -> dict[str, prepared.Appointed]:
    """The admins of the databases ``appointed``, by back end."""
    return {}


@pytest.fixture(scope="session")
def sqlite_appointed(
    sqlite_template: Path,
    approving_keys: Path,
    admins: dict[str, prepared.Appointed],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("appointed")
    file, url = prepared.sqlite_copy(sqlite_template, folder)
    admins["sqlite"] = apart(prepared.load_and_appoint(approving_keys, folder, url))
    return file


@pytest.fixture(scope="session")
def postgresql_appointed(
    postgresql: PostgreSQL,
    postgresql_template: str,
    approving_keys: Path,
    admins: dict[str, prepared.Appointed],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    name, url = prepared.postgresql_copy(postgresql, postgresql_template)
    folder = tmp_path_factory.mktemp("appointed")
    admins["postgresql"] = apart(prepared.load_and_appoint(approving_keys, folder, url))
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database on each back end: with the data bank for a test that asks for
    ``running`` or ``approving``, with admins too for one that asks for ``force``, else empty."""
    with copied(request, tmp_path, prepared.template_for(request)) as url:
        yield url


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def settings(keys: Path, database_url: str) -> Settings:
    return prepared.settings_of(keys, database_url)


@pytest.fixture
async def running(settings: Settings, clock: MovedClock) -> AsyncIterator[Running]:
    """A server with the synthetic data bank."""
    async with run(settings, clock) as server:
        yield server


@pytest.fixture
async def approving(
    request: pytest.FixtureRequest,
    settings: Settings,
    approving_keys: Path,
    admins: dict[str, prepared.Appointed],
    tmp_path: Path,
    clock: MovedClock,
) -> AsyncIterator[Running]:
    """A server with the synthetic data bank under the policy ``approval``."""
    named = "force" in request.fixturenames
    keys = admins[_back_end(settings.database_url)].keys if named else approving_keys
    shutil.copytree(keys / "keys", tmp_path / "keys")
    own = msgspec.structs.replace(settings, data_dir=tmp_path)
    async with run(own, clock) as server:
        yield server


@pytest.fixture
async def whole(keys: Path, empty_database_url: str, clock: MovedClock) -> AsyncIterator[Whole]:
    migrated = prepared.settings_of(keys, empty_database_url)
    sent = SentTexts()
    container = Container(migrated, clock=clock, gateway=sent)
    app: Any = create_app(migrated, container)
    await container.start()
    try:
        await container.editor.import_bank(OPERATOR, synthetic_bank())
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            yield Whole(container, http, sent)
    finally:
        await container.close()


@pytest.fixture
def code_of() -> Any:
    """Return the error code of a response."""

    def read(response: httpx.Response) -> str:
        return str(response.json()["code"])

    return read


@pytest.fixture
def force(
    database_url: str,
    clock: MovedClock,
    admins: dict[str, prepared.Appointed],
) -> Force:
    """A root admin and an admin of the commissionerate, on the server ``approving``."""
    return admins[_back_end(database_url)].begin(clock)


def _back_end(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgresql"
