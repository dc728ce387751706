"""Fixtures that any test may ask for.

``database``: an empty copconnect database with all tables, once on SQLite and once on
PostgreSQL; ``postgresql``, ``nats_server`` and ``s3_server``: the real services, one of each for
the session.
``server``: the real server process, on a fresh department with the people of
:mod:`tests.harness.databank`.
"""

import asyncio
import contextlib
import importlib
import pkgutil
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

import copconnect
from copconnect.database.engine import METADATA, Database, open_database
from tests.harness.department import make_department
from tests.harness.nats import NatsServer
from tests.harness.postgresql import PostgreSQL
from tests.harness.s3 import S3Server
from tests.harness.server import ServerProcess

T = TypeVar("T")
BACK_ENDS = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))
"""The parameters of a fixture whose tests run on each."""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """The session's PostgreSQL server."""
    server = PostgreSQL()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    """The session's NATS server. A test that stops it starts it again."""
    server = NatsServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """The session's S3 server, with one bucket. A test that stops it starts it again."""
    server = S3Server()
    try:
        server.start()
        yield server
    finally:
        server.close()


def load_tables() -> None:
    """Import every role's store and tables, which registers them in METADATA."""
    for module in pkgutil.walk_packages(copconnect.__path__, "copconnect."):
        if module.name.endswith((".store", ".tables")):
            importlib.import_module(module.name)
    for name in ("wakeup_log", "leases"):
        importlib.import_module(f"copconnect.{name}")


async def create_tables(url: str) -> None:
    """Make all tables in the empty database at ``url`` and disconnect."""
    load_tables()
    database = open_database(url)
    try:
        async with database.transaction() as connection:
            await connection.run_sync(METADATA.create_all)
    finally:
        await database.close()


def apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on its own loop, whatever loop the test has."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to copy."""
    file = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    apart(create_tables(f"sqlite+aiosqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgreSQL) -> str:
    """A PostgreSQL database with all tables, to copy."""
    name = apart(postgresql.create_database())
    apart(create_tables(postgresql.url(name)))
    return name


@pytest.fixture(params=BACK_ENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database with all tables, on each back end."""
    with copied(request, tmp_path, "template") as url:
        yield url


@contextlib.contextmanager
def copied(request: pytest.FixtureRequest, folder: Path, template: str) -> Iterator[str]:
    """The URL of a copy of what the fixture ``sqlite_`` or ``postgresql_`` with ``template``
    made; which of the two says the parameter of the fixture that asks."""
    source = request.getfixturevalue(f"{request.param}_{template}")
    with copy_of(request, folder, source) as url:
        yield url


@contextlib.contextmanager
def copy_of(request: pytest.FixtureRequest, folder: Path, source: Path | str) -> Iterator[str]:
    """The URL of a copy of a SQLite file, or of the PostgreSQL database with a name."""
    if isinstance(source, Path):
        file = folder / "copconnect.sqlite3"
        shutil.copyfile(source, file)
        yield f"sqlite+aiosqlite:///{file}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    name = apart(server.lend(source))
    yield server.url(name)
    apart(server.give_back(name, source))


@pytest.fixture(params=BACK_ENDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, on each back end: for what migrates it itself."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    name = apart(server.create_database())
    yield server.url(name)
    apart(server.drop_database(name))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty database with all tables; each test that asks for it runs on both back ends."""
    database = open_database(database_url)
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture(scope="session")
def department(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a department with its keys and people, to copy. Its policy is ``none``."""
    return make_department(tmp_path_factory.mktemp("department"), "Test Police")


@pytest.fixture(scope="session")
def approving_department(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same under the policy ``approval``; nobody is a root admin yet."""
    return make_department(tmp_path_factory.mktemp("approving"), "Test Police", "approval")


@contextlib.contextmanager
def _servers(
    request: pytest.FixtureRequest, folder: Path
) -> Iterator[Callable[..., ServerProcess]]:
    made: list[ServerProcess] = []

    def make(**settings: str | int | bool) -> ServerProcess:
        data = folder / f"data-{len(made)}"
        # The policy is in the department record, so it is another department's.
        approving = settings.pop("department_policy", "none") == "approval"
        name = "approving_department" if approving else "department"
        shutil.copytree(request.getfixturevalue(name), data)
        server = ServerProcess(data, **settings)
        made.append(server)
        server.start()
        return server

    try:
        yield make
    finally:
        for server in made:
            server.stop()


@pytest.fixture
def make_server(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., ServerProcess]]:
    """Call it, with settings by name, for a started server on a fresh copy of the department;
    ``department_policy="approval"``: of the other department."""
    with _servers(request, tmp_path) as make:
        yield make


@pytest.fixture(scope="module")
def serve(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., ServerProcess]]:
    """As ``make_server``, for servers that a module's tests share."""
    with _servers(request, tmp_path_factory.mktemp("servers")) as make:
        yield make


@pytest.fixture
def server(make_server: Callable[..., ServerProcess]) -> ServerProcess:
    """A started server with default settings and the demo's outbox."""
    return make_server()
