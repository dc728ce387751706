"""Posts on SQLite and PostgreSQL: made by imports, held, left vacant, found, restored."""

from collections.abc import Collection

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.database.engine import Database
from copconnect.directory import names
from copconnect.directory.imports.importer import ImportOptions
from copconnect.directory.postings.posts import PostReader
from copconnect.directory.rules import person_id
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId, PostId, UnitId, new_id
from tests.harness.operator import OPERATOR
from tests.identity.import_world import ORGANISATION, PEOPLE, World, files

VACANT = "unit,post_en,post_te,roles,head\nA,SHO,,sho,yes\nB,SHO,ఎస్‌హెచ్‌ఓ,sho,yes\n"
REPLACING = ImportOptions(confirmed=True, remove_missing=True, most_leaving=None)


class NobodyRegistered:
    """The Authentication Service's stand-in."""

    async def registered(
        self, _connection: AsyncConnection, _person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return nobody."""
        return set()


class PostWorld(World):
    """An importer, and who reads posts."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.database = database
        self.directory = DirectoryService(
            database, NobodyRegistered(), self.clock, Audit(database, self.clock), 1_000
        )
        self.posts = PostReader(database, self.directory)

    async def shown(self, unit: str) -> dict[str, list[tuple[str, str]]]:
        """Return the posts of a unit with their holders, in order."""
        found = await self.posts.of_unit(None, UnitId(unit))
        return {
            one.names.en: [(held.person.names.en, held.charge) for held in one.holders]
            for one in found.posts
        }

    async def post(self, unit: str, title: str) -> wire.Post:
        found = (await self.posts.of_unit(None, UnitId(unit))).posts
        return next(one for one in found if one.names.en == title)

    async def found(self, text: str, unit: str | None = None) -> list[str]:
        found = await self.posts.find(None, text, unit, 20)
        return [f"{one.names.en} {one.unit_id}" for one in found.posts]

    async def give(self, code: str, place: PostId | wire.NewPlace, charge: wire.Charge) -> None:
        async with self.database.transaction() as connection:
            person = person_id(code)
            await self.transfers.give_charge(connection, OPERATOR, person, place, charge)

    async def transfer(self, code: str, place: PostId | wire.NewPlace) -> None:
        self.clock.ms += 1_000
        async with self.database.transaction() as connection:
            await self.transfers.transfer(connection, OPERATOR, person_id(code), place, None)


@pytest.fixture
def world(database: Database) -> PostWorld:
    return PostWorld(database)


async def test_a_table_of_posts_lists_vacant_ones_and_people_fill_them(world: PostWorld) -> None:
    applied = await world.apply([*files(PEOPLE), ("posts.csv", VACANT.encode())])
    assert applied.counts["posts"] == 5
    assert await world.shown("A") == {
        "SHO": [],
        "Patrol": [("Ravi", "regular")],
        "Writer": [("Swapna", "regular")],
    }
    # The row of posts.csv and the row of people.csv are one post; a suspended person fills none.
    assert await world.shown("B") == {"SHO": [("Imran", "regular")], "Patrol": []}
    sho = await world.post("B", "SHO")
    assert (sho.names.te, sho.head, sho.roles, sho.held_by) == ("ఎస్‌హెచ్‌ఓ", True, ["sho"], 1)
    again = await world.apply([*files(PEOPLE), ("posts.csv", VACANT.encode())])
    assert again.number is None
    with pytest.raises(errors.NotFound):
        await world.posts.of_unit(None, UnitId("NOWHERE"))


async def test_who_leaves_a_post_leaves_it_vacant_until_the_next_one(world: PostWorld) -> None:
    await world.apply(files(PEOPLE))
    sho = await world.post("B", "SHO")
    began_ms = world.clock.ms
    await world.transfer("3", (await world.post("A", "Writer")).post_id)
    assert (await world.post("B", "SHO")).holders == []
    assert await world.shown("A") == {
        "Writer": [("Imran", "regular"), ("Swapna", "regular")],  # The senior one first.
        "Patrol": [("Ravi", "regular")],
    }
    await world.give("2", sho.post_id, "officiating")
    assert (await world.shown("B"))["SHO"] == [("Swapna", "officiating")]
    await world.transfer("1", sho.post_id)
    assert (await world.shown("B"))["SHO"] == [("Ravi", "regular"), ("Swapna", "officiating")]
    held = await world.transfers.held_at("+917000000003", began_ms)
    assert held is not None
    assert [(one.post_id, one.post.en) for one in held] == [(sho.post_id, "SHO")]
    for place in (PostId(new_id()), sho.post_id):
        with pytest.raises(errors.PlaceInvalid):
            await world.transfer("1", place)
    await world.apply(files(PEOPLE[:1]), REPLACING)  # Everybody else is removed.
    assert await world.shown("B") == {"SHO": [], "Patrol": []}


async def test_the_same_facts_mean_the_same_post(world: PostWorld) -> None:
    await world.apply(files(PEOPLE))
    sho = await world.post("B", "SHO")
    same = wire.NewPlace(unit_id=UnitId("B"), post=names.english("SHO"), roles=["sho"], head=True)
    await world.transfer("1", same)
    assert (await world.post("B", "SHO")).held_by == 2
    other = wire.NewPlace(unit_id=UnitId("B"), post=names.english("SHO"), roles=[], head=False)
    await world.transfer("2", other)
    by_id = {
        one.post_id: one.held_by for one in (await world.posts.of_unit(None, UnitId("B"))).posts
    }
    assert by_id[sho.post_id] == 2
    assert sorted(by_id.values()) == [0, 1, 2]


async def test_a_title_in_another_language_is_everybodys_who_holds_the_post(
    world: PostWorld,
) -> None:
    people = [*PEOPLE, "5,Lakshmi,,7000000005,PC,Patrol,,A,no,active"]
    await world.apply(files(people))
    titled = b"code,post_en,post_te\n1,Patrol," + "గస్తీ\n".encode()
    preview = await world.importer.preview([("people.csv", titled)], ImportOptions())
    assert {one.code for one in preview.changes if one.table == "people"} == {"1", "5"}
    await world.apply([("people.csv", titled)])
    assert (await world.post("A", "Patrol")).names.te == "గస్తీ"
    found = await world.directory.people(None, text="గస్తీ")
    assert {one.names.en for one in found.people} == {"Ravi", "Lakshmi"}
    # Files that say nothing of a title, and other posts of the people, leave it as it is.
    empty = b"code,post_en,post_te\n5,Patrol,\n1,Clerk,\n"
    await world.apply([("people.csv", empty)])
    assert (await world.post("A", "Patrol")).names.te == "గస్తీ"
    assert (await world.post("A", "Clerk")).names.te == ""


async def test_posts_are_found_by_title_role_unit_and_sound(world: PostWorld) -> None:
    await world.apply([*files(PEOPLE), ("posts.csv", VACANT.encode())])
    assert await world.found("SHO Bolaram") == ["SHO B"]  # It sounds like Bolarum.
    assert await world.found("station house officer") == ["SHO A", "SHO B"]
    assert await world.found("ఎస్‌హెచ్‌ఓ") == ["SHO B"]
    assert await world.found("sho", "A") == ["SHO A"]
    assert await world.found("patrol", "TG") == ["Patrol A", "Patrol B"]
    assert await world.found("nobody") == await world.found("") == []
    renamed = ORGANISATION["units"].replace("Alwal PS", "Trimulgherry PS")
    await world.apply(files(PEOPLE, units=renamed))
    assert await world.found("sho trimulgherry") == ["SHO A"]
    assert await world.found("sho alwal") == []
    await world.transfer(
        "1",
        wire.NewPlace(unit_id=UnitId("A"), post=names.english("Court duty"), roles=[], head=False),
    )
    assert await world.found("court trimulgherry") == ["Court duty A"]


async def test_vacant_posts_go_with_their_unit_and_come_back_with_it(world: PostWorld) -> None:
    units = ORGANISATION["units"] + "C,TG,station,Chandanagar PS\n"
    clerk = b"unit,post_en,post_te\nC,Clerk," + "గుమాస్తా\n".encode()
    await world.apply([*files(PEOPLE, units=units), ("posts.csv", clerk)])
    applied = await world.apply(files(PEOPLE))
    assert await world.found("clerk") == []
    rows = await world.rows()
    assert "C" not in {row["unit"] for row in rows["posts"]}
    world.clock.ms += 1_000
    await world.importer.undo(OPERATOR, applied.number)
    assert await world.shown("C") == {"Clerk": []}
    assert (await world.post("C", "Clerk")).names.te == "గుమాస్తా"
    assert await world.found("clerk") == ["Clerk C"]


async def test_two_rows_that_name_one_post_otherwise_are_refused(world: PostWorld) -> None:
    rows = "unit,post_en,post_te\nA,Clerk,గుమాస్తా\nA,Clerk,క్లర్క్\nB,,\nZ,Clerk,\n"
    some = [*files(PEOPLE), ("posts.csv", rows.encode())]
    preview = await world.importer.preview(some, ImportOptions())
    assert [(one.line, one.code) for one in preview.problems] == [
        (3, "post_duplicate"),
        (4, "name_missing"),
        (5, "unit_unknown"),
    ]
