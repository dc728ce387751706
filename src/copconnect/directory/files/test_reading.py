"""Files as departments have them: encodings, delimiters, title rows, cut files, bombs."""

import io
import struct
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest
import xlsxwriter

from copconnect.directory.files import reading, reports
from copconnect.directory.files.limits import FileRefused, Limits
from copconnect.directory.files.sheets import Sheet
from copconnect.directory.files.spreadsheets import parsing

ROLL = (
    "GOVERNMENT OF TELANGANA\n"
    "Nominal roll as on 01-01-2026\n"
    "\n"
    "S.No{d}Emp No{d}Name of the Officer{d}పేరు{d}Mobile No.{d}PS\n"
    "(1){d}(2){d}(3){d}(4){d}(5){d}(6)\n"
    "1{d}1001{d}Ravi Kumar{d}రవి కుమార్{d}98480 12345{d}Charminar\n"
    "S.No{d}Emp No{d}Name of the Officer{d}పేరు{d}Mobile No.{d}PS\n"
    "2{d}1002{d}Swapna{d}స్వప్న{d}98480 12346{d}Mirchowk\n"
)


def only_sheet(content: bytes, limits: Limits = Limits()) -> Sheet:  # noqa: B008 - It is frozen.
    return reading.read("roll.csv", content, limits).sheets[0]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_roll_reads_the_same_in_any_form(encoding: str, delimiter: str, end: str) -> None:
    text = ROLL.replace("{d}", delimiter).replace("\n", end)
    sheet = only_sheet(text.encode(encoding))
    assert sheet.headers == ["S.No", "Emp No", "Name of the Officer", "పేరు", "Mobile No.", "PS"]
    assert (sheet.header_line, sheet.problems) == (4, [])
    assert [(row.line, row.cells[3]) for row in sheet.rows] == [(6, "రవి కుమార్"), (8, "స్వప్న")]


def test_a_line_may_name_the_delimiter() -> None:
    sheet = only_sheet(b"sep=;\r\nEmp No;Name, Post\r\n1;Ravi, SHO\r\n")
    assert sheet.headers == ["Emp No", "Name, Post"]
    assert sheet.rows[0].cells == ["1", "Ravi, SHO"]


def test_text_of_windows_is_read() -> None:
    source = reading.read("x.csv", "Emp No,Name\n1,Renée D’Souza\n".encode("cp1252"))
    assert source.encoding != "utf-8"
    assert source.sheets[0].rows[0].cells[1].startswith("Ren")


def test_a_damaged_byte_spoils_its_row_alone() -> None:
    content = "Emp No,పేరు\n1,రవి కుమార్\n2,స్వ\n3,స్వప్న\n".encode()
    broken = content.replace("స్వ\n".encode(), b"\xe0\xb0\n")
    rows = only_sheet(broken).rows
    assert [row.cells[1] for row in rows][::2] == ["రవి కుమార్", "స్వప్న"]
    assert "\ufffd" in rows[1].cells[1]


def test_a_quote_out_of_place_spoils_its_row_alone() -> None:
    lines = ['1,"Ravi,9848012345', '2,"Swapna",9848012346', "3,Imran,9848012347"]
    sheet = only_sheet("\n".join(["Emp No,Name,Mobile", *lines]).encode())
    assert [problem.line for problem in sheet.problems] == [2]
    assert [row.cells[0] for row in sheet.rows] == ["2", "3"]


def test_a_quote_that_never_ends_swallows_no_rows() -> None:
    lines = [f"{number},Officer,9848012345" for number in range(3, 60)]
    text = "\n".join(["Emp No,Name,Mobile", '2,"Ravi,9848012345', *lines, '99,x",y'])
    sheet = only_sheet(text.encode())
    assert [row.cells[0] for row in sheet.rows][:57] == [str(number) for number in range(3, 60)]
    assert 2 in [problem.line for problem in sheet.problems]


