"""``copconnect conduct``: the code of conduct, and the policy of the guard."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from copconnect import errors, wire
from copconnect.app import Container
from copconnect.commands.options import Data, console, operator, settings_of, stop, with_roles
from copconnect.conduct.service import parse

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command()
def show(
    data: Data = None,
    version: Annotated[int | None, typer.Option(help="A version; the newest without.")] = None,
) -> None:
    """Print the code of conduct in every language as a file that ``publish`` takes."""

    async def work(container: Container) -> wire.ConductTexts:
        async with container.database.reading() as connection:
            return await container.conduct.texts(connection, version)

    try:
        found = with_roles(settings_of(data), work)
    except errors.NotFound as error:
        raise stop(f"There is no version {version}.") from error
    console.print(_printed(found.texts), markup=False, soft_wrap=True)


@app.command()
def publish(
    source: Annotated[Path, typer.Argument(help="JSON, as `show` prints it.")],
    data: Data = None,
    correction: Annotated[
        bool, typer.Option("--correction", help="Nobody has to accept it again.")
    ] = False,
) -> None:
    """Publish the next version of the code of conduct. Everybody accepts it before continuing."""
    with _explained(source):
        texts = parse(_content(source))
        version = with_roles(
            settings_of(data),
            lambda container: container.conduct.publish_file(
                operator(), texts, asks_again=not correction
            ),
        )
    told = "Nobody is asked again" if correction else "Everybody is asked to accept it"
    console.print(f"Version {version} is in force. {told}.")


@app.command()
def policy(
    source: Annotated[
        Path | None, typer.Argument(help="JSON, as this command prints it without a file.")
    ] = None,
    data: Data = None,
) -> None:
    """Print the policy of the guard, or put a file in its place under the next number."""

    async def read(container: Container) -> str:
        async with container.database.reading() as connection:
            return (await container.guard.in_force(connection))[1]

    if source is None:
        text = with_roles(settings_of(data), read)
        formatted = msgspec.json.format(text, indent=2)
        console.print(formatted, markup=False, soft_wrap=True)
        return

    async def write(container: Container) -> int:
        async with container.database.reading() as connection:
            ranks = await container.directory.seniorities(connection)
        return await container.guard.set_file(operator(), content, ranks)

    with _explained(source):
        content = _content(source).decode("utf-8", "replace")
        number = with_roles(settings_of(data), write)
    console.print(f"Policy {number} is in force. Devices take it within a minute.")


def _printed(texts: list[wire.ConductText]) -> str:
    return msgspec.json.format(msgspec.json.encode(texts), indent=2).decode()


def _content(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise stop(f"{source} cannot be read: {error.strerror}.") from error


@contextmanager
def _explained(source: Path) -> Iterator[None]:
    """Stop with a sentence where a file does not do."""
    try:
        yield
    except (
        errors.ActInvalid,
        errors.ConductIncomplete,
        errors.ConductTooLong,
        errors.ConductChanged,
        errors.GuardPolicyChanged,
    ) as error:
        details = ", ".join(f"{name}: {value}" for name, value in error.details.items())
        raise stop(f"Nothing was changed. {source.name}: {error.message} ({details})") from error
