"""Wake-ups that must not be lost, passed from one process to another through the database."""

from copconnect.bus import AccountWakeup, AnyWakeup
from copconnect.database import Database
from copconnect.wakeup_log import KEPT_MS, WakeupLog
from tests.identity.conftest import MovedClock


async def test_what_comes_after_pruning_is_passed_on(database: Database) -> None:
    clock = MovedClock()
    heard: list[AnyWakeup] = []

    async def hear(wakeup: AnyWakeup) -> None:
        heard.append(wakeup)

    async def told(event: str) -> None:
        command_line = WakeupLog(database, clock, has_bus=False)
        async with database.transaction() as connection:
            wakeup = AccountWakeup(event=event, person_ids=[], client_ids=[])
            await command_line.record(connection, [wakeup])
        await server.poll()

    server = WakeupLog(database, clock, has_bus=True)
    await server.start(hear)
    try:
        await told("trust")
        await told("clients")
        clock.ms += KEPT_MS + 1
        await server.prune()
        await told("directory")
        clock.ms += KEPT_MS + 1
        await server.prune()
        await told("signed_out")
    finally:
        await server.close()
    events = [wakeup.event for wakeup in heard if isinstance(wakeup, AccountWakeup)]
    assert events == ["trust", "clients", "directory", "signed_out"]
