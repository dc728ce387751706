"""Live connections to test."""

from collections.abc import AsyncIterator

import pytest

from tests.sockets.live_world import Live


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    """Serve."""
    async with Live().serving() as world:
        yield world
