"""A fixture of the tests of share requests."""

import pytest

from copconnect.database.engine import Database
from tests.live.share_force import Force


@pytest.fixture
async def force(database: Database) -> Force:
    return await Force(database).fill()
