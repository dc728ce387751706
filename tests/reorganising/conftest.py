"""The organisation of every test."""

import pytest

from copconnect.database.engine import Database
from tests.reorganising.reorganising_world import World


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.load()
    return made
