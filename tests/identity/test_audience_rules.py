"""Members of an audience by a real data bank, on SQLite and PostgreSQL."""

from copconnect import wire
from copconnect.ids import PersonId, UnitId
from tests.harness.operator import OPERATOR
from tests.identity.running import PATROL, SHO, MovedClock, Running

STATION, ZONE, CITY = "TG-HYD-PS001", "TG-HYD-Z1", "TG-HYD"
EVERYONE = wire.Audience(include=[wire.Clause(everyone=True)])


def of(*units: str, deep: bool = False) -> wire.Audience:
    return wire.Audience(include=[wire.Clause(units=[UnitId(one) for one in units], below=deep)])


async def person(running: Running, number: str) -> PersonId:
    async with running.container.database.reading() as connection:
        found = await running.container.directory.active_by_number(connection, number)
    assert found is not None
    return found


async def test_everyone_units_and_those_below(running: Running) -> None:
    directory = running.container.directory
    sho, patrol = await person(running, SHO), await person(running, PATROL)
    async with running.container.database.reading() as connection:
        everyone = await directory.audience(connection, EVERYONE)
        station = await directory.audience(connection, of(STATION))
        zone = await directory.audience(connection, of(ZONE))
        city = await directory.audience(connection, of(CITY, deep=True))
        two = await directory.audience(connection, of(ZONE, STATION))
        nowhere = await directory.audience(connection, of("NOWHERE", deep=True))
        total = len(await directory.audience(connection, of("TG", deep=True)))
    assert {sho, patrol} <= station.keys() < city.keys() < everyone.keys()
    assert sho not in zone
    assert two.keys() == zone.keys() | station.keys()
    assert len(everyone) == total
    assert (station[sho], station[patrol]) == (True, False)
    assert (city[sho], everyone[sho]) == (False, False)
    assert [one for one, leads in everyone.items() if leads] == [
        await person(running, "+917000000000")
    ]
    assert nowhere == {}


async def test_who_administers_and_who_leads(running: Running) -> None:
    directory = running.container.directory
    chief, sho = await person(running, "+917000000000"), await person(running, SHO)
    patrol = await person(running, PATROL)
    async with running.container.database.reading() as connection:

        async def administers(who: PersonId, rule: wire.Audience) -> bool:
            return await directory.administers(connection, who, rule)

        assert await administers(chief, EVERYONE)
        assert await administers(chief, of(STATION, CITY))
        assert await administers(sho, of(STATION))
        assert not await administers(sho, of(STATION, CITY))
        assert not await administers(sho, EVERYONE)
        assert not await administers(patrol, of(STATION))
        assert not await administers(chief, of("NOWHERE"))


async def test_suspension_is_a_change_and_takes_people_out(
    running: Running, clock: MovedClock
) -> None:
    container, sho = running.container, await person(running, SHO)
    async with container.database.reading() as connection:
        before = await container.directory.people_version(connection)
    clock.ms -= (
        60_000  # Another machine's clock: a change is later than the one before all the same.
    )
    await container.editor.suspend(OPERATOR, SHO)
    async with container.database.reading() as connection:
        assert await container.directory.people_version(connection) > before
        assert await container.directory.changed_since(connection, before) == [sho]
        assert sho not in await container.directory.audience(connection, EVERYONE)
