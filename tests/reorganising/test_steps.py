"""Reorganisations on SQLite and PostgreSQL: done as one, with history, undone."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.bus import LocalBus
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.directory import databank, places, policies, store
from copconnect.directory.editing import DirectoryEditor
from copconnect.directory.names import english
from copconnect.directory.postings.posting_store import POSTINGS
from copconnect.directory.postings.transfers import Transfers
from copconnect.directory.reorganising import reorganising_store
from copconnect.directory.reorganising.service import Reorganiser
from copconnect.directory.rules import person_id
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId, PostId, UnitId
from copconnect.wakeup_log import BusAndLog, WakeupLog
from tests.harness.operator import OPERATOR
from tests.identity.running import MovedClock
from tests.identity.test_import import Recorded

DAY_MS = 86_400_000
FILES = {
    "levels": "code,name_en\nstate,State\ndistrict,District\ndivision,Division\nstation,PS\n",
    "ranks": "code,name_en\nPC,Constable\nSI,Sub-Inspector\nSP,Superintendent\n",
    "roles": "code,name_en\nsho,SHO\npatrol,Patrol\n",
    "units": (
        "code,parent,level,name_en\n"
        "TG,,state,Telangana\nA,TG,district,Adilabad\nB,TG,district,Bhongir\n"
        "A1,A,division,Asifabad Division\nA1a,A1,station,Alwal PS\nA1b,A1,station,Bolarum PS\n"
        "B1,B,division,Bibinagar Division\n"
    ),
    "people": (
        "code,name_en,number,rank,post_en,roles,unit,head,status\n"
        "1,Ravi,7000000001,PC,Patrol,patrol,A1a,no,active\n"
        "2,Swapna,7000000002,PC,Patrol,patrol,A1a,no,active\n"
        "3,Imran,7000000003,SI,SHO of Alwal,sho,A1a,yes,active\n"
        "4,Kumar,7000000004,PC,Patrol,patrol,A1b,no,suspended\n"
        "5,Fatima,7000000005,SI,SHO of Bolarum,sho,A1b,yes,active\n"
        "6,Anita,7000000006,SP,SP,,A,yes,active\n"
        "7,Joseph,7000000007,SP,SP,,B,yes,active\n"
        "8,Lakshmi,7000000008,SI,Reader,,A1,no,active\n"
        "9,Mohan,7000000009,SI,Reader,,B1,no,active\n"
    ),
}
POLICY = [
    wire.GroupPolicy(
        code="all", title=english("{unit}"), levels=["district", "division", "station"]
    ),
    wire.GroupPolicy(code="sho", title=english("SHOs, {unit}"), levels=["district"], roles=["sho"]),
]


def person(number: int) -> PersonId:
    return person_id(str(number))


class NoConversations:
    """Stands for the Delivery Service: conversations that officers made."""

    def __init__(self) -> None:
        self.followed: dict[str, tuple[wire.Audience, wire.Names | None]] = {}

    async def followed_by_hand(
        self, _: Any
    ) -> Mapping[str, tuple[wire.Audience, wire.Names | None]]:
        return self.followed


class Nobody:
    """Stands for the Authentication Service: nobody has registered."""

    async def registered(self, _: Any, __: Any) -> set[PersonId]:
        return set()

    async def has_grant(self, _: Any, __: Any) -> bool:
        return False


class World:
    """A small organisation and what changes it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock: Any = MovedClock()
        clock: Clock = self.clock
        log = WakeupLog(database, clock, has_bus=False)
        database.announce_through(BusAndLog(LocalBus(), log))
        self.audit = Audit(database, clock)
        self.editor = DirectoryEditor(database, clock, Recorded(), self.audit)
        self.transfers = Transfers(database, clock, self.audit)
        self.conversations = NoConversations()
        self.reorganiser = Reorganiser(clock, self.audit, self.conversations)
        self.directory = DirectoryService(database, Nobody(), clock, 1000)

    async def load(self) -> None:
        bank = databank.read({name: text.encode() for name, text in FILES.items()})
        assert bank.problems == []
        await self.editor.import_bank(OPERATOR, bank)
        await self.editor.set_group_policy(OPERATOR, POLICY)

    async def do(self, *steps: wire.Step) -> int:
        self.clock.ms += DAY_MS
        async with self.database.transaction() as connection:
            return await self.reorganiser.reorganise(connection, OPERATOR, steps)

    async def undo(self, number: int) -> int:
        self.clock.ms += DAY_MS
        async with self.database.transaction() as connection:
            return await self.reorganiser.undo(connection, OPERATOR, number)

    async def preview(self, *steps: wire.Step) -> wire.ReorganisationPreview:
        async with self.database.reading() as connection:
            return (await self.reorganiser.examine(connection, steps)).preview

    async def transfer(self, number: int, unit: str, post: str = "Clerk") -> None:
        self.clock.ms += DAY_MS
        place = wire.NewPlace(unit_id=UnitId(unit), post=english(post), roles=[], head=False)
        async with self.database.transaction() as connection:
            await self.transfers.transfer(connection, OPERATOR, person(number), place, None)

    async def charge(self, number: int, unit: str) -> int:
        place = wire.NewPlace(unit_id=UnitId(unit), post=english("In charge"), roles=[], head=True)
        async with self.database.transaction() as connection:
            return await self.transfers.give_charge(
                connection, OPERATOR, person(number), place, "additional"
            )

    async def homes(self) -> dict[int, str]:
        """Return the unit of each person who is not removed."""
        return {one: (await self.card(one)).unit_id for one in range(1, 10)}

    async def card(self, number: int) -> wire.Person:
        async with self.database.reading() as connection:
            found = await self.directory.card(connection, person(number))
        assert found is not None
        return found

    async def held_at(self, number: int, at_ms: int) -> list[wire.Posting]:
        return await self.transfers.held_at(f"+91700000000{number}", at_ms) or []

    async def found(self, text: str) -> list[str]:
        people = (await self.directory.people(None, text=text)).people
        return [one.names.en for one in people]

    async def stored(self) -> dict[str, Any]:
        """Return every table of the organisation, but for times, history and posts that ended."""
        async with self.database.reading() as connection:
            tables: dict[str, Any] = {
                "units": [tuple(one) for one in await connection.execute(select(store.units))],
                "people": {
                    (row.person_id, row.post_id, row.status, row.rank, row.sort_key)
                    for row in await connection.execute(select(store.people))
                },
                "search": {
                    (row.person_id, row.sort_key, row.words)
                    for row in await connection.execute(select(store.search))
                },
                "posts": {
                    tuple(row)
                    for row in await connection.execute(
                        select(store.posts).where(store.posts.c.abolished_ms.is_(None))
                    )
                },
                "charges": {
                    (row.person_id, row.post_id, row.charge)
                    for row in await connection.execute(
                        select(POSTINGS).where(POSTINGS.c.until_ms.is_(None))
                    )
                },
                "former": set(
                    await connection.scalars(select(reorganising_store.FORMER_UNITS.c.unit_id))
                ),
                "policy": await policies.read(connection),
            }
        tables["units"].sort()
        return tables


