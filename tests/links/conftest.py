"""The web of the tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.net.push_service import certificate
from tests.links.web import HOSTS, Web


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of all hosts, and its key."""
    return certificate(tmp_path_factory.mktemp("web"), *HOSTS)


@pytest.fixture
async def web(files: tuple[Path, Path]) -> AsyncIterator[Web]:
    """A web whose hosts answer with one page."""
    made = Web(files)
    await made.start()
    yield made
    await made.close()
