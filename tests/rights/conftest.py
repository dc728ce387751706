"""One server for all tests of a file: what one line of a table does, no other line looks at."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.rights.world import World, prepared


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Serve."""
    async with prepared(tmp_path_factory.mktemp("rights")) as made:
        yield made
