"""Fixtures of pushes: the department's key, a push service, a conversation that sleeps."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.net.push_service import PushService, certificate
from copconnect.auth_service.keys.push_key import PUSH_KEY, PushSigner, write_new
from copconnect.database.engine import Database
from tests.push.push_world import Waking


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the department's key and the push service's certificate."""
    folder = tmp_path_factory.mktemp("push")
    write_new(folder)
    certificate(folder)
    return folder


@pytest.fixture
async def service(keys: Path) -> AsyncIterator[PushService]:
    """A push service that takes everything."""
    made = PushService(PushSigner(keys / PUSH_KEY).public_key)
    await made.start((keys / "push-service.pem", keys / "push-service.key.pem"))
    yield made
    await made.close()


@pytest.fixture
async def waking(
    database: Database, service: PushService, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Waking]:
    """A conversation whose sender is not subscribed."""
    # A slow plan would be followed by a pause, which a clock that stands still never ends.
    monkeypatch.setattr("copconnect.push.planning.SHARE", 0)
    made = Waking(database, service, keys)
    yield made
    await made.close()


@pytest.fixture
async def other_service(waking: Waking, keys: Path) -> AsyncIterator[PushService]:
    """A second push service; a node must allow its origin."""
    made = PushService(waking.service.key)
    made.now = waking.service.now
    await made.start((keys / "push-service.pem", keys / "push-service.key.pem"))
    yield made
    await made.close()
