"""Imports of files: previewed, applied once, remembered."""

import asyncio
import threading
import time
from typing import Any

import pytest

from copconnect import wire
from copconnect.database.engine import Database
from copconnect.directory import names
from copconnect.directory.files import reading
from copconnect.directory.files.limits import FileRefused, Limits
from copconnect.directory.files.sheets import SourceFile
from copconnect.directory.imports import import_store, refusals
from copconnect.directory.imports.importer import TURN_MS, ImportOptions
from copconnect.directory.imports.previews import Preview
from copconnect.directory.rules import person_id
from copconnect.directory.sources import Corrections
from copconnect.ids import UnitId
from tests.harness.operator import OPERATOR
from tests.harness.waiting import until_async
from tests.identity.import_world import ANY, ORGANISATION, PEOPLE, SURE, World, files, roll

pytestmark = pytest.mark.databases("sqlite")


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


async def test_files_that_cannot_be_read_are_named(world: World) -> None:
    with pytest.raises(FileRefused) as refused:
        await world.apply([("bad.xlsx", b"PK\x03\x04x")])
    assert (refused.value.file, refused.value.problem) == ("bad.xlsx", "file_damaged")
    await world.apply(files(PEOPLE))  # It gave its turn back.
