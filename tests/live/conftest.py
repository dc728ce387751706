"""What tests of questions to devices share."""

import pytest

from copconnect.database.engine import Database
from tests.live.share_force import Force


@pytest.fixture
async def force(database: Database) -> Force:
    return await Force(database).fill()
