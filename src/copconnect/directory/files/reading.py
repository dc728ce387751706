"""Reads a file of any supported kind into sheets: bytes in, headers and rows of text out.

CSV of any encoding and delimiter; XLSX, XLSM, XLSB, XLS and ODS. Limits are checked before anything
is parsed. The header is found below title rows; a row that numbers the columns, and a header that
is repeated on every printed page, are left out. Only FileRefused is raised, whatever the bytes.
"""

import re
from collections.abc import Callable

from copconnect.directory.files import text
from copconnect.directory.files.limits import LIMITS, FileRefused, Limits
from copconnect.directory.files.matching.headings import is_heading, known_headings
from copconnect.directory.files.sheets import RawRow, RowProblem, Sheet, SourceFile
from copconnect.directory.files.spreadsheets import apart, packing
from copconnect.directory.files.spreadsheets.parsing import Parsed

HEADER_WITHIN = 40  # Rows among which the header is.
_NUMBERED = re.compile(r"^\W*(\d{1,3})\W*$")
Parser = Callable[[bytes, Limits], Parsed]


def read(
    name: str, content: bytes, limits: Limits = LIMITS, parse: Parser = apart.parse
) -> SourceFile:
    """Read a file. ``parse``: how workbooks are parsed, in their own process unless tests say
    otherwise. Blocks; call it in a thread. Raises FileRefused."""
    if not content.strip(b" \t\r\n\0"):
        raise FileRefused("file_empty")
    if len(content) > limits.file:
        raise FileRefused("file_too_large", f"{len(content):,}")
    kind = packing.kind_of(content)
    if kind == "text":
        return read_text(name, content, limits)
    packed = packing.repacked(content, limits) if kind == "zip" else content
    sheets = [
        _sheet(sheet, [RawRow(first + index, cells) for index, cells in enumerate(rows)], [])
        for sheet, first, rows in parse(packed, limits)
    ]
    sheets = [sheet for sheet in sheets if sheet.rows or sheet.headers]
    if not sheets:
        raise FileRefused("file_empty")
    return SourceFile(name, "workbook", sheets)


def read_text(name: str, content: bytes, limits: Limits = LIMITS) -> SourceFile:
    """Read a file that is text: CSV. Raises FileRefused."""
    rows, problems, encoding, delimiter = text.read(content, limits)
    if not rows:
        raise FileRefused("file_empty")
    sheet = _sheet(name, rows, problems, exact_width=True)
    return SourceFile(name, "csv", [sheet], encoding, delimiter)


def _sheet(
    name: str, rows: list[RawRow], problems: list[RowProblem], *, exact_width: bool = False
) -> Sheet:
    """Find the header. ``exact_width``: a row with fewer cells than the header was cut off."""
    filled = [row for row in rows if any(cell and not cell.isspace() for cell in row.cells)]
    if not filled:
        return Sheet(name, [], [], 0, problems)
    at, headers, rest = _header(filled)
    width = len(headers)
    while (
        width
        and not headers[width - 1]
        and not any(
            len(row.cells) >= width and row.cells[width - 1].strip() for row in filled[rest:]
        )
    ):
        width -= 1
    headers = headers[:width]
    kept: list[RawRow] = []
    found = list(problems)
    for row in filled[rest:]:
        cells = row.cells
        if len(cells) != width:
            beyond = any(cell.strip() for cell in cells[width:])
            if beyond or (exact_width and len(cells) < width):
                found.append(RowProblem(row.line, "columns_wrong", str(len(cells))))
                continue
            cells = cells[:width] + [""] * (width - len(cells))
        if [cell.strip() for cell in cells] == headers:
            continue
        kept.append(RawRow(row.line, cells))
    if kept and _numbers_columns(kept[0].cells):
        kept = kept[1:]
    found.sort()
    return Sheet(name, headers, kept, filled[at].line, found)


def _header(rows: list[RawRow]) -> tuple[int, list[str], int]:
    """Return the index of the header, its texts, and the index of the first row behind it."""
    best, most = -1, 1
    for index, row in enumerate(rows[:HEADER_WITHIN]):
        _, count = known_headings(row.cells)
        if count > most:
            best, most = index, count
    if best < 0:
        best = _first_full(rows)
    headers = [" ".join(cell.split()) for cell in rows[best].cells]
    following = best + 1
    if following < len(rows) and _continues(headers, rows[following].cells):
        headers = _joined(headers, rows[following].cells)
        following += 1
    return best, headers, following


def _first_full(rows: list[RawRow]) -> int:
    """Return the index of the first row that fills most columns, when no heading is known."""
    width = max(len(row.cells) for row in rows[:HEADER_WITHIN])
    for index, row in enumerate(rows[:HEADER_WITHIN]):
        if sum(bool(cell.strip()) for cell in row.cells) * 2 >= width:
            return index
    return 0


def _continues(headers: list[str], cells: list[str]) -> bool:
    """Return whether a row is the second line of a header: it has headings where a heading spans
    columns, and nothing that looks like a value."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    gaps = sum(not heading for heading in headers)
    if not gaps or not filled or len(filled) > len(headers):
        return False
    return all(is_heading(cell) for cell in filled)


def _joined(headers: list[str], cells: list[str]) -> list[str]:
    joined: list[str] = []
    spanning = ""
    for index in range(max(len(headers), len(cells))):
        above = headers[index] if index < len(headers) else ""
        below = " ".join(cells[index].split()) if index < len(cells) else ""
        spanning = above or spanning
        joined.append(f"{spanning} {below}".strip() if below else above)
    return joined


def _numbers_columns(cells: list[str]) -> bool:
    """Return whether a row numbers the columns, as printed forms do: (1), (2), (3)."""
    filled = [cell for cell in cells if cell.strip()]
    found = [_NUMBERED.match(cell) for cell in filled]
    numbers = [int(one[1]) for one in found if one is not None]
    return len(numbers) == len(filled) >= 3 and numbers == list(
        range(numbers[0], numbers[0] + len(numbers))
    )
