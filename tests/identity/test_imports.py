"""Imports of files: previewed, applied once, remembered, undone."""

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copconnect import wire
from copconnect.audit import Audit
from copconnect.bus import LocalBus
from copconnect.database.engine import Database
from copconnect.directory import names
from copconnect.directory.editing import DirectoryEditor
from copconnect.directory.files import reading
from copconnect.directory.files.limits import FileRefused, Limits
from copconnect.directory.files.sheets import SourceFile
from copconnect.directory.imports import exporting, import_store, refusals
from copconnect.directory.imports.importer import TURN_MS, Importer, ImportOptions
from copconnect.directory.imports.previews import Preview
from copconnect.directory.postings import posting_store
from copconnect.directory.postings.transfers import Transfers
from copconnect.directory.rules import person_id
from copconnect.directory.sources import Corrections
from copconnect.ids import UnitId
from copconnect.wakeup_log import BusAndLog, WakeupLog
from tests.harness.operator import OPERATOR
from tests.harness.waiting import until_async
from tests.identity.running import MovedClock
from tests.identity.test_import import Recorded

pytestmark = pytest.mark.databases("sqlite")

ORGANISATION = {
    "levels": "code,name_en\nstate,State\nstation,Police station\n",
    "ranks": "code,name_en\nPC,Police Constable\nSI,Sub-Inspector\n",
    "roles": "code,name_en\nsho,Station house officer\n",
    "units": (
        "code,parent,level,name_en\n"
        "TG,,state,Telangana\nA,TG,station,Alwal PS\nB,TG,station,Bolarum PS\n"
    ),
}
HEADER = "code,name_en,name_te,number,rank,post_en,roles,unit,head,status\n"
PEOPLE = [
    "1,Ravi,రవి,7000000001,PC,Patrol,,A,no,active",
    "2,Swapna,స్వప్న,7000000002,PC,Writer,,A,no,active",
    "3,Imran,ఇమ్రాన్,7000000003,SI,SHO,sho,B,yes,active",
    "4,Kumar,కుమార్,7000000004,PC,Patrol,,B,no,suspended",
]
SURE = ImportOptions(confirmed=True)
ANY = ImportOptions(confirmed=True, most_leaving=None)


def files(rows: list[str], **organisation: str) -> list[tuple[str, bytes]]:
    texts = {**ORGANISATION, **organisation, "people": HEADER + "\n".join(rows) + "\n"}
    return [(f"{name}.csv", text.encode()) for name, text in texts.items()]


def roll(text: str) -> list[tuple[str, bytes]]:
    return [("roll.csv", text.encode())]


class World:
    """An importer, its clock and the Authentication Service's stand-in."""

    def __init__(self, database: Database) -> None:
        self.clock = MovedClock()
        self.accounts = Recorded()
        log = WakeupLog(database, self.clock, has_bus=False)
        database.announce_through(BusAndLog(LocalBus(), log))
        self.audit = Audit(database, self.clock)
        self.editor = DirectoryEditor(database, self.clock, self.accounts, self.audit)
        self.importer = Importer(database, self.clock, self.editor, self.audit)
        self.transfers = Transfers(database, self.clock, self.audit)

    async def apply(self, some: list[tuple[str, bytes]], options: ImportOptions = SURE) -> Any:
        self.clock.ms += 1_000
        return await self.importer.apply(OPERATOR, some, options)

    async def rows(self) -> dict[str, list[exporting.FileRow]]:
        return await self.importer.export(OPERATOR)

    async def acts(self) -> list[str]:
        return [entry.content.act async for entry in self.audit.entries()]


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def kinds(preview: Preview) -> dict[str, tuple[str, ...]]:
    return {one.code: tuple(one.kinds) for one in preview.changes if one.table == "people"}


async def test_a_preview_says_row_by_row_what_changes_and_stores_nothing(world: World) -> None:
    await world.apply(files(PEOPLE))
    before = await world.rows()
    new = [
        "1,Ravi Kumar,రవి,7000000001,PC,Patrol,,B,no,active",
        "3,Imran,ఇమ్రాన్,7000000003,SI,SHO,sho,B,yes,suspended",
        "4,Kumar,కుమార్,7000000004,PC,Patrol,,B,no,active",
        "5,Anita,అనిత,7000000005,PC,Patrol,,A,no,",
    ]
    options = ImportOptions(confirmed=True, remove_missing=True)
    preview = await world.importer.preview(files(new), options)
    assert kinds(preview) == {
        "1": ("changed", "moved"),
        "3": ("changed", "suspended"),
        "4": ("changed", "restored"),
        "5": ("added",),
        "2": ("removed",),
    }
    ravi = next(one for one in preview.changes if one.code == "1")
    assert (ravi.file, ravi.line) == ("people.csv", 2)
    assert ravi.values == [
        wire.ImportValue(column="name_en", old="Ravi", new="Ravi Kumar"),
        wire.ImportValue(column="unit", old="A", new="B"),
    ]
    # Everybody who would leave is named.
    assert [(one.code, one.name) for one in preview.by_kind("removed")] == [("2", "Swapna")]
    assert (preview.people, preview.leaving) == (4, 2)
    assert await world.rows() == before


