"""``copconnect orders``: files that devices exported of orders."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import python_calamine
import typer

from copconnect.commands.options import Data, console, stop
from copconnect.commands.verifying.files import Keys, read
from copconnect.orders import exported

app = typer.Typer(help=__doc__, no_args_is_help=True)
_SHOWN = 20  # Refused rows that are printed.
_MOST_CELL = 1_000_000  # Characters in a cell of a CSV file.
_COLUMNS = {exported.PERSON, exported.RECORD, exported.CERTIFICATE}


@app.callback()
def main() -> None:
    """Files that devices exported of orders."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A CSV file or workbook that the app exported.")],
    data: Data = None,
    keys: Keys = None,
) -> None:
    """Verify every signature of an export, without network or database.

    The last line is JSON. Ends with 1 where a record is not genuine.
    """
    content, issuing = read(file, data, keys)
    found = exported.verify(_rows(file, content), issuing)
    for line, reason in found.refused[:_SHOWN]:
        console.print(f"Line {line:,}: {reason}", markup=False, highlight=False, soft_wrap=True)
    if len(found.refused) > _SHOWN:
        console.print(f"… and {len(found.refused) - _SHOWN:,} more")
    print(
        json.dumps(
            {
                "order": found.order_id,
                "conversation": found.conversation_id,
                "order_sha256": found.header_hash,
                "file_sha256": hashlib.sha256(content).hexdigest(),
                "texts": found.texts,
                "photos": found.photos,
                "done": {
                    text: {str(item): done[item] for item in sorted(done)}
                    for text, done in found.done.items()
                },
                "signatures_verified": found.signatures_verified,
                "told_in_person": found.told_in_person,
                "unreadable": found.unreadable,
                "without_record": found.without_record,
                "refused": len(found.refused),
            }
        )
    )
    if found.refused:
        raise typer.Exit(1)


def _rows(file: Path, content: bytes) -> Iterator[Mapping[str, str]]:
    """Return the rows of the table of people. Ends the program where there is none."""
    tables = _sheets(content) if content[:2] == b"PK" else iter([_lines(content)])
    for table in tables:
        header = next(table, [])
        if set(header) >= _COLUMNS:
            return (dict(zip(header, row, strict=False)) for row in table)
    raise stop(f"{file} has no table with the columns {', '.join(sorted(_COLUMNS))}.")


def _lines(content: bytes) -> Iterator[list[str]]:
    csv.field_size_limit(_MOST_CELL)
    return csv.reader(io.StringIO(content.decode("utf-8-sig", "replace"), newline=""), strict=True)


def _sheets(content: bytes) -> Iterator[Iterator[list[str]]]:
    try:
        book = python_calamine.load_workbook(io.BytesIO(content))
        for name in book.sheet_names:
            rows = book.get_sheet_by_name(name).iter_rows()
            yield ([str(cell) for cell in row] for row in rows)
    except python_calamine.CalamineError as error:
        raise stop(f"This is no workbook: {error}.") from error
