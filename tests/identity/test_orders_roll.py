"""People by unit, as orders count them, from the data bank."""

from sqlalchemy import select, update

from copconnect.database.among import among
from copconnect.directory import places, store
from copconnect.directory.names import english
from copconnect.directory.postings.roll import Roll
from copconnect.ids import PersonId, PostId, UnitId
from tests.harness.operator import OPERATOR
from tests.identity.running import PATROL, SHO, Running

STATION = UnitId("TG-HYD-PS001")


async def _person(running: Running, number: str) -> PersonId:
    async with running.container.database.reading() as connection:
        found = await running.container.directory.active_by_number(connection, number)
    assert found is not None
    return found


async def test_heads_are_found_by_post_and_by_charge(running: Running) -> None:
    container = running.container
    roll = Roll(container.directory)
    head, officer = await _person(running, SHO), await _person(running, PATROL)
    async with container.database.reading() as connection:
        assert await roll.heads(connection, [STATION]) == {STATION: [head]}
        assert await roll.heads(connection, [UnitId("nowhere")]) == {}
        cards = await roll.cards(connection, [head], None)
    assert cards[head].names != english("")
    async with container.database.transaction() as connection:
        post = PostId(cards[head].post_id)
        await container.transfers.give_charge(connection, OPERATOR, officer, post, "officiating")
    async with container.database.reading() as connection:
        assert set((await roll.heads(connection, [STATION]))[STATION]) == {head, officer}


async def test_people_are_placed_in_units_that_have_a_path(running: Running) -> None:
    container = running.container
    roll = Roll(container.directory)
    officer = await _person(running, PATROL)
    placed = roll.placed().subquery()
    async with container.database.reading() as connection:
        rows = await connection.execute(
            select(placed.c.unit_id, placed.c.sort_key).where(among(placed.c.person_id, [officer]))
        )
        (row,) = rows
        paths = await roll.unit_paths(connection)
    assert row.unit_id == STATION
    assert row.sort_key
    assert paths[STATION].endswith(f"/{STATION}")


async def test_people_posted_elsewhere_are_active(running: Running) -> None:
    """A suspended member of a group would refuse it every order."""
    found = running.container.directory
    async with running.container.database.transaction() as connection:
        patrol = await found.active_by_number(connection, PATROL)
        assert patrol is not None
        station = places.posted_elsewhere([STATION])
        elsewhere = set(await connection.scalars(station))
        everybody = set(await connection.scalars(places.posted_elsewhere([])))
        assert patrol in everybody - elsewhere
        await connection.execute(
            update(store.people)
            .where(store.people.c.person_id == patrol)
            .values(status="suspended")
        )
        assert set(await connection.scalars(places.posted_elsewhere([]))) == everybody - {patrol}