def test_a_row_that_was_cut_off_is_refused() -> None:
    sheet = only_sheet(b"Emp No,Name,Mobile\n1,Ravi,9848012345\n2,Swap")
    assert [tuple(problem) for problem in sheet.problems] == [(3, "columns_wrong", "2")]


def test_a_header_of_two_lines_is_joined() -> None:
    sheet = only_sheet(
        "Emp No,Name of the Officer,,Mobile No\n,English,Telugu,\n1,Ravi,రవి,9848012345\n".encode()
    )
    assert sheet.headers == [
        "Emp No",
        "Name of the Officer English",
        "Name of the Officer Telugu",
        "Mobile No",
    ]
    assert len(sheet.rows) == 1


def workbook(rows: list[list[object]], name: str = "Sheet1") -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet(name)
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    book.close()
    return out.getvalue()


def test_a_workbook_is_read_as_a_person_sees_it() -> None:
    content = workbook(
        [
            ["Strength statement"],
            [],
            ["Emp No", "Name", "Mobile No", "Active"],
            [1001, "రవి", 9848012345, True],
            [1002.0, "=1+1", 9.848012346e9, False],
        ],
        "Officers",
    )
    sheet = reading.read("roll.xlsx", content).sheets[0]
    assert (sheet.name, sheet.header_line) == ("Officers", 3)
    assert sheet.rows[0] == (4, ["1001", "రవి", "9848012345", "yes"])
    assert sheet.rows[1] == (5, ["1002", "0", "9848012346", "no"])  # A formula has its result.


def test_sheets_that_are_hidden_or_empty_are_left_out() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    book.add_worksheet("Shown").write_row(0, 0, ["Emp No", "Name"])
    hidden = book.add_worksheet("Hidden")
    hidden.write(0, 0, "Emp No")
    hidden.hide()
    book.add_worksheet("Empty")
    book.close()
    source = reading.read("roll.xlsx", out.getvalue())
    assert [sheet.name for sheet in source.sheets] == ["Shown"]


def zipped(parts: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return out.getvalue()


def refusal(content: bytes, limits: Limits = Limits()) -> str:  # noqa: B008 - It is frozen.
    with pytest.raises(FileRefused) as refused:
        reading.read("x.xlsx", content, limits)
    return refused.value.problem


SMALL = Limits(unpacked=1 << 20, unpacked_free=1 << 16)


def test_a_bomb_is_refused_by_what_it_declares() -> None:
    bomb = zipped({"xl/worksheets/sheet1.xml": bytes(4 << 20)})
    assert refusal(bomb, SMALL) == "file_expands"


def test_a_bomb_that_lies_about_its_size_is_refused() -> None:
    bomb = bytearray(zipped({"xl/worksheets/sheet1.xml": bytes(4 << 20)}))
    struct.pack_into("<L", bomb, bomb.rfind(b"PK\x01\x02") + 24, 100)
    struct.pack_into("<L", bomb, 22, 100)
    assert refusal(bytes(bomb), SMALL) == "file_expands"


def test_a_bomb_by_its_ratio_is_refused() -> None:
    bomb = zipped({"xl/worksheets/sheet1.xml": bytes(900 << 10)})
    assert refusal(bomb, SMALL) == "file_expands"


def test_a_cell_far_away_is_refused_before_the_parser_makes_room() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.write(0, 0, "Emp No")
    sheet.write(1_048_575, 16_383, "x")
    book.close()
    assert refusal(out.getvalue()) == "too_many_cells"


def test_formats_without_values_reach_nowhere() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["Emp No", "Name"])
    sheet.write_row(1, 0, ["1", "Ravi"])
    sheet.write_blank(1_048_575, 16_383, None, book.add_format({"bold": True}))
    book.close()
    assert len(reading.read("x.xlsx", out.getvalue()).sheets[0].rows) == 1