@pytest.fixture
async def world(database: Database) -> World:
    made = World(database)
    await made.load()
    return made


def merge(code: str, into: str) -> wire.MergeUnits:
    return wire.MergeUnits(unit_id=UnitId(code), into=UnitId(into))


def move(code: str, parent: str) -> wire.MoveUnit:
    return wire.MoveUnit(unit_id=UnitId(code), parent_id=UnitId(parent))


def rename(code: str, level: str, name: str) -> wire.RenameUnit:
    return wire.RenameUnit(unit_id=UnitId(code), level=level, names=english(name))


async def post_of(world: World, number: int) -> PostId:
    return (await world.card(number)).post_id


async def test_a_merge_moves_people_posts_and_charges_and_history_stays_true(world: World) -> None:
    charge = await world.charge(6, "A1b")
    world.clock.ms += DAY_MS
    before_ms, before = world.clock.ms, await world.stored()
    number = await world.do(merge("A1b", "A1a"))
    homes = await world.homes()
    assert {homes[4], homes[5]} == {"A1a"}
    # The patrol of Bolarum is in the patrol post that Alwal has.
    assert await post_of(world, 4) == await post_of(world, 1)
    sho = await world.card(5)
    assert (sho.post.en, sho.roles, sho.unit_id) == ("SHO of Bolarum", ["sho"], "A1a")
    assert {one.unit_id for one in (await world.card(6)).charges} == {"A1a"}
    # Alwal has a head already, so that the other SHO heads nothing more.
    assert [(await world.held_at(one, world.clock.ms))[0].head for one in (3, 5)] == [True, False]
    (then,) = await world.held_at(5, before_ms)
    assert (then.unit_id, then.until_ms) == ("A1b", world.clock.ms)
    (now,) = await world.held_at(5, world.clock.ms)
    assert (now.unit_id, now.from_ms) == ("A1a", world.clock.ms)
    assert {one.unit_id for one in await world.held_at(6, before_ms)} == {"A", "A1b"}
    assert charge in {one.posting_id for one in await world.held_at(6, before_ms)}
    assert "Fatima" in await world.found("Alwal")
    await world.undo(number)
    assert await world.stored() == before
    assert {one.unit_id for one in await world.held_at(5, world.clock.ms - 1)} == {"A1a"}
    acts = [one.content.act async for one in world.audit.entries()]
    assert "units_reorganised" in acts[-2]
    assert '"merged":["A1b"]' in acts[-2]
    assert "reorganisation_undone" in acts[-1]