async def test_every_problem_of_a_row_is_in_the_report_to_be_mended(world: World) -> None:
    await world.apply(files(PEOPLE))
    text = (
        "Emp No,Name of the Officer,Mobile No.,Rank,PS\n"
        "1,Ravi,98480,Constabel,Alwal\n"
        "9,=HYPERLINK(1),7000000003,PC,Bolarum PS\n"
        "5,Anita,7000000005,PC,Alwal PS\n"
    )
    preview = await world.importer.preview(roll(text), SURE)
    assert [(p.line, p.code, p.suggestions) for p in preview.problems] == [
        (2, "rank_unknown", ("PC",)),
        (2, "number_invalid", ()),
        (3, "value_formula", ()),
    ]
    with pytest.raises(refusals.RowsRefused):
        await world.apply(roll(text))
    report = reading.read("report.xlsx", preview.report())
    (refused, _changes) = report.sheets
    assert refused.headers[:5] == ["Emp No", "Name of the Officer", "Mobile No.", "Rank", "PS"]
    assert [row.cells[:5] for row in refused.rows] == [
        ["1", "Ravi", "98480", "Constabel", "Alwal"],
        ["9", "=HYPERLINK(1)", "7000000003", "PC", "Bolarum PS"],
    ]
    assert "Perhaps: PC." in refused.rows[0].cells[6]
    # The report itself can be imported again: its own columns and sheets are left out.
    again = await world.importer.preview([("report.xlsx", preview.report())], SURE)
    assert [sheet.table for sheet in again.sheets] == ["people"]
    assert [p.code for p in again.problems] == [p.code for p in preview.problems]


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_node_reads_two_files_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.apply(files(PEOPLE))
    real, lock, under_way = reading.read, threading.Lock(), [0]
    counts: list[int] = []

    def read(name: str, content: bytes, limits: Limits) -> SourceFile:
        with lock:
            under_way[0] += 1
            counts.append(under_way[0])
        time.sleep(0.1)
        with lock:
            under_way[0] -= 1
        return real(name, content, limits)

    monkeypatch.setattr(reading, "read", read)
    one = roll("Emp No,Name,Mobile,Rank,PS\n5,A,7000000005,PC,Alwal PS\n")
    await asyncio.gather(*(world.importer.preview(one, SURE) for _ in range(6)))
    assert max(counts) == 2


async def test_a_partial_import_stores_the_good_rows(world: World) -> None:
    await world.apply(files(PEOPLE))
    text = (
        "Emp No,Name,Mobile,Rank,PS\n5,A,7000000005,PC,Alwal PS\n"
        "6,B,12,PC,Alwal PS\n7,C,7000000001,PC,Alwal PS\n"
    )
    applied = await world.apply(roll(text), ImportOptions(confirmed=True, partial=True))
    assert applied.counts["added"] == 1
    assert [(p.line, p.code) for p in applied.preview.problems] == [
        (3, "number_invalid"),
        (4, "number_in_use"),
    ]


async def test_columns_that_a_file_lacks_keep_what_is_stored(world: World) -> None:
    await world.apply(files(PEOPLE))
    applied = await world.apply(roll("Emp No,Mobile No\n1,7000000009\n4,7000000004\n"))
    assert (applied.counts["changed"], applied.counts["unchanged"]) == (1, 1)
    ravi = (await world.rows())["people"][0]
    assert (ravi["number"], ravi["name_te"], ravi["unit"]) == ("+917000000009", "రవి", "A")
    # Somebody new needs every column.
    preview = await world.importer.preview(roll("Emp No,Mobile No\n9,7000000010\n"), SURE)
    assert [p.code for p in preview.problems] == ["name_missing", "rank_unknown", "unit_unknown"]


async def test_a_guess_is_confirmed_once_and_remembered(world: World) -> None:
    await world.apply(files(PEOPLE))
    text = "Emp No,Name,Phone A,Phone B,Rank,Where\n1,Ravi,7000000001,7000000011,PC,Alwal PS\n"
    unconfirmed = ImportOptions()
    with pytest.raises(refusals.MappingUnsure):
        await world.apply(roll(text), unconfirmed)
    said = Corrections(columns={"number": "Phone B", "unit": "Where"})
    first = await world.apply(roll(text), ImportOptions(confirmed=True, corrections=said))
    assert first.counts["changed"] == 1
    other = text.replace("7000000011", "7000000012")
    second = await world.apply(roll(other), unconfirmed)
    assert second.preview.sheets[0].remembered
    assert (await world.rows())["people"][0]["number"] == "+917000000012"


