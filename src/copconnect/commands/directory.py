"""``copconnect directory``: the data bank."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from copconnect.app import Container
from copconnect.commands import imports as shown
from copconnect.commands import postings, reorganising
from copconnect.commands.options import Data, console, operator, settings_of, stop, with_roles
from copconnect.commands.people import personal
from copconnect.directory.imports import exporting
from copconnect.directory.imports.importer import MOST_LEAVING, ImportOptions
from copconnect.directory.imports.previews import Preview
from copconnect.directory.imports.watching import PERIOD_S, FolderWatch
from copconnect.directory.scim import NOT_INSTALLED, installed
from copconnect.directory.scim.tokens import DAYS, Scope
from copconnect.directory.sources import Corrections

app = typer.Typer(help=__doc__, no_args_is_help=True)
for command in (
    *(postings.transfer, postings.charge, postings.end_charge),
    *(postings.places, postings.posts, postings.planned, postings.cancel_transfer),
    *(postings.abolish_post, postings.restore_post),
):
    app.command()(command)
app.command()(reorganising.reorganise)
app.command()(reorganising.reorganisations)
app.command("undo-reorganisation")(reorganising.undo_reorganisation)
app.add_typer(personal.app, name="person")

Sources = Annotated[
    list[Path],
    typer.Argument(help="A folder or files: CSV, XLSX, XLSM, XLSB, XLS, ODS."),
]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", help='A column by hand: --map number="Mobile No. 2"; --map rank=none.'),
]
Value = Annotated[
    list[str] | None,
    typer.Option("--value", help='A name by hand: --value unit:"Sec-bad North"=TG-HYD-PS040.'),
]
SheetOption = Annotated[
    list[str] | None,
    typer.Option("--sheet", help="What a sheet is: --sheet Sheet1=people; --sheet Notes=none."),
]
RemoveMissing = Annotated[
    bool, typer.Option(help="Remove and sign out people who are not in the file.")
]
Report = Annotated[
    Path | None,
    typer.Option(help="Write an XLSX of the refused rows, to mend, and of what changes."),
]
Problems = Annotated[
    Path | None, typer.Option(help="Write every problem to this file, as JSON lines.")
]


def _pairs(given: list[str] | None, mark: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given or ():
        key, separator, value = one.partition("=")
        if not separator or not key.strip() or not value.strip():
            raise stop(f"{mark} takes NAME=VALUE, not {one}.")
        found[key.strip()] = value.strip()
    return found


def _options(
    columns: list[str] | None,
    values: list[str] | None,
    sheets: list[str] | None,
    *,
    partial: bool = False,
    remove_missing: bool = False,
    allow_many: bool = False,
    yes: bool = False,
) -> ImportOptions:
    if partial and remove_missing:
        raise stop(
            "--partial and --remove-missing together would remove people for a typing error."
        )
    aliases: dict[str, dict[str, str]] = {}
    for key, code in _pairs(values, "--value").items():
        field, separator, typed = key.partition(":")
        if not separator or field not in ("unit", "rank", "roles", "level"):
            raise stop("--value takes unit:NAME=CODE, or rank:, roles: or level:.")
        aliases.setdefault(field, {})[typed] = code
    return ImportOptions(
        remove_missing=remove_missing,
        partial=partial,
        corrections=Corrections(_pairs(sheets, "--sheet"), _pairs(columns, "--map")),
        aliases=aliases,
        confirmed=yes,
        most_leaving=None if allow_many else MOST_LEAVING,
    )


@app.command("import")
def import_(
    source: Sources,
    data: Data = None,
    columns: Map = None,
    values: Value = None,
    sheets: SheetOption = None,
    partial: Annotated[bool, typer.Option(help="Import the good rows, leave out the bad.")] = False,
    remove_missing: RemoveMissing = False,
    allow_many: Annotated[
        bool, typer.Option(help="Let more than 5% of the force be suspended or removed.")
    ] = False,
    yes: Annotated[bool, typer.Option(help="Agree to columns that are only likely.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Say what would change; change nothing.")] = False,
    report: Report = None,
    problems: Problems = None,
) -> None:
    """Load the department's data bank. Nothing is stored when any row is bad."""
    options = _options(
        columns,
        values,
        sheets,
        partial=partial,
        remove_missing=remove_missing,
        allow_many=allow_many,
        yes=yes,
    )
    files = shown.files_at(source)

    async def look(container: Container) -> Preview:
        with shown.progress_bar() as progress:
            return await container.importer.preview(files, options, progress)

    async def store(container: Container, agreed: ImportOptions, digest: str) -> int | None:
        with shown.progress_bar() as progress:
            applied = await container.importer.apply(
                operator(), files, agreed, expected=digest, progress=progress
            )
            return applied.number

    settings = settings_of(data)
    with shown.refusals_in_words():
        preview = with_roles(settings, look)
        shown.show_mapping(preview)
        shown.show_problems(preview.problems, problems)
        if report is not None:
            _write(report, preview.report())
        if dry_run:
            shown.show_changes(preview)
            shown.show_counts(preview.counts, "Would change")
        if preview.problems and not partial:
            raise stop("Nothing was imported. Correct these rows, or use --partial.")
        if dry_run:
            return
        confirmed = yes or shown.agreed(preview)
        made = replace(options, confirmed=confirmed)
        number = with_roles(settings, lambda c: store(c, made, preview.digest))
    shown.show_counts(preview.counts, "Changed")
    if number is not None:
        console.print(f"Import {number}. To undo it: copconnect directory undo {number}")