async def test_a_move_changes_paths_below_and_ids_of_nothing(world: World) -> None:
    posts = {one: await post_of(world, one) for one in range(1, 10)}
    before = await world.stored()
    number = await world.do(move("A1", "B"), rename("B", "district", "Bhuvanagiri"))
    async with world.database.reading() as connection:
        assert await world.directory.path_of(connection, UnitId("A1a")) == "TG/B/A1/A1a"
    assert {one: await post_of(world, one) for one in range(1, 10)} == posts
    assert sorted(await world.found("Bhuvanagiri")) == ["Joseph"]
    rule = wire.Audience(include=[wire.Clause(units=[UnitId("B")], below=True)])
    async with world.database.reading() as connection:
        belongs = await places.audience(connection, rule)
    assert belongs == {person(one) for one in (1, 2, 3, 5, 7, 8, 9)}
    back = await world.undo(number)
    assert await world.stored() == before
    # Undoing the undo does it again.
    await world.undo(back)
    assert sorted(await world.found("Bhuvanagiri")) == ["Joseph"]
    with pytest.raises(errors.NotFound):
        await world.undo(back)


async def test_a_split_takes_posts_and_people_along(world: World) -> None:
    before = await world.stored()
    patrol = await post_of(world, 1)
    part = wire.UnitPart(
        unit_id=UnitId("A2"),
        parent_id=UnitId("A"),
        level="division",
        names=english("New Division"),
        unit_ids=[UnitId("A1b")],
        post_ids=[await post_of(world, 8)],
        person_ids=[],
    )
    other = wire.UnitPart(
        unit_id=UnitId("A1c"),
        parent_id=UnitId("A2"),
        level="station",
        names=english("New PS"),
        unit_ids=[],
        post_ids=[],
        person_ids=[person(2)],
    )
    number = await world.do(
        wire.SplitUnit(unit_id=UnitId("A1"), parts=[part]),
        wire.SplitUnit(unit_id=UnitId("A1a"), parts=[other]),
    )
    homes = await world.homes()
    assert (homes[8], homes[2], homes[1]) == ("A2", "A1c", "A1a")
    assert await post_of(world, 1) == patrol
    mine = await world.card(2)
    assert (mine.post.en, mine.roles) == ("Patrol", ["patrol"])
    async with world.database.reading() as connection:
        assert await world.directory.path_of(connection, UnitId("A1c")) == "TG/A/A2/A1c"
        assert await world.directory.path_of(connection, UnitId("A1b")) == "TG/A/A2/A1b"
    await world.undo(number)
    # History names the units that were there for a day.
    assert await world.stored() == before | {"former": {"A2", "A1c"}}


