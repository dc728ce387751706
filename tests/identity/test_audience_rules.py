"""Members of an audience by a real data bank, on SQLite and PostgreSQL."""

from random import Random
from typing import Any

import pytest

from copconnect import wire
from copconnect.admin.rules import DEFAULT_RULES, line
from copconnect.directory import audiences, places, store
from copconnect.directory.databank import DataBank
from copconnect.directory.postings import counting
from copconnect.directory.postings.naming import post_id
from copconnect.ids import PersonId, UnitId
from tests.harness.operator import OPERATOR
from tests.identity.running import PATROL, SHO, MovedClock, Running, synthetic_bank

STATION, ZONE, CITY = "TG-HYD-PS001", "TG-HYD-Z1", "TG-HYD"
EVERYONE = wire.Audience(include=[wire.Clause(everyone=True)])


def of(*units: str, deep: bool = False) -> wire.Audience:
    return wire.Audience(include=[wire.Clause(units=[UnitId(one) for one in units], below=deep)])


async def person(running: Running, number: str) -> PersonId:
    async with running.container.database.reading() as connection:
        found = await running.container.directory.active_by_number(connection, number)
    assert found is not None
    return found


@pytest.mark.databases("sqlite")
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


@pytest.mark.databases("sqlite")
async def test_who_administers_and_who_leads(running: Running) -> None:
    directory = running.container.directory
    chief, sho = await person(running, "+917000000000"), await person(running, SHO)
    patrol = await person(running, PATROL)
    async with running.container.database.reading() as connection:

        async def manages_audience(who: PersonId, rule: wire.Audience) -> bool:
            return await directory.manages_audience(connection, who, rule)

        assert await manages_audience(chief, EVERYONE)
        assert await manages_audience(chief, of(STATION, CITY))
        assert await manages_audience(sho, of(STATION))
        assert not await manages_audience(sho, of(STATION, CITY))
        assert not await manages_audience(sho, EVERYONE)
        assert not await manages_audience(patrol, of(STATION))
        assert not await manages_audience(chief, of("NOWHERE"))


def _clause(random: Random, bank: DataBank) -> wire.Clause:
    """Return a clause that asks for one thing or several."""
    if random.random() < 0.1:
        return wire.Clause(everyone=True)
    roles = sorted({role for one in bank.people for role in one.roles})
    ranks = sorted({one.rank for one in bank.people})
    asked: dict[str, Any] = {}
    while not asked:
        if random.random() < 0.6:
            units = random.sample(bank.units, random.randint(1, 3))
            asked |= {"units": [one.code for one in units], "below": random.random() < 0.7}
        if random.random() < 0.2:
            holders = random.sample(bank.people, random.randint(1, 12))
            asked["posts"] = [post_id(one.post_key, ()) for one in holders]
        if random.random() < 0.3:
            asked["levels"] = random.sample([one.code for one in bank.levels], 2)
        if random.random() < 0.4:
            asked["roles"] = random.sample(roles, random.randint(1, 4))
        if random.random() < 0.3:
            asked["ranks"] = random.sample(ranks, random.randint(1, 3))
        if random.random() < 0.2:
            asked["heads"] = True
    return wire.Clause(**asked)


def _rule(random: Random, bank: DataBank) -> wire.Audience:
    def clauses(most: int) -> list[wire.Clause]:
        return [_clause(random, bank) for _ in range(random.randint(0, most))]

    def people() -> list[PersonId]:
        return [one.person_id for one in random.sample(bank.people, random.choice((0, 0, 3)))]

    return wire.Audience(include=clauses(3), people=people(), exclude=clauses(1), without=people())


async def test_statements_and_the_plain_rules_agree(running: Running) -> None:
    """Two hundred audiences: by SQL, one person at a time, and all rules at once."""
    random, bank = Random(7), synthetic_bank()
    rules = {str(at): _rule(random, bank) for at in range(200)}
    everybody = [one.person_id for one in bank.people]
    directory = running.container.directory
    # Some hold a second place.
    async with running.container.database.transaction() as connection:
        for one in random.sample(bank.people, 15):
            unit, like = random.choice(bank.units), random.choice(bank.people)
            place = wire.NewPlace(
                unit_id=unit.code, post=like.post, roles=list(like.roles), head=like.head
            )
            await running.container.transfers.give_charge(
                connection, OPERATOR, one.person_id, place, "additional"
            )
    table = [
        line("send_large", "head"),
        line("send_large", "rank", code="DSP", level="division"),
        line("send_large", "role", "unit", code="reception"),
    ]
    await running.container.admin.rights.replace(OPERATOR, [*DEFAULT_RULES, *table[1:]])
    async with running.container.database.reading() as connection:
        facts = {one.person_id: one for one in await places.facts(connection, everybody)}
        paths = await store.unit_paths(connection)
        speakers = audiences.speakers(table, await directory.seniorities(connection))
        together = await (await directory.belonging(connection, rules)).of(connection, everybody)
        taken = await counting.census(connection, 1)
        for key, rule in rules.items():
            leading = audiences.leading(rule, paths, speakers)
            plainly = {
                one: audiences.leads(leading, facts[one])
                for one in everybody
                if audiences.belongs(rule, facts[one])
            }
            assert await directory.audience(connection, rule) == plainly, rule
            assert await counting.count(connection, taken, rule) == len(plainly), rule
            some = await counting.sample(connection, rule, 5)
            assert len(some) == min(5, len(plainly)), rule
            assert plainly.keys() >= set(some), rule
            assert together.get(key, {}) == plainly, rule


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
