"""``copconnect directory``: the data bank."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from copconnect.app import Container
from copconnect.commands.options import (
    Data,
    console,
    failures,
    operator,
    settings_of,
    stop,
    with_roles,
)
from copconnect.directory import databank
from copconnect.directory.changes import PeopleChanges
from copconnect.directory.editing import NumberInUse
from copconnect.settings import Settings

app = typer.Typer(help=__doc__, no_args_is_help=True)
FILES = ("people", "units", "levels", "ranks", "roles")
SHOWN_PROBLEMS = 50


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="Folder with people.csv and its companions.")],
    data: Data = None,
    partial: Annotated[bool, typer.Option(help="Import the good rows, leave out the bad.")] = False,
    remove_missing: Annotated[
        bool, typer.Option(help="Remove and sign out people who are not in the file.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Say what would change; change nothing.")] = False,
    problems: Annotated[
        Path | None, typer.Option(help="Write every problem to this file, as JSON lines.")
    ] = None,
) -> None:
    """Load the department's data bank. Nothing is stored when any row is bad."""
    if partial and remove_missing:
        raise stop(
            "--partial and --remove-missing together would remove people for a typing error."
        )
    settings = settings_of(data)
    bank = read(source, settings)
    report(bank, problems)
    if bank.problems and not partial:
        raise stop("Nothing was imported. Correct these rows, or use --partial.")
    found = store(bank, settings, remove_missing=remove_missing, dry_run=dry_run)
    summary = Table("People", "", title="Would change" if dry_run else "Changed")
    for what, count in found.summary().items():
        summary.add_row(what, f"{count:,}")
    console.print(summary)


def read(source: Path, settings: Settings) -> databank.DataBank:
    """Read the files of a data bank; companions that are missing count as unchanged."""
    folder = source.parent if source.is_file() else source
    files = {
        name: path.read_bytes() for name in FILES if (path := folder / f"{name}.csv").is_file()
    }
    if source.is_file():
        files["people"] = source.read_bytes()
    lacking = [name for name in FILES if name not in files]
    if lacking:
        files |= with_roles(settings, lambda container: container.editor.stored(lacking))
    with _bar() as bar:
        task = bar.add_task("Checking", total=files.get("people", b"").count(b"\n"))
        bank = databank.read(files, lambda count: bar.update(task, completed=count))
        bar.update(task, completed=bar.tasks[0].total)
    return bank


def store(
    bank: databank.DataBank, settings: Settings, *, remove_missing: bool, dry_run: bool
) -> PeopleChanges:
    """Store a data bank, with a progress bar."""

    async def work(container: Container) -> PeopleChanges:
        with _bar() as bar:
            task = bar.add_task("Comparing" if dry_run else "Storing", total=len(bank.people))
            found = await container.editor.import_bank(
                operator(),
                bank,
                remove_missing=remove_missing,
                dry_run=dry_run,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
            bar.update(task, completed=bar.tasks[0].total)
            return found

    try:
        return with_roles(settings, work)
    except NumberInUse as error:
        for code, number in error.clashes[:SHOWN_PROBLEMS]:
            failures.print(f"people.csv: number_in_use: {code} {number}")
        raise stop(
            "Nothing was imported: people who are not in the file have these numbers. "
            "Use --remove-missing if the file is complete."
        ) from error


def report(bank: databank.DataBank, target: Path | None) -> None:
    """Show the first problems, and write all of them where asked for."""
    for problem in bank.problems[:SHOWN_PROBLEMS]:
        failures.print(
            f"{problem.file}:{problem.line}: {problem.code}: {problem.value}",
            markup=False,
            soft_wrap=True,
        )
    if len(bank.problems) > SHOWN_PROBLEMS:
        failures.print(f"… and {len(bank.problems) - SHOWN_PROBLEMS:,} more.")
    if target is not None:
        lines = (
            json.dumps({"file": p.file, "line": p.line, "code": p.code, "value": p.value})
            for p in bank.problems
        )
        target.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