async def test_problems_are_told_all_at_once_and_nothing_is_done(world: World) -> None:
    before = await world.stored()
    steps: list[wire.Step] = [
        wire.RemoveUnit(unit_id=UnitId("A1a")),
        move("A", "A1"),
        rename("B", "district", " "),
    ]
    preview = await world.preview(*steps)
    assert [(one.step, one.code) for one in preview.problems] == [
        (0, "not_empty"),
        (1, "below_itself"),
        (2, "name_missing"),
    ]
    with pytest.raises(errors.ReorganisationInvalid) as refused:
        await world.do(*steps)
    assert refused.value.details == {
        "problems": 3,
        "step": 1,
        "reason": "not_empty",
        "unit_id": "A1a",
        "value": "",
    }
    assert await world.stored() == before


async def test_an_undo_names_what_stands_against_it(world: World) -> None:
    number = await world.do(merge("A1b", "A1a"), rename("B", "district", "Bhuvanagiri"))
    await world.transfer(5, "B1")
    await world.do(rename("B", "district", "Bhongir"))
    with pytest.raises(errors.ReorganisationChanged) as refused:
        await world.undo(number)
    assert refused.value.details == {"units": "B", "people": person(5), "count": 2}
    assert (await world.homes())[5] == "B1"


async def test_an_undo_is_refused_where_somebody_came_to_what_it_would_end(world: World) -> None:
    added = wire.AddUnit(
        unit_id=UnitId("N"),
        parent_id=UnitId("A1"),
        level="station",
        names=english("New PS"),
    )
    number = await world.do(added)
    await world.transfer(1, "N")
    with pytest.raises(errors.ReorganisationChanged) as refused:
        await world.undo(number)
    assert refused.value.details["people"] == person(1)
    await world.transfer(1, "A1a", "Patrol 2")
    await world.undo(number)
    # The code is not given again by a reorganisation: conversations and history have it.
    assert [one.code for one in (await world.preview(added)).problems] == ["unit_former"]


async def test_a_person_who_left_the_department_does_not_hinder_an_undo(world: World) -> None:
    number = await world.do(merge("A1b", "A1a"))
    gone = FILES | {"people": FILES["people"].replace("4,Kumar", "#4,Kumar").replace("#", "")}
    lines = [line for line in gone["people"].splitlines() if not line.startswith("4,")]
    units = "\n".join(line for line in FILES["units"].splitlines() if not line.startswith("A1b,"))
    rows = "\n".join(lines).replace(",A1b,yes", ",A1a,no") + "\n"
    bank = databank.read(
        {
            name: text.encode()
            for name, text in (gone | {"people": rows, "units": f"{units}\n"}).items()
        }
    )
    assert bank.problems == []
    world.clock.ms += DAY_MS
    await world.editor.import_bank(OPERATOR, bank, remove_missing=True)
    await world.undo(number)
    assert (await world.homes())[5] == "A1b"


