"""The world of most tests of orders."""

import pytest

from copconnect.database.engine import Database
from tests.orders.orders_world import Orders


@pytest.fixture
async def orders(database: Database) -> Orders:
    """A conversation whose issuer and officers have units."""
    return await Orders.of(database)
