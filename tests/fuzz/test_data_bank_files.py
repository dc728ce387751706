"""No bytes make the reader of files do anything but read or raise FileRefused."""

import contextlib
import io
import zipfile

import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copconnect.directory.files import mapping, reading, tables
from copconnect.directory.files.limits import FileRefused, Limits
from copconnect.directory.files.matching.vocabularies import Vocabularies
from copconnect.directory.files.spreadsheets import apart, parsing

LIMITS = Limits(rows=1_000, columns=60, cells=20_000, unpacked=4 << 20)
PIECES = st.sampled_from(
    [
        *("Emp No", "Name", "Mobile No", "పేరు", "PS", "1001", "9848012345", "9.8E+09", "yes"),
        *('"', '""', ",", ";", "\t", "|", "\n", "\r\n", "\r", "\0", "\ufeff", "=1+1", "'", "sep=;"),
    ]
)
ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])


def read_all(content: bytes) -> None:
    """Read, guess and tabulate, as an import does."""
    with contextlib.suppress(FileRefused):
        source = reading.read("x", content, LIMITS, parsing.parse)
        for sheet in source.sheets:
            columns = ("code", "name_en", "name_te", "number", "rank", "unit", "roles", "status")
            found = mapping.guess(sheet, mapping.table_of(sheet), columns, Vocabularies())
            table = tables.tabulate(sheet, found, Vocabularies(), "x")
            assert len(table.rows) == len(sheet.rows)
            assert all(len(row.cells) == len(sheet.headers) for row in sheet.rows)
            lines = [row.line for row in sheet.rows]
            assert lines == sorted(set(lines))


@given(st.binary(max_size=600))
def test_any_bytes(content: bytes) -> None:
    read_all(content)


@given(st.lists(PIECES, max_size=80), ENCODINGS, st.binary(max_size=3))
def test_text_of_any_shape(pieces: list[str], encoding: str, tail: bytes) -> None:
    read_all("".join(pieces).encode(encoding, "replace") + tail)


def workbook() -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["Emp No", "Name", "Mobile No"])
    sheet.write_row(1, 0, [1001, "రవి", 9848012345])
    book.close()
    return out.getvalue()


WORKBOOK = workbook()
PARTS = {
    entry.filename: zipfile.ZipFile(io.BytesIO(WORKBOOK)).read(entry)
    for entry in zipfile.ZipFile(io.BytesIO(WORKBOOK)).infolist()
}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(PARTS)),
    st.integers(0, 4_000),
    st.binary(max_size=12),
    st.booleans(),
)
def test_workbooks_with_damaged_parts(name: str, at: int, other: bytes, whole: bool) -> None:
    """The parser is native code and may stop, so it runs in the process that imports use."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in PARTS.items():
            damaged = content[:at] + other + content[at + len(other) :]
            archive.writestr(part, damaged if part == name else content)
    content = out.getvalue()
    if not whole:
        content = content[:at] + other + content[at + len(other) :]
    with contextlib.suppress(FileRefused):
        reading.read("x.xlsx", content, LIMITS, apart.parse)