def test_a_parser_that_runs_out_of_memory_refuses_the_file_alone() -> None:
    """The parser makes room for every cell of the rectangle: here 190 MB of it."""
    rows: list[list[object]] = [["Emp No", "Name"], *[[]] * 39_997, [*[""] * 199, "x"]]
    content = workbook(rows)
    assert refusal(content, Limits(memory=256 << 20)) == "file_damaged"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "file_empty"),
        (b"\n \r\n", "file_empty"),
        (b"\xef\xbb\xbf\n", "file_empty"),
        (b"%PDF-1.7\0\1\2\3" * 20, "encoding_unknown"),
        (b"PK\x03\x04" + b"x" * 100, "file_damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "file_damaged"),
        (zipped({"notes.txt": b"hello"}), "file_kind_unknown"),
        (zipped({"a.xml": b"<a/>"}), "file_damaged"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, problem: str) -> None:
    assert refusal(content) == problem


def test_limits_of_rows_columns_and_bytes() -> None:
    rows = b"Emp No,Name\n" + b"1,Ravi\n" * 20
    assert refusal(rows, Limits(rows=10)) == "too_many_rows"
    assert refusal(rows, Limits(columns=1)) == "too_many_columns"
    assert refusal(rows, Limits(cells=20)) == "too_many_cells"
    assert refusal(rows, Limits(file=20)) == "file_too_large"
    with pytest.raises(FileRefused, match="too_many_rows"):
        parsing.parse(workbook([["x"]] * 20), Limits(rows=10))


def test_a_report_holds_text_alone_and_reads_back() -> None:
    link = '=HYPERLINK("http://example.org","x")'
    content = reports.tables({"people": (["code", "name_en"], [["1", link], ["2", "\x07రవి"]])})
    parts = zipfile.ZipFile(io.BytesIO(content))
    assert not any(b"<f>" in parts.read(name) for name in parts.namelist())
    assert not any(
        "hyperlink" in parts.read(name).decode() for name in parts.namelist() if "rels" in name
    )
    sheet = reading.read("report.xlsx", content).sheets[0]
    assert [row.cells for row in sheet.rows] == [["1", link], ["2", "\ufffdరవి"]]


def test_refused_rows_keep_their_columns() -> None:
    sheet = only_sheet(b"Emp No,Name,Mobile\n1,Ravi,98\n2,Swapna,9848012346\n")
    refused = reports.RefusedRow(2, ["98 is not a phone number."], ["Give ten digits."], {2})
    content = reports.report([reports.RefusedSheet(sheet, [refused])], "Changes", ["Code"], [["1"]])
    again = reading.read("report.xlsx", content).sheets[0]
    assert again.headers[:3] == sheet.headers
    assert again.rows[0].cells[:4] == ["1", "Ravi", "98", "98 is not a phone number."]
    assert len(again.rows) == 1


def test_the_process_that_parses_opens_nothing() -> None:
    probe = (
        "import os, socket, sys\n"
        "from copconnect.directory.files.spreadsheets import parsing\n"
        "def refused(attempt):\n"
        "    try:\n"
        "        attempt()\n"
        "    except OSError:\n"
        "        return 1\n"
        "    return 0\n"
        "def parse(_):\n"
        "    done = refused(socket.socket), refused(lambda: open(os.devnull))\n"
        "    print(*done, file=sys.stderr)\n"
        "    return []\n"
        "parsing.parse = parse\n"
        "parsing.main()\n"
    )
    command = (sys.executable, "-I", "-c", probe, str(1 << 30), "10")
    done = subprocess.run(command, input=b"", capture_output=True, check=True)  # noqa: S603 - Written above.
    assert done.stderr.split() == [b"1", b"1"]


def test_the_process_that_parses_has_an_empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def run(command: Any, **options: Any) -> Any:
        seen.append((command[1], options["env"], options.get("pass_fds", ())))
        return real(command, **options)

    real = subprocess.run
    monkeypatch.setattr(subprocess, "run", run)
    assert reading.read("roll.xlsx", workbook([["code"], ["1"]])).sheets
    assert seen == [("-I", {}, ())]
