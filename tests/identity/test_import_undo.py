"""An import is undone, and an export that is imported again changes nothing."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copconnect import wire
from copconnect.database.engine import Database
from copconnect.directory import names
from copconnect.directory.imports import exporting, refusals
from copconnect.directory.imports.importer import ImportOptions
from copconnect.directory.postings import posting_store
from copconnect.directory.rules import person_id
from copconnect.ids import UnitId
from tests.harness.operator import OPERATOR
from tests.identity.import_world import ORGANISATION, PEOPLE, World, files

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.mark.databases("sqlite", "postgresql")
async def test_undo_restores_what_an_import_changed(world: World) -> None:
    await world.apply(files(PEOPLE))
    before = await world.rows()
    new = [
        "1,Ravi Kumar,,7000000002,SI,SHO,sho,B,yes,active",
        "2,Swapna,స్వప్న,7000000001,PC,Writer,,A,no,suspended",
        "5,Anita,అనిత,7000000005,PC,Patrol,,C,no,",
    ]
    units = ORGANISATION["units"] + "C,TG,station,Chandanagar PS\n"
    options = ImportOptions(confirmed=True, remove_missing=True)
    applied = await world.apply(files(new, units=units), options)
    assert applied.counts["removed"] == 2
    world.clock.ms += 1_000
    await world.importer.undo(OPERATOR, applied.number)
    assert await world.rows() == before
    listed = await world.importer.imports()
    assert [(one.number, one.undoes, one.undoable) for one in listed] == [
        (3, 2, True),
        (2, None, False),
        (1, None, True),
    ]
    with pytest.raises(refusals.NotUndoable):
        await world.importer.undo(OPERATOR, applied.number)
    # Undoing the undoing does it again.
    world.clock.ms += 1_000
    with pytest.raises(refusals.TooManyLeave):  # With people who left by the import, within a day.
        await world.importer.undo(OPERATOR, 3)
    await world.importer.undo(OPERATOR, 3, most_leaving=None)
    assert {row["code"] for row in (await world.rows())["people"]} == {"1", "2", "5"}
    assert [act for act in await world.acts() if "import_undone" in act]


async def test_undo_gives_charges_again_and_keeps_who_was_where(
    world: World, database: Database
) -> None:
    await world.apply(files(PEOPLE))
    person = person_id("2")
    crime = wire.NewPlace(unit_id=UnitId("B"), post=names.english("Crime"), roles=[], head=False)
    async with database.transaction() as connection:
        await world.transfers.give_charge(connection, OPERATOR, person, crime, "additional")
    options = ImportOptions(confirmed=True, remove_missing=True)
    moved = PEOPLE[0].replace(",A,", ",B,")
    applied = await world.apply(files([moved, *PEOPLE[2:]]), options)
    async with database.reading() as connection:
        assert await posting_store.charges(connection, [person]) == []
    world.clock.ms += 1_000
    await world.importer.undo(OPERATOR, applied.number)
    async with database.reading() as connection:
        (again,) = await posting_store.charges(connection, [person])
        former = await posting_store.history(connection, person_id("1"))
    assert (again.unit_id, again.post_en, again.from_ms) == ("B", "Crime", world.clock.ms)
    assert {one.unit_id for one in former} == {"A", "B"}  # It was in both, and is back.


async def test_undo_refuses_to_overwrite_later_changes_and_names_them(world: World) -> None:
    await world.apply(files(PEOPLE))
    moved = [PEOPLE[0].replace(",A,", ",B,"), PEOPLE[1].replace(",A,", ",B,"), *PEOPLE[2:]]
    applied = await world.apply(files(moved))
    world.clock.ms += 1_000
    await world.editor.suspend(OPERATOR, "+917000000002")
    await world.editor.suspend(OPERATOR, "+917000000003")  # The import did not touch this one.
    with pytest.raises(refusals.ChangedSince) as refused:
        await world.importer.undo(OPERATOR, applied.number)
    assert [(one.code, one.name) for one in refused.value.people] == [("2", "Swapna")]
    assert not refused.value.organisation


async def test_undo_of_a_first_import_would_remove_everybody(world: World) -> None:
    many = [f"{n},P,,70000001{n:02d},PC,P,,A,no,active" for n in range(10, 40)]
    applied = await world.apply(files(many))
    with pytest.raises(refusals.TooManyLeave):
        await world.importer.undo(OPERATOR, applied.number)


async def test_an_export_imports_back_as_nothing(world: World) -> None:
    await world.apply(files(PEOPLE))
    tables = await world.rows()
    as_csv = [(f"{name}.csv", content) for name, content in exporting.csv_files(tables).items()]
    as_workbook = [("bank.xlsx", exporting.workbook(tables))]
    for some in (as_csv, as_workbook):
        preview = await world.importer.preview(some, ImportOptions(remove_missing=True))
        assert (preview.changes, preview.problems, preview.unsure()) == ([], [], [])
        applied = await world.importer.apply(OPERATOR, some, ImportOptions(remove_missing=True))
        assert applied.number is None
    assert sum("directory_exported" in act for act in await world.acts()) == 1


PERSON = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["Ravi", "Swapna", "Imran"]),
        "number": st.integers(0, 12),
        "rank": st.sampled_from(["PC", "SI"]),
        "post": st.sampled_from(["Patrol", "Patrol", "Writer"]),
        "te": st.sampled_from(["", "గస్తీ", "రచయిత"]),
        "unit": st.sampled_from(["A", "B"]),
        "status": st.sampled_from(["active", "suspended", ""]),
    }
)
POSTS = st.dictionaries(
    st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(["Patrol", "Writer", "Clerk"])),
    st.sampled_from(["", "గస్తీ", "గుమాస్తా"]),
    max_size=3,
)
FORCE = st.dictionaries(st.integers(1, 8), PERSON, max_size=8).filter(
    lambda force: len({one["number"] for one in force.values()}) == len(force)
)


def force_files(
    force: Mapping[int, Mapping[str, Any]], posts: Mapping[tuple[str, str], str]
) -> list[tuple[str, bytes]]:
    people = [
        f"{code},{one['name']},70000000{one['number']:02d},{one['rank']},{one['post']},{one['te']},"
        f"{one['unit']},{one['status']}\n"
        for code, one in force.items()
    ]
    head = "code,name_en,number,rank,post_en,post_te,unit,status\n"
    listed = [f"{unit},{title},{te}\n" for (unit, title), te in posts.items()]
    texts = {**ORGANISATION, "people": head + "".join(people)}
    if listed:
        texts["posts"] = "unit,post_en,post_te\n" + "".join(listed)
    return [(f"{name}.csv", text.encode()) for name, text in texts.items()]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(FORCE, POSTS, st.booleans()), min_size=1, max_size=4))
async def test_imports_are_idempotent_and_undo_restores(
    world: World,
    steps: list[tuple[dict[int, dict[str, Any]], dict[tuple[str, str], str], bool]],
) -> None:
    """Whatever forces follow each other: the second import of a file changes nothing, and undoing
    import after import leads back through every state."""
    start = await world.rows()
    states: list[tuple[int, dict[str, list[exporting.FileRow]]]] = []
    for force, posts, remove_missing in steps:
        options = ImportOptions(confirmed=True, remove_missing=remove_missing, most_leaving=None)
        before = await world.rows()
        some = force_files(force, posts)
        preview = await world.importer.preview(some, options)
        if preview.problems:
            assert {p.code for p in preview.problems} == {"number_in_use"}
            continue
        applied = await world.apply(some, options)
        assert applied.counts == preview.counts
        again = await world.apply(some, options)
        assert again.number is None
        if applied.number is not None:
            states.append((applied.number, before))
    for number, before in reversed(states):
        world.clock.ms += 1_000
        await world.importer.undo(OPERATOR, number, most_leaving=None)
        assert await world.rows() == before
    if states:
        assert states[0][1] == start