@app.command()
def diff(
    source: Sources,
    data: Data = None,
    columns: Map = None,
    values: Value = None,
    sheets: SheetOption = None,
    remove_missing: RemoveMissing = False,
    report: Report = None,
) -> None:
    """Say row by row how files differ from the data bank. Ends with 1 when they do."""
    options = _options(columns, values, sheets, remove_missing=remove_missing)
    files = shown.files_at(source)
    with shown.refusals_in_words():
        preview = with_roles(settings_of(data), lambda c: c.importer.preview(files, options))
    shown.show_problems(preview.problems, None)
    shown.show_changes(preview, shown=100_000)
    if report is not None:
        _write(report, preview.report())
    if preview.changes or preview.problems:
        raise typer.Exit(1)


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="A folder for CSV files, or a file FILE.xlsx.")],
    data: Data = None,
) -> None:
    """Write the data bank to files that an import reads. It has everybody's number, so the audit
    log records it; enrolment codes are not in it."""
    tables = with_roles(settings_of(data), lambda c: c.importer.export(operator()))
    try:
        if out.suffix.lower() == ".xlsx":
            _write(out, exporting.workbook(tables))
        else:
            out.mkdir(parents=True, exist_ok=True)
            for name, content in exporting.csv_files(tables).items():
                _write(out / f"{name}.csv", content)
    except OSError as error:
        raise stop(f"{out}: {error.strerror}.") from error
    console.print(f"Wrote {len(tables['people']):,} people to {out}.")


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


@app.command()
def imports(data: Data = None) -> None:
    """List the newest imports."""
    rows = with_roles(settings_of(data), lambda c: c.importer.imports())
    table = Table("Import", "When (UTC)", "By", "File", "Changed", "Can be undone")
    for row in rows:
        when = datetime.fromtimestamp(row.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        counts = ", ".join(
            f"{count:,} {what}"
            for what, count in row.counts.items()
            if count and what != "unchanged"
        )
        source = f"undoes import {row.undoes}" if row.undoes is not None else row.source
        undoable = "undone" if row.undone_ms is not None else "yes" if row.undoable else "no"
        table.add_row(str(row.number), when, row.by, source, counts, undoable)
    console.print(table)


@app.command()
def watch(
    folder: Annotated[Path, typer.Argument(help="The folder in which files appear.")],
    data: Data = None,
    remove_missing: RemoveMissing = False,
    once: Annotated[bool, typer.Option(help="Look once, as for cron, and end.")] = False,
) -> None:
    """Import each file that appears in a folder. Ends with 1 after --once if one was refused."""
    if not folder.is_dir():
        raise stop(f"{folder} is no folder.")

    async def work(container: Container) -> bool:
        watching = FolderWatch(container.importer, container.clock, folder, remove_missing)
        while True:
            ends = await watching.look()
            for end in ends:
                said = f"{end.end}: {end.name} {end.why}".rstrip()
                console.print(said, markup=False, highlight=False, soft_wrap=True)
            if once:
                return all(end.end == "imported" for end in ends)
            await asyncio.sleep(PERIOD_S)

    try:
        if not with_roles(settings_of(data), work):
            raise typer.Exit(1)
    except OSError as error:
        raise stop(f"{folder}: {error.strerror}.") from error


@app.command("scim-token")
def scim_token(
    name: Annotated[str, typer.Argument(help="The system that gets it, such as HRMS.")],
    data: Data = None,
    remove: Annotated[bool, typer.Option(help="End the system's token.")] = False,
    read_only: Annotated[bool, typer.Option(help="Let it read people and change none.")] = False,
    days: Annotated[int, typer.Option(help="How long the token holds, 400 days at most.")] = DAYS,
) -> None:
    """Make the token with which a system changes people by SCIM 2.0, at /scim/v2. It is shown once;
    a token that the system had before ends."""

    async def end(container: Container) -> bool:
        return await container.scim_tokens.remove(operator(), name)

    if remove:
        if not with_roles(settings_of(data), end):
            raise stop(f"No system named {name} has a token.")
        console.print("Removed.")
        return
    if not installed():
        raise stop(NOT_INSTALLED)
    try:
        scope: Scope = "read" if read_only else "change"
        token = with_roles(
            settings_of(data), lambda c: c.scim_tokens.make(operator(), name, scope, days)
        )
    except ValueError as error:
        raise stop(f"This is wrong: {error}.") from error
    print(token)


@app.command()
def undo(
    number: Annotated[int, typer.Argument(help="The import's number, from `imports`.")],
    data: Data = None,
    allow_many: Annotated[
        bool, typer.Option(help="Let more than 5% of the force be suspended or removed.")
    ] = False,
) -> None:
    """Restore what an import changed, unless somebody changed the same rows since. People whom it
    added are removed; people whom it signed out register again."""
    most = None if allow_many else MOST_LEAVING

    async def work(container: Container) -> dict[str, int]:
        with shown.progress_bar() as progress:
            return await container.importer.undo(
                operator(), number, most_leaving=most, progress=progress
            )

    with shown.refusals_in_words():
        counts = with_roles(settings_of(data), work)
    shown.show_counts(counts, "Restored")
