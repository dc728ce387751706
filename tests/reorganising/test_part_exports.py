"""Exports of a part of the tree: its rows alone, hidden numbers, no cell that runs as a formula."""

import csv
import io
from zipfile import ZipFile

import pytest

from copconnect.directory.imports.parts import PartExports, safe
from tests.reorganising.reorganising_world import World

EXPORTS = PartExports()


async def test_a_part_has_its_own_rows_and_the_numbers_that_are_shown(world: World) -> None:
    async with world.database.reading() as connection:
        columns, people = await EXPORTS.rows(
            connection, "people", ["TG/A/A1"], lambda path: path == "TG/A/A1/A1b"
        )
        _, units = await EXPORTS.rows(connection, "units", ["TG/A/A1", "TG/B"], bool)
        _, posts = await EXPORTS.rows(connection, "posts", ["TG/A/A1/A1a"], bool)
        _, everybody = await EXPORTS.rows(connection, "people", [""], bool)
    assert "enrolment_code" not in columns
    assert {row["code"]: row["number"] for row in people} == {
        **dict.fromkeys("1238", ""),
        **{code: f"+91700000000{code}" for code in "45"},
    }
    assert [row["code"] for row in units] == ["B", "A1", "A1a", "A1b", "B1"]
    assert [row["post_en"] for row in posts] == ["Patrol", "SHO of Alwal"]
    assert len(everybody) == 9


def test_no_cell_of_a_file_is_run_as_a_formula() -> None:
    rows = [{"code": '=HYPERLINK("x")', "number": "+917000000001"}]
    text = EXPORTS.file("people", ["code", "number"], rows, "csv").decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text)))[1] == ['\'=HYPERLINK("x")', "+917000000001"]
    with ZipFile(io.BytesIO(EXPORTS.file("people", ["code", "number"], rows, "xlsx"))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert 't="inlineStr"' in sheet


@pytest.mark.parametrize("text", ["=1", "+1-2", "-x", "@x", "\tx", "\r"])
def test_a_value_that_a_spreadsheet_would_run_is_text(text: str) -> None:
    assert safe(text) == f"'{text}"
    assert safe("Patrol = 1") == "Patrol = 1"
