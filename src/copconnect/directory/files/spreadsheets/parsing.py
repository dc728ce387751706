"""Parses workbooks (XLSX, XLSM, XLSB, XLS, ODS) into rows of text, and runs as a process.

The process reads a workbook from standard input and writes one MessagePack value to standard
output: ``{"sheets": [[name, first line, rows], …]}``, or ``{"refused": [code, value]}``. Only
:mod:`copconnect.directory.files.spreadsheets.apart` starts it. It limits its own memory and time,
and may open nothing: the parser is native code, and a file may make it abort, or take it over.
"""

import datetime
import io
import sys
from typing import Any

import msgspec
import python_calamine

from copconnect.directory.files.limits import LIMITS, FileRefused, Limits

Parsed = list[tuple[str, int, list[list[str]]]]
EXACT = 10**15  # A floating-point number holds every integer up to here.


def parse(content: bytes, limits: Limits = LIMITS) -> Parsed:
    """Return (name, number of the first row, rows) of each sheet that has content and is not
    hidden. Cells of formulas have their stored results. Raises FileRefused."""
    try:
        workbook = python_calamine.load_workbook(io.BytesIO(content))
        sheets: Parsed = []
        for metadata in workbook.sheets_metadata[: limits.sheets]:
            if metadata.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue
            if metadata.visible != python_calamine.SheetVisibleEnum.Visible:
                continue
            sheet = workbook.get_sheet_by_name(metadata.name)
            if sheet.start is None or not sheet.height:
                continue
            _check(sheet, limits)
            rows = [[text_of(cell) for cell in row] for row in sheet.iter_rows()]
            # Rows come from the first row of the sheet on, or from the first with content.
            first = 1 if len(rows) == sheet.total_height else sheet.start[0] + 1
            sheets.append((metadata.name, first, rows))
    except python_calamine.PasswordError as error:
        raise FileRefused("file_encrypted") from error
    except (python_calamine.CalamineError, ValueError, OSError) as error:
        raise FileRefused("file_damaged", str(error)[:200]) from error
    return sheets


def _check(sheet: python_calamine.CalamineSheet, limits: Limits) -> None:
    if sheet.height > limits.rows:
        raise FileRefused("too_many_rows", f"{sheet.name}: {sheet.height:,}")
    if sheet.width > limits.columns:
        raise FileRefused("too_many_columns", f"{sheet.name}: {sheet.width:,}")
    if sheet.height * sheet.width > limits.cells:
        raise FileRefused("too_many_cells", f"{sheet.name}: {sheet.height * sheet.width:,}")


def text_of(cell: Any) -> str:
    """Return a cell's value as a person would type it: whole numbers without a fraction, dates as
    ``2026-01-31``."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < EXACT:
            return str(int(cell))
        return repr(cell)
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    return "" if cell is None else str(cell)


def confine(memory: int, seconds: int) -> None:
    """Limit this process to so many bytes of memory and seconds of a processor, and to the files
    that are open."""
    import resource  # Not every system has it, and only this process needs it.

    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # The standard streams are open: no file, no socket and no other process from here on.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def main() -> int:
    """Parse standard input under the limits in the arguments: bytes of memory, seconds."""
    confine(int(sys.argv[1]), int(sys.argv[2]))
    try:
        answer: dict[str, Any] = {"sheets": parse(sys.stdin.buffer.read())}
    except FileRefused as error:
        answer = {"refused": [error.problem, error.value]}
    except MemoryError:
        answer = {"refused": ["too_many_cells", ""]}
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
