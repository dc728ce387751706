"""Exports of a part of the tree: its rows alone, hidden numbers, no cell that runs as a formula."""

import csv
import io
from typing import Any, Literal
from zipfile import ZipFile

import pytest

from copconnect.directory.imports import parts
from copconnect.directory.imports.exporting import FileRow
from copconnect.directory.imports.parts import Part, PartExports, safe
from tests.contract.statements import Statements
from tests.reorganising.reorganising_world import World

EXPORTS = PartExports()


async def rows(world: World, part: Part, paths: list[str], shows: Any = bool) -> list[FileRow]:
    async with world.database.reading() as connection:
        return [row async for some in EXPORTS.rows(connection, part, paths, shows) for row in some]


async def test_a_part_has_its_own_rows_and_the_numbers_that_are_shown(world: World) -> None:
    people = await rows(world, "people", ["TG/A/A1"], lambda path: path == "TG/A/A1/A1b")
    units = await rows(world, "units", ["TG/A/A1", "TG/B"])
    posts = await rows(world, "posts", ["TG/A/A1/A1a"])
    assert "enrolment_code" not in EXPORTS.columns("people")
    assert {row["code"]: row["number"] for row in people} == {
        **dict.fromkeys("1238", ""),
        **{code: f"+91700000000{code}" for code in "45"},
    }
    assert [row["code"] for row in units] == ["B", "A1", "A1a", "A1b", "B1"]
    assert [row["post_en"] for row in posts] == ["Patrol", "SHO of Alwal"]
    assert len(await rows(world, "people", [""])) == 9


async def test_people_are_read_some_at_a_time_by_one_statement(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "BATCH", 4)
    async with world.database.reading() as connection:
        with Statements(world.database) as statements:
            sizes = [len(some) async for some in EXPORTS.rows(connection, "people", [""], bool)]
    assert sizes == [4, 4, 1]
    assert len([one for one in statements if one.startswith("SELECT")]) == 1


def written(form: Literal["csv", "xlsx"]) -> bytes:
    out = io.BytesIO()
    file = EXPORTS.table(out, "people", ["code", "number"], form)
    file.add([{"code": '=HYPERLINK("x")', "number": "+917000000001"}])
    file.add([{"code": "TG-2", "number": ""}])
    file.close()
    return out.getvalue()


def test_no_cell_of_a_file_is_run_as_a_formula() -> None:
    lines = list(csv.reader(io.StringIO(written("csv").decode("utf-8-sig"))))
    assert lines == [["code", "number"], ['\'=HYPERLINK("x")', "+917000000001"], ["TG-2", ""]]
    with ZipFile(io.BytesIO(written("xlsx"))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert 't="inlineStr"' in sheet
    assert "TG-2" in sheet


@pytest.mark.parametrize("text", ["=1", "+1-2", "-x", "@x", "\tx", "\r"])
def test_a_value_that_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert safe(text) == f"'{text}"
    assert safe("Patrol = 1") == "Patrol = 1"
