"""One of several nodes holds a lease, until it lets go, dies or forgets to renew it."""

import asyncio

from copconnect.database.engine import Database
from copconnect.leases import Leases
from tests.contract.delivery_world import StillClock
from tests.contract.statements import Statements


async def test_one_holds_it_and_renews_it(database: Database) -> None:
    clock = StillClock()
    one, two = (Leases(database, clock, alone=False) for _ in range(2))
    assert await one.acquire("cleaning", 10)
    assert not await two.acquire("cleaning", 10)
    clock.at += 9_000
    assert await one.acquire("cleaning", 10)
    clock.at += 9_000
    assert not await two.acquire("cleaning", 10)
    clock.at += 1_000  # It was not renewed: its holder is gone.
    assert await two.acquire("cleaning", 10)
    assert not await one.acquire("cleaning", 10)
    assert await one.acquire("something else", 10)


async def test_who_lets_go_lets_another_in_at_once(database: Database) -> None:
    clock = StillClock()
    one, two = (Leases(database, clock, alone=False) for _ in range(2))
    assert await one.acquire("duty", 10)
    await two.release("duty")
    assert not await two.acquire("duty", 10)
    await one.release("duty")
    assert await two.acquire("duty", 10)


async def test_of_many_at_once_one_gets_it(database: Database) -> None:
    clock = StillClock()
    nodes = [Leases(database, clock, alone=False) for _ in range(8)]
    assert sum(await asyncio.gather(*(one.acquire("duty", 5) for one in nodes))) == 1


async def test_old_ones_are_forgotten(database: Database) -> None:
    clock = StillClock()
    one, two = (Leases(database, clock, alone=False) for _ in range(2))
    await one.acquire("duty of long ago", 5)
    await one.acquire("held", 7200)
    clock.at += 3_700_000
    await two.prune()
    assert not await two.acquire("held", 5)


async def test_a_single_node_asks_nobody(database: Database) -> None:
    leases = Leases(database, StillClock(), alone=True)
    with Statements(database) as statements:
        assert await leases.acquire("cleaning", 10)
        await leases.release("cleaning")
        await leases.prune()
    assert statements == []