async def test_a_preview_says_which_conversations_change(world: World) -> None:
    by_hand = wire.Audience(include=[wire.Clause(units=[UnitId("A1b")])])
    world.conversations.followed = {"c" * 32: (by_hand, None)}
    preview = await world.preview(merge("A1b", "A1a"))
    told = {
        ("" if one.title is None else one.title.en, one.kind): (one.joins, one.leaves)
        for one in preview.groups
    }
    # Kumar is suspended and belongs nowhere.
    assert told == {
        ("Bolarum PS", "ended"): (0, 1),
        ("Alwal PS", "people"): (1, 0),
        ("", "people"): (0, 1),
    }
    assert (preview.people, preview.moved, preview.posts) == (2, 2, 2)
    assert [(one.from_id, one.to_id, one.people) for one in preview.places] == [("A1b", "A1a", 2)]
    assert preview.paths == ["TG/A/A1", "TG/A/A1/A1a", "TG/A/A1/A1b"]
    renamed = await world.preview(rename("B", "district", "Bhuvanagiri"))
    assert {(one.kind, one.former and one.former.en) for one in renamed.groups} == {
        ("renamed", "Bhongir"),
        ("renamed", "SHOs, Bhongir"),
    }
    moved = await world.preview(move("A1", "B"))
    told = {
        (one.title.en if one.title else "", one.kind): (one.joins, one.leaves)
        for one in moved.groups
    }
    assert told == {
        ("Adilabad", "people"): (0, 5),
        ("Bhongir", "people"): (5, 0),
        ("SHOs, Adilabad", "people"): (0, 2),
        ("SHOs, Bhongir", "people"): (2, 0),
    }


class Cut(Exception):
    """The process ends here."""


async def test_a_reorganisation_that_is_cut_in_the_middle_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it ends: each statement of the writing part fails once."""
    before = await world.stored()
    entries = [one.number async for one in world.audit.entries()]
    names = ("write_units", "write_former", "open_posts", "give_posts", "rows_for_words", "add")
    for name in names:
        with monkeypatch.context() as patch:

            async def cut(*_: Any) -> None:
                raise Cut

            patch.setattr(reorganising_store, name, cut)
            with pytest.raises(Cut):
                await world.do(merge("A1b", "A1a"), move("A1", "B"))
        assert await world.stored() == before, name
    assert [one.number async for one in world.audit.entries()] == entries
    await world.do(merge("A1b", "A1a"), move("A1", "B"))


CODES = st.sampled_from([UnitId(one) for one in ("TG", "A", "B", "A1", "A1a", "A1b", "B1", "N")])
LEVELS = st.sampled_from(["district", "division", "station"])
NAMES = st.builds(english, st.sampled_from(["One", "Two", "Three"]))
PEOPLE = st.lists(st.sampled_from([person(one) for one in range(1, 10)]), max_size=3)
PARTS = st.builds(
    wire.UnitPart,
    unit_id=CODES,
    parent_id=CODES,
    level=LEVELS,
    names=NAMES,
    unit_ids=st.lists(CODES, max_size=2),
    post_ids=st.just([]),
    person_ids=PEOPLE,
)
STEPS: st.SearchStrategy[Any] = st.one_of(
    st.builds(wire.AddUnit, unit_id=CODES, parent_id=CODES, level=LEVELS, names=NAMES),
    st.builds(wire.RenameUnit, unit_id=CODES, level=LEVELS, names=NAMES),
    st.builds(wire.MoveUnit, unit_id=CODES, parent_id=CODES),
    st.builds(wire.MergeUnits, unit_id=CODES, into=CODES),
    st.builds(wire.SplitUnit, unit_id=CODES, parts=st.lists(PARTS, min_size=1, max_size=1)),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(STEPS, min_size=1, max_size=3), min_size=1, max_size=3))
async def test_undoing_reorganisations_restores_every_table(
    world: World, drafts: list[list[wire.Step]]
) -> None:
    """Whatever reorganisations follow each other, undoing them leads back through every state, and
    nobody is ever in a unit that is not there."""
    done: list[tuple[int, dict[str, Any]]] = []
    for steps in drafts:
        before = await world.stored()
        if (await world.preview(*steps)).problems:
            with pytest.raises(errors.ReorganisationInvalid):
                await world.do(*steps)
            assert await world.stored() == before
            continue
        done.append((await world.do(*steps), before))
        units = {row[0] for row in (await world.stored())["units"]}
        assert set((await world.homes()).values()) <= units
    for number, before in reversed(done):
        await world.undo(number)
        found, expected = await world.stored(), dict(before)
        # A unit that was added stays known as a former one, so that nobody gets its code again.
        assert found.pop("former") >= expected.pop("former")
        assert found == expected
