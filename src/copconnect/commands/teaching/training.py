"""``copconnect training``: lessons, and courses that were done in a classroom."""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from copconnect import wire
from copconnect.app import Container
from copconnect.commands.options import (
    Data,
    console,
    number_of,
    operator,
    person_of,
    settings_of,
    stop,
)
from copconnect.commands.options import with_roles as run_with_roles
from copconnect.training.lessons_of import COURSES, read_folder, read_lesson

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def training() -> None:
    """Check lessons before officers see them; record courses done in a classroom."""


@app.command()
def check(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder of lessons (default: COPCONNECT_TRAINING_FOLDER, built-in)."),
    ] = None,
    data: Data = None,
) -> None:
    """Say what is missing in which language and each mistake, with its line.

    Ends with 1 where a lesson would not be taken.
    """
    named = str(folder or settings_of(data).training_folder)
    if folder is None and not named:
        with as_file(files("copconnect.training") / "lessons") as built_in:
            _check(built_in)
    else:
        _check(Path(named))


def _check(folder: Path) -> None:
    try:
        lessons, stray = read_folder(folder)
    except OSError as error:
        raise stop(f"{folder} cannot be read: {error.strerror}.") from error
    refused = 0
    for one in stray:
        console.print(f"{one.path}: {one.detail}", markup=False, highlight=False, soft_wrap=True)
    for written in lessons:
        lesson, problems = read_lesson(written, "folder")
        refused += lesson is None
        for each in problems:
            where = f"{written.lesson_id} {each.language}.md" + (f":{each.line}" * bool(each.line))
            kind = "refused" if each.serious else "note"
            line = f"{where}  {kind}  {each.code}  {each.detail}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    found = dict.fromkeys(COURSES, 0)
    for written in lessons:
        found[next(one for one in COURSES if written.lesson_id.startswith(f"{one}."))] += 1
    counted = ", ".join(f"{course} {count}" for course, count in found.items())
    console.print(f"{len(lessons)} lessons ({counted}), {refused} refused", highlight=False)
    if refused:
        raise typer.Exit(1)


@app.command()
def done(
    numbers: Annotated[list[str], typer.Argument(help="Phone numbers of people.")],
    course: Annotated[str, typer.Option(help="officer, head, admin or moderator.")] = "officer",
    data: Data = None,
) -> None:
    """Record a course as done that people did in a classroom, or an account of a program."""
    chosen = next((one for one in COURSES if one == course), None)
    if chosen is None:
        raise stop(f"--course takes {', '.join(COURSES)}.")
    given = [number_of(one) for one in numbers]
    run_with_roles(settings_of(data), lambda container: _record(container, given, chosen))
    console.print(f"Recorded for {len(given)}.", highlight=False)


async def _record(container: Container, numbers: list[str], course: wire.CourseName) -> None:
    people = [await person_of(container, one) for one in numbers]
    await container.training.recording.record(operator(), people, course)
