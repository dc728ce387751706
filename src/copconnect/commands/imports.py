"""Shows imports to the operator who runs ``copconnect directory``, and asks what only they know."""

import gc
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from copconnect import wire
from copconnect.commands.options import console, failures, stop
from copconnect.directory.databank import BankProblem
from copconnect.directory.editing import NumberInUse
from copconnect.directory.files.limits import LIMITS, FileRefused
from copconnect.directory.files.mapping import MappingWrong
from copconnect.directory.files.wording import sentences
from copconnect.directory.imports import previews, refusals
from copconnect.directory.imports.previews import Preview
from copconnect.directory.imports.watching import SUFFIXES

SHOWN = 50
# New objects before Python looks for cycles: rows are millions of objects and no cycles, and its
# own threshold takes a quarter of an import's time.
COLLECT = 100_000
STAGES = {"reading": "Reading", "judging": "Checking", "storing": "Storing"}
NamedFiles = list[tuple[str, bytes]]


def files_at(sources: Sequence[Path]) -> NamedFiles:
    """Return files by name, of a folder all that are tables; ends the program without any."""
    gc.set_threshold(COLLECT)
    found: NamedFiles = []
    for source in sources:
        paths = sorted(source.iterdir()) if source.is_dir() else [source]
        for path in paths:
            if source.is_dir() and path.suffix.lower() not in SUFFIXES:
                continue
            try:
                if path.stat().st_size > LIMITS.file:
                    raise stop(f"{path} is larger than {LIMITS.file >> 20} MB.")
                found.append((path.name, path.read_bytes()))
            except OSError as error:
                raise stop(f"{path}: {error.strerror}.") from error
    if not found:
        raise stop("There are no files to import.")
    return found


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each stage; yields what an import tells of its progress."""
    with Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    ) as bar:
        tasks = {stage: bar.add_task(words, total=None) for stage, words in STAGES.items()}

        def progress(stage: str, done: int, total: int) -> None:
            bar.update(tasks[stage], completed=done, total=total)

        yield progress


@contextmanager
def refusals_in_words() -> Iterator[None]:
    """End the program with a sentence where an import or a file is refused."""
    try:
        yield
    except FileRefused as error:
        words = sentences(error.problem, error.value)
        raise stop(f"{error.file}: {words.wrong} {words.remedy}") from error
    except MappingWrong as error:
        raise stop(f"There is no column, sheet or table {error.value}.") from error
    except NumberInUse as error:
        for code, number in error.clashes[:SHOWN]:
            failures.print(f"number_in_use: {code} {number}")
        raise stop("Nothing was changed: other people have these numbers now.") from error
    except refusals.ImportRefused as error:
        raise stop(_in_words(error)) from error


def _in_words(error: refusals.ImportRefused) -> str:
    match error:
        case refusals.ImportRunning():
            return f"{error.by} is importing. Try again, in {error.for_s} s at the latest."
        case refusals.RowsRefused():
            return "Nothing was imported. Correct these rows, or use --partial."
        case refusals.MappingUnsure():
            return (
                f"Nothing was imported: these columns are only likely: {', '.join(error.columns)}."
                " Name them with --map, or agree with --yes."
            )
        case refusals.TooManyLeave():
            return (
                f"Nothing was changed: {error.count:,} of {error.people:,} people would be signed"
                f" out, more than {error.limit:.0%}. If that is meant, use --allow-many."
            )
        case refusals.PreviewOutdated():
            return "Nothing was imported: the data bank has just changed. Try again."
        case refusals.ChangedSince():
            for one in error.people[:SHOWN]:
                failures.print(f"changed since: {one.code} {one.name}", highlight=False)
            _and_more(len(error.people))
            also = " Units, ranks or roles changed too." if error.organisation else ""
            return f"Nothing was undone: rows changed since, and undoing would lose that.{also}"
        case refusals.NotUndoable():
            return (
                "There is no such import, or it was undone, or what it replaced is no longer kept."
            )
    return f"Nothing was imported: {error.code}."


def show_mapping(preview: Preview) -> None:
    """Show which column of each sheet is which, unless the file has the data bank's own."""
    for one, sheet in zip(preview.chosen, preview.sheets, strict=True):
        unused = one.mapping.unused(one.sheet)
        columns = [column for column in sheet.columns if column.headings]
        if all(column.headings == [column.column] for column in columns) and not unused:
            continue
        remembered = ", as before" if sheet.remembered else ""
        title = f"{sheet.label}: {sheet.rows:,} rows of {sheet.table}{remembered}"
        table = Table("Column", "Heading in the file", "", title=title, title_justify="left")
        for column in columns:
            sure = "" if column.sure else f"likely ({column.confidence:.0%})"
            table.add_row(column.column, " + ".join(column.headings), sure)
        for heading in unused:
            table.add_row("", heading, "not used")
        console.print(table)


def agreed(preview: Preview) -> bool:
    """Ask whether likely columns are right, if somebody is there to answer."""
    if not preview.unsure() or not sys.stdin.isatty():
        return not preview.unsure()
    return typer.confirm("Are these columns right?")


def show_problems(problems: Sequence[BankProblem], target: Path | None) -> None:
    """Show the first problems with their remedies, and write all of them where asked for."""
    for problem in problems[:SHOWN]:
        words = previews.in_words(problem)
        failures.print(
            f"{problem.file}:{problem.line}: {problem.code}: {words.wrong} {words.remedy}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    _and_more(len(problems))
    if target is not None:
        lines = (
            json.dumps(
                {
                    "file": one.file,
                    "line": one.line,
                    "code": one.code,
                    "column": one.column,
                    "value": one.value,
                    "suggestions": one.suggestions,
                }
            )
            for one in problems
        )
        target.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _and_more(count: int) -> None:
    if count > SHOWN:
        failures.print(f"… and {count - SHOWN:,} more.")


def show_changes(preview: Preview, *, shown: int = SHOWN) -> None:
    """Show what changes, row by row, people who leave first: by name."""
    leaving = [*preview.by_kind("removed"), *preview.by_kind("suspended")]
    named = {one.code for one in leaving}
    others = [one for one in preview.changes if one.table != "people" or one.code not in named]
    for rows in (leaving, others):
        for one in rows[:shown]:
            console.print(_line(one), markup=False, highlight=False, soft_wrap=True)
        if len(rows) > shown:
            console.print(f"… and {len(rows) - shown:,} more; --report FILE.xlsx has all.")


def _line(one: wire.ImportRow) -> str:
    kinds = [kind for kind in one.kinds if kind != "changed"] or ["changed"]
    what = f"{', '.join(kinds)}: {one.code} {one.name}"
    if one.table != "people":
        what = f"{one.table}: {what}"
    changed = "; ".join(
        f"{c.column}: {c.old or '(nothing)'} → {c.new or '(nothing)'}" for c in one.values
    )
    return f"{what}: {changed}" if changed and "removed" not in kinds else what


def show_counts(counts: dict[str, int], title: str) -> None:
    """Show how many people were added, changed and so on."""
    summary = Table("People", "", title=title)
    for what, count in counts.items():
        summary.add_row(what, f"{count:,}")
    console.print(summary)
