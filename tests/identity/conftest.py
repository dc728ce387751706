"""Fixtures: the roles that say who is who, on each database, at times that a test sets."""

import shutil
from collections.abc import AsyncIterator
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
from tests.harness.operator import OPERATOR
from tests.identity.approved import Force, appoint
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


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def settings(keys: Path, database_url: str) -> Settings:
    return Settings(
        data_dir=keys,
        database_url=database_url,
        otp_resend_ms=0,
        blob_url=f"file://{keys / 'blobs'}",
    )


@pytest.fixture
async def running(settings: Settings, clock: MovedClock) -> AsyncIterator[Running]:
    """A server with the synthetic data bank."""
    async with run(settings, clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        yield server


@pytest.fixture
async def approving(
    settings: Settings, approving_keys: Path, tmp_path: Path, clock: MovedClock
) -> AsyncIterator[Running]:
    """A server with the synthetic data bank under the policy ``approval``."""
    shutil.copytree(approving_keys / "keys", tmp_path / "keys")
    own = msgspec.structs.replace(settings, data_dir=tmp_path)
    async with run(own, clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        yield server


@pytest.fixture
async def whole(keys: Path, empty_database_url: str, clock: MovedClock) -> AsyncIterator[Whole]:
    migrated = Settings(
        data_dir=keys,
        database_url=empty_database_url,
        otp_resend_ms=0,
        blob_url=f"file://{keys / 'blobs'}",
    )
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
async def force(approving: Running, clock: MovedClock) -> Force:
    """A root admin and an admin of the commissionerate, on the server ``approving``."""
    return await appoint(approving, clock)
