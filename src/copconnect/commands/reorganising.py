"""``copconnect directory reorganise|reorganisations|undo-reorganisation``: the tree of units."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from copconnect import errors, wire
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

DryRun = Annotated[bool, typer.Option(help="Say what would change; change nothing.")]
ReorganisationNumber = Annotated[int, typer.Argument(help="The number, from `reorganisations`.")]


class _StepsFile(msgspec.Struct, forbid_unknown_fields=True):
    """A file of steps: ``{"steps": [{"step": "rename_unit", …}, …]}``."""

    steps: wire.Steps


def reorganise(
    file: Annotated[Path, typer.Argument(help="A JSON file of steps.")],
    data: Data = None,
    dry_run: DryRun = False,
) -> None:
    """Change the tree of units: add, rename, move, merge, split, remove and order units, all of it
    or nothing. Conversations follow within seconds."""
    steps = _read(file)
    asked = wire.PreviewReorganisation(steps=steps, undo=None)

    async def work(container: Container) -> int | None:
        if not await _show(container, asked):
            raise stop("Nothing was changed. Correct these steps.")
        if dry_run:
            return None
        async with container.database.transaction() as connection:
            return await container.reorganiser.reorganise(connection, operator(), steps)

    number = _do(data, work)
    if number is not None:
        undo = f"copconnect directory undo-reorganisation {number}"
        console.print(f"Reorganisation {number}. To undo it: {undo}")


def undo_reorganisation(
    number: ReorganisationNumber, data: Data = None, dry_run: DryRun = False
) -> None:
    """Restore what a reorganisation changed, unless something changed the same since."""
    asked = wire.PreviewReorganisation(steps=[], undo=number)

    async def work(container: Container) -> int | None:
        await _show(container, asked)
        if dry_run:
            return None
        async with container.database.transaction() as connection:
            return await container.reorganiser.undo(connection, operator(), number)

    made = _do(data, work)
    if made is not None:
        console.print(f"Reorganisation {made} undid reorganisation {number}.")


def reorganisations(data: Data = None) -> None:
    """List the newest reorganisations."""
    found = with_roles(settings_of(data), lambda c: c.admin.reorganising.past(None))
    table = Table("No.", "When (UTC)", "By", "Units", "People", "Can be undone")
    for one in found.reorganisations:
        when = datetime.fromtimestamp(one.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        by = one.by if one.person is None else one.person.names.en
        what = f"undoes {one.undoes}: " if one.undoes is not None else ""
        what += "; ".join(_words(change) for change in one.units[:5])
        what += f" … and {len(one.units) - 5} more" if len(one.units) > 5 else ""
        undoable = "undone" if one.undone_ms is not None else "yes"
        table.add_row(str(one.number), when, by, what, f"{one.people:,}", undoable)
    console.print(table)


def _read(file: Path) -> list[wire.Step]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_StepsFile).steps
    except OSError as error:
        raise stop(f"{file}: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise stop(f"{file}: {error}.") from error


def _do(data: Data, work: Callable[[Container], Coroutine[Any, Any, int | None]]) -> int | None:
    try:
        return with_roles(settings_of(data), work)
    except errors.NotFound as error:
        raise stop("There is no such reorganisation, or it was undone.") from error
    except errors.ReorganisationChanged as error:
        for unit in str(error.details["units"]).split():
            failures.print(f"changed since: unit {unit}", highlight=False)
        for person in str(error.details["people"]).split():
            failures.print(f"changed since: person {person}", highlight=False)
        raise stop("Nothing was undone: these changed since, and undoing would lose that.") from (
            error
        )


async def _show(container: Container, asked: wire.PreviewReorganisation) -> bool:
    """Show what would change; return whether it can be done."""
    preview = await container.admin.reorganising.preview(None, asked)
    for problem in preview.problems:
        failures.print(
            f"step {problem.step + 1}: {problem.code}: {problem.unit_id} {problem.value}".rstrip(),
            markup=False,
            highlight=False,
        )
    if preview.problems:
        return False
    lines = [_words(change) for change in preview.units]
    lines += [
        f"{one.people:,} people go from {one.from_id} to {one.to_id}" for one in preview.places
    ]
    lines += [_group(one) for one in preview.groups]
    if preview.group_count > len(preview.groups):
        lines.append(f"… and {preview.group_count - len(preview.groups):,} more conversations")
    lines += [
        f"grant of {one.person.names.en} over {one.path} lapses"
        + (f"; the unit is {one.now} then" if one.now is not None else "")
        for one in preview.lapsing
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(f"It touches {preview.people:,} people.")
    return True


def _words(change: wire.UnitChange) -> str:
    name = change.after or change.before
    called = "" if name is None else name.names.en
    what = ", ".join(change.kinds)
    into = f" into {change.into}" if change.into is not None else ""
    below = ""
    if change.after is not None and {"added", "moved"} & set(change.kinds):
        below = f" below {change.after.parent_id or 'nothing'}"
    return f"{what}: {change.unit_id} {called}{into}{below}"


def _group(change: wire.GroupChange) -> str:
    title = "a conversation that an officer made" if change.title is None else change.title.en
    former = f" (was {change.former.en})" if change.former is not None else ""
    return (
        f"conversation {change.kind}: {title}{former}: "
        f"{change.joins:,} join, {change.leaves:,} leave"
    )
