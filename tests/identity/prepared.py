"""Databases as servers left them, made once in a session, for tests to begin with.

To import a data bank and to register people takes longer than most tests. A name says how far a
database has come: ``running`` and ``approving`` have the people of the data bank, under one policy
and the other; ``force`` has an appointed :class:`Force` besides, and ``station`` a
:class:`Station` of it; ``whole`` was migrated by a whole server. Each test works on its own copy.
"""

import shutil
from copy import copy
from pathlib import Path
from typing import Literal

import pytest

from copconnect.app import Container
from copconnect.settings import Settings
from tests.harness.fixtures import apart
from tests.harness.operator import OPERATOR
from tests.harness.postgresql import PostgreSQL
from tests.harness.presence import HOST, ORIGIN
from tests.identity.approved import Force, appoint
from tests.identity.running import MovedClock, SentTexts, run, synthetic_bank
from tests.identity.stations import Station, staff

Name = Literal["running", "approving", "force", "station", "whole"]
Source = Path | str
"""A SQLite file, or the name of a PostgreSQL database."""


def settings_of(keys: Path, database_url: str) -> Settings:
    """Return the settings of a test's server."""
    return Settings(
        data_dir=keys,
        database_url=database_url,
        otp_resend_ms=0,
        token_hours=720,  # Tests pass weeks; test_tokens.py has the default.
        blob_url=f"file://{keys / 'blobs'}",
        authenticator_host=HOST,
        authenticator_origins=ORIGIN,
    )


def back_end_of(database_url: str) -> str:
    """Return which of the two a test runs on."""
    return database_url.partition("+")[0]


class Prepared:
    """Makes what is asked for, once."""

    def __init__(
        self, request: pytest.FixtureRequest, folder: Path, keys: Path, approving: Path
    ) -> None:
        """``keys``, ``approving``: the folders of the two departments' authorities."""
        self._request = request
        self._folder = folder
        self._keys = keys
        self._approving = approving
        self._sources: dict[tuple[str, Name], Source] = {}
        self._forces: dict[str, tuple[Force, int]] = {}
        self._stations: dict[str, tuple[Station, int]] = {}

    def keys(self, back_end: str, name: Name) -> Path:
        """Return the folder of the authority of the department that a database is about."""
        # The department's newest record, which names the root admin, is here.
        if name in ("force", "station"):
            return self._folder / f"force-{back_end}"
        return self._approving if name == "approving" else self._keys

    def source(self, back_end: str, name: Name) -> Source:
        """Return the database that a test's copy is made of."""
        if (back_end, name) not in self._sources:
            self._sources[back_end, name] = self._make(back_end, name)
        return self._sources[back_end, name]

    def force(self, back_end: str) -> tuple[Force, int]:
        """Return the force of the database ``force``, and the time when it was appointed."""
        force, ms = self._forces[back_end]
        return Force(copy(force.root), copy(force.admin), force.path), ms

    def station(self, back_end: str) -> tuple[Station, int]:
        """Return the station of the database ``station``, and the time when it was staffed."""
        station, ms = self._stations[back_end]
        return station.copied(), ms

    def _make(self, back_end: str, name: Name) -> Source:
        if name == "station":
            return self._staffed(back_end)
        source, url = self._empty(back_end, name)
        keys = self.keys(back_end, name)
        if name == "force":
            shutil.copytree(self._approving, keys)
        settings = settings_of(keys, url)
        apart(_migrate(settings) if name == "whole" else self._import(settings, back_end, name))
        return source

    def _empty(self, back_end: str, name: Name) -> tuple[Source, str]:
        """Return a database without tables where a server migrates it itself, and its URL."""
        if back_end == "sqlite":
            file = self._folder / f"{name}.sqlite3"
            if name != "whole":
                shutil.copyfile(self._request.getfixturevalue("sqlite_template"), file)
            return file, f"sqlite+aiosqlite:///{file}"
        server: PostgreSQL = self._request.getfixturevalue("postgresql")
        template = "template1"
        if name != "whole":
            template = self._request.getfixturevalue("postgresql_template")
        made = apart(server.create_database(template))
        return made, server.url(made)

    def _staffed(self, back_end: str) -> Source:
        """Staff a station of the force."""
        force = self.source(back_end, "force")
        if isinstance(force, Path):
            source: Source = force.with_stem("station")
            shutil.copyfile(force, source)
            url = f"sqlite+aiosqlite:///{source}"
        else:
            server: PostgreSQL = self._request.getfixturevalue("postgresql")
            source = apart(server.create_database(force))
            url = server.url(source)
        apart(self._staff(settings_of(self.keys(back_end, "station"), url), back_end))
        return source

    async def _staff(self, settings: Settings, back_end: str) -> None:
        clock = MovedClock()
        force, clock.ms = self.force(back_end)
        async with run(settings, clock) as server:
            self._stations[back_end] = await staff(server, force, clock), clock.ms

    async def _import(self, settings: Settings, back_end: str, name: Name) -> None:
        clock = MovedClock()
        async with run(settings, clock) as server:
            await server.container.editor.import_bank(OPERATOR, synthetic_bank())
            if name == "force":
                self._forces[back_end] = await appoint(server, clock), clock.ms


async def _migrate(settings: Settings) -> None:
    container = Container(settings, clock=MovedClock(), gateway=SentTexts())
    await container.start()
    try:
        await container.editor.import_bank(OPERATOR, synthetic_bank())
    finally:
        await container.close()
