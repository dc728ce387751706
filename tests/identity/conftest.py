"""Fixtures: the roles that say who is who, on each database, at times that a test sets."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from copconnect.app import Container, create_app
from copconnect.auth_service.keys import authority
from copconnect.cli import app
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.department import Policy
from copconnect.settings import Settings
from demo import data_bank
from tests.harness.fixtures import BACK_ENDS, copied, copy_of
from tests.identity.approved import Force
from tests.identity.prepared import Name, Prepared, back_end_of, settings_of
from tests.identity.running import (
    START_MS,
    MovedClock,
    Running,
    SentTexts,
    run,
    synthetic_files,
)
from tests.identity.stations import Station
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
def commanded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a department of 60 people, made by commands, to copy."""
    folder = tmp_path_factory.mktemp("commanded")
    data_bank.write(synthetic_files(), folder / "bank")
    for command in (
        ("init", "--department", "Test Police"),
        ("directory", "import", str(folder / "bank")),
    ):
        made = CliRunner().invoke(app, [*command, "--data", str(folder / "data")])
        assert made.exit_code == 0, made.output
    return folder / "data"


@pytest.fixture
def data(commanded: Path, tmp_path: Path) -> Path:
    """The test's own data folder, for commands."""
    return Path(shutil.copytree(commanded, tmp_path / "data"))


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture(scope="session")
def prepared(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    keys: Path,
    approving_keys: Path,
) -> Prepared:
    """Databases to begin with."""
    return Prepared(request, tmp_path_factory.mktemp("prepared"), keys, approving_keys)


@pytest.fixture
def beginning(request: pytest.FixtureRequest) -> Name | None:
    """How far the test's database has come: as far as the furthest server that it asks for."""
    asked = request.fixturenames
    furthest: tuple[Name, ...] = ("whole", "station", "force", "approving", "running")
    return next((one for one in furthest if one in asked), None)


@pytest.fixture(params=BACK_ENDS)
def database_url(
    request: pytest.FixtureRequest, tmp_path: Path, prepared: Prepared, beginning: Name | None
) -> Iterator[str]:
    """The URL of the test's own database, on each back end."""
    if beginning is None:
        with copied(request, tmp_path, "template") as url:
            yield url
        return
    with copy_of(request, tmp_path, prepared.source(request.param, beginning)) as url:
        yield url


@pytest.fixture
def settings(
    keys: Path, database_url: str, prepared: Prepared, beginning: Name | None, tmp_path: Path
) -> Settings:
    """Settings with a copy of the department's keys: naming a root admin writes a file there."""
    source = prepared.keys(back_end_of(database_url), beginning) if beginning else keys
    own = tmp_path / "department"
    shutil.copytree(source / "keys", own / "keys")
    return settings_of(own, database_url)


@pytest.fixture
async def running(settings: Settings, clock: MovedClock) -> AsyncIterator[Running]:
    """A server with the synthetic data bank."""
    async with run(settings, clock) as server:
        yield server


@pytest.fixture
async def approving(settings: Settings, clock: MovedClock) -> AsyncIterator[Running]:
    """A server with the synthetic data bank under the policy ``approval``."""
    async with run(settings, clock) as server:
        yield server


@pytest.fixture
async def whole(settings: Settings, clock: MovedClock) -> AsyncIterator[Whole]:
    sent = SentTexts()
    container = Container(settings, clock=clock, gateway=sent)
    served: Any = create_app(settings, container)
    await container.start()
    try:
        transport = httpx.ASGITransport(served, client=("192.0.2.1", 1234))
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
async def force(
    approving: Running,  # noqa: ARG001
    database_url: str,
    prepared: Prepared,
    clock: MovedClock,
) -> Force:
    """A root admin and an admin of the commissionerate, on the server ``approving``."""
    force, clock.ms = prepared.force(back_end_of(database_url))
    return force


@pytest.fixture
async def station(
    force: Force,  # noqa: ARG001
    database_url: str,
    prepared: Prepared,
    clock: MovedClock,
) -> Station:
    """A station of the force, on the server ``approving``."""
    station, clock.ms = prepared.station(back_end_of(database_url))
    return station
