"""Databases of the department that most tests begin with, to copy for each: to import the data bank
and to appoint admins takes longer than most tests.

``loaded``: the synthetic data bank; ``approving``: the same under the policy ``approval``;
``appointed``: with a root admin and an admin in it.
"""

import copy
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from copconnect.settings import Settings
from tests.harness.fixtures import apart
from tests.harness.operator import OPERATOR
from tests.harness.postgresql import PostgreSQL
from tests.identity.approved import Force, appoint
from tests.identity.running import MovedClock, Running, run, synthetic_bank

Fill = Callable[[str], Awaitable[None]]


def settings_of(folder: Path, database_url: str) -> Settings:
    """Return the settings of a server whose keys are in ``folder``."""
    return Settings(
        data_dir=folder,
        database_url=database_url,
        otp_resend_ms=0,
        blob_url=f"file://{folder / 'blobs'}",
    )


@dataclass(frozen=True)
class Appointed:
    """The admins of the databases ``appointed`` of one back end, the keys of that department, whose
    record names them, and the time afterwards."""

    keys: Path
    force: Force
    now_ms: int

    def begin(self, clock: MovedClock) -> Force:
        """Return the admins for one test, whose time is after they were appointed."""
        clock.ms = self.now_ms
        return copy.deepcopy(self.force)


@asynccontextmanager
async def loaded(folder: Path, url: str, clock: MovedClock) -> AsyncIterator[Running]:
    """A server that imports the synthetic data bank."""
    async with run(settings_of(folder, url), clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        yield server


async def load(folder: Path, url: str) -> None:
    """Import it into an empty database."""
    async with loaded(folder, url, MovedClock()):
        pass


async def load_and_appoint(keys: Path, folder: Path, url: str) -> Appointed:
    """Import it into an empty database, and appoint admins; the keys are copied to ``folder``."""
    shutil.copytree(keys / "keys", folder / "keys")
    clock = MovedClock()
    async with loaded(folder, url, clock) as server:
        return Appointed(folder, await appoint(server, clock), clock.ms)


def sqlite_copy(template: Path, folder: Path) -> tuple[Path, str]:
    """Return a copy of a database file, and its URL."""
    file = folder / "prepared.sqlite3"
    shutil.copyfile(template, file)
    return file, f"sqlite+aiosqlite:///{file}"


def postgresql_copy(server: PostgreSQL, template: str) -> tuple[str, str]:
    """Return a copy of a database, and its URL."""
    name = apart(server.create_database(template))
    return name, server.url(name)


def template_for(request: pytest.FixtureRequest) -> str:
    """Return which database the test that asks begins with, by what else it asks for."""
    asked = request.fixturenames
    if "force" in asked:
        return "appointed"
    if "approving" in asked:
        return "approving"
    return "loaded" if "running" in asked else "template"
