"""Wake-ups that must not be lost, passed from one process to another through the database."""

import pytest

from copconnect.bus import AccountWakeup, AnyWakeup
from copconnect.database.engine import Database
from copconnect.wakeup_log import KEPT_MS, OVERLAP, WakeupLog
from tests.contract.statements import Statements
from tests.identity.running import MovedClock


@pytest.mark.parametrize("many", [1, 3 * OVERLAP])
async def test_who_commits_late_is_heard_however_much_it_says(
    database: Database, many: int
) -> None:
    """An import that signs out many takes its ids early; a device signs out beside it."""
    if database.is_sqlite:
        pytest.skip("one writes at a time")
    heard: list[AnyWakeup] = []

    async def hear(wakeup: AnyWakeup) -> None:
        heard.append(wakeup)

    clock = MovedClock()
    server, command_line = (WakeupLog(database, clock, has_bus=one) for one in (True, False))
    node = WakeupLog(database, clock, has_bus=True)
    await server.start(hear)
    await server.close()  # Stop its own reading: the test polls.
    async with database.transaction() as importing:
        said = [told(f"imported {number}") for number in range(many)]
        await command_line.record(importing, said)
        async with database.transaction() as connection:
            await node.record(connection, [told("beside")])
        await server.poll()
        assert heard == [told("beside")]
    assert await server.poll() == many
    assert heard[1:] == said
    assert await server.poll() == 0


async def test_a_wakeup_is_read_once(database: Database) -> None:
    async def hear(_: AnyWakeup) -> None:
        pass

    server, command_line = (WakeupLog(database, MovedClock(), has_bus=one) for one in (True, False))
    await server.start(hear)
    await server.close()  # Stop its own reading: the test polls.
    async with database.transaction() as connection:
        await command_line.record(connection, [told("imported")])
    for news in (1, 0):
        with Statements(database) as statements:
            assert await server.poll() == news
        assert len([one for one in statements if "payload" in one]) == news


def told(event: str) -> AnyWakeup:
    return AccountWakeup(event=event, person_ids=[], client_ids=[])


async def test_what_comes_after_pruning_is_passed_on(database: Database) -> None:
    clock = MovedClock()
    heard: list[AnyWakeup] = []

    async def hear(wakeup: AnyWakeup) -> None:
        heard.append(wakeup)

    async def tell(event: str) -> None:
        command_line = WakeupLog(database, clock, has_bus=False)
        async with database.transaction() as connection:
            await command_line.record(connection, [told(event)])
        await server.poll()

    server = WakeupLog(database, clock, has_bus=True)
    await server.start(hear)
    try:
        await tell("trust")
        await tell("clients")
        clock.ms += KEPT_MS + 1
        await server.prune()
        await tell("directory")
        clock.ms += KEPT_MS + 1
        await server.prune()
        await tell("signed_out")
    finally:
        await server.close()
    events = [wakeup.event for wakeup in heard if isinstance(wakeup, AccountWakeup)]
    assert events == ["trust", "clients", "directory", "signed_out"]