@pytest.mark.databases("sqlite", "postgresql")
async def test_a_name_that_was_matched_by_hand_is_remembered(world: World) -> None:
    await world.apply(files(PEOPLE))
    text = "Emp No,Mobile No,PS\n1,7000000001,Secunderabad North\n"
    assert (await world.importer.preview(roll(text), SURE)).problems[0].code == "unit_unknown"
    by_hand = ImportOptions(confirmed=True, aliases={"unit": {"Secunderabad North": "B"}})
    assert (await world.apply(roll(text), by_hand)).counts["moved"] == 1
    back = text.replace("Secunderabad North", "Alwal")
    await world.apply(roll(back))
    assert (await world.apply(roll(text))).counts["moved"] == 1


async def test_an_import_that_signs_out_a_large_part_needs_to_be_allowed(world: World) -> None:
    many = [f"{n},P,,70000001{n:02d},PC,P,,A,no,active" for n in range(10, 40)]
    await world.apply(files(many))
    fewer = files(many[:20])
    removing = ImportOptions(confirmed=True, remove_missing=True)
    before = await world.rows()
    with pytest.raises(refusals.TooManyLeave) as refused:
        await world.apply(fewer, removing)
    assert (refused.value.count, refused.value.people) == (10, 30)
    assert await world.rows() == before
    allowed = ImportOptions(confirmed=True, remove_missing=True, most_leaving=None)
    assert (await world.apply(fewer, allowed)).counts["removed"] == 10


async def test_only_what_was_previewed_is_applied(world: World) -> None:
    await world.apply(files(PEOPLE))
    new = files([*PEOPLE, "5,Anita,,7000000005,PC,Patrol,,A,no,"])
    preview = await world.importer.preview(new, SURE)
    await world.editor.suspend(OPERATOR, "+917000000001")
    with pytest.raises(refusals.PreviewOutdated):
        await world.importer.apply(OPERATOR, new, SURE, expected=preview.digest)
    fresh = await world.importer.preview(new, SURE)
    await world.importer.apply(OPERATOR, new, SURE, expected=fresh.digest)


@pytest.mark.databases("sqlite", "postgresql")
async def test_one_import_runs_at_a_time(
    world: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = 0
    prepare = world.importer.prepare

    async def held(*arguments: Any) -> Any:
        # The others ask while this one has its turn, however long they take to connect.
        await until_async(lambda: refused == 2)
        return await prepare(*arguments)

    async def run() -> None:
        nonlocal refused
        try:
            await world.importer.apply(OPERATOR, files(PEOPLE), SURE)
        except refusals.ImportRunning:
            refused += 1

    with monkeypatch.context() as patched:
        patched.setattr(world.importer, "prepare", held)
        await asyncio.gather(run(), run(), run())
    assert refused == 2
    # One that was cut off holds its turn for two minutes, and no longer.
    async with database.transaction() as connection:
        until = world.clock.ms + TURN_MS
        dialect = database.engine.dialect.name
        await import_store.acquire_turn(connection, dialect, "operator x", world.clock.ms, until)
    with pytest.raises(refusals.ImportRunning, match="operator x"):
        await world.apply(files(PEOPLE))
    world.clock.ms += TURN_MS
    await world.apply(files(PEOPLE))


async def test_an_import_that_is_cut_in_the_middle_has_stored_nothing(world: World) -> None:
    await world.apply(files(PEOPLE))
    before = await world.rows()

    def cut(stage: str, done: int, _total: int) -> None:
        if stage == "storing" and done:
            raise asyncio.CancelledError

    more = files([*PEOPLE, "5,Anita,,7000000005,PC,Patrol,,A,no,"])
    with pytest.raises(asyncio.CancelledError):
        await world.importer.apply(OPERATOR, more, SURE, progress=cut)
    assert await world.rows() == before
    assert (await world.apply(more)).counts["added"] == 1


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


async def test_a_preview_keeps_a_unit_in_which_only_a_charge_is_held(
    world: World, database: Database
) -> None:
    units = f"{ORGANISATION['units']}C,TG,station,Chilkalguda PS\n"
    await world.apply(files(PEOPLE, units=units))
    person = person_id("1")
    place = wire.NewPlace(unit_id=UnitId("C"), post=names.english("Crime"), roles=[], head=False)
    async with database.transaction() as connection:
        await world.transfers.give_charge(connection, OPERATOR, person, place, "additional")
    preview = await world.importer.preview(files(PEOPLE), ANY)
    assert [one.code for one in preview.changes if one.table == "units"] == []
    await world.apply(files(PEOPLE), ANY)
    assert "C" in {row["code"] for row in (await world.rows())["units"]}
    # A person who leaves holds no charge, and nothing keeps the unit then.
    left = ImportOptions(confirmed=True, most_leaving=None, remove_missing=True)
    preview = await world.importer.preview(files(PEOPLE[1:]), left)
    assert [tuple(one.kinds) for one in preview.changes if one.table == "units"] == [("removed",)]


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


async def test_files_that_cannot_be_read_are_named(world: World) -> None:
    with pytest.raises(FileRefused) as refused:
        await world.apply([("bad.xlsx", b"PK\x03\x04x")])
    assert (refused.value.file, refused.value.problem) == ("bad.xlsx", "file_damaged")
    await world.apply(files(PEOPLE))  # It gave its turn back.


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
