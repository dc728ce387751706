"""Options and output that several commands have in common."""

import asyncio
import getpass
import os
import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from copconnect import errors, phone_number
from copconnect.app import Container, command_line
from copconnect.auth_service.keys.key_files import AuthorityMissing
from copconnect.doctor import files
from copconnect.doctor.reasons import reason_of
from copconnect.errors.base import DependencyError
from copconnect.ids import PersonId
from copconnect.migrations import OtherSchema
from copconnect.principals import Operator
from copconnect.settings import Settings, WrongSettings, load

console = Console()
failures = Console(stderr=True)
T = TypeVar("T")

Data = Annotated[
    Path | None, typer.Option("--data", help="Data folder (COPCONNECT_DATA_DIR; default: data).")
]


def settings_of(data: Path | None, **overrides: object) -> Settings:
    """Read the settings; ends the program with a sentence for each that is wrong."""
    if data is not None:
        overrides["data_dir"] = data
    try:
        return load(os.environ, **overrides)
    except WrongSettings as error:
        for sentence in error.args:
            failures.print(sentence, markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error


def require_account(settings: Settings) -> None:
    """End the program unless the data folder is this account's, or is not there yet."""
    if settings.data_dir.is_dir():
        finding = files.account(settings.data_dir)
        if finding.verdict == "failure":
            raise stop(f"{finding.words} {finding.remedy}")


def with_roles(settings: Settings, work: Callable[[Container], Coroutine[Any, Any, T]]) -> T:
    """Run ``work`` with the roles opened, and close them."""
    require_account(settings)

    async def run() -> T:
        async with command_line(settings) as container:
            return await work(container)

    try:
        return asyncio.run(run())
    except (AuthorityMissing, OtherSchema) as error:
        raise stop(str(error)) from error
    except (DependencyError, DBAPIError) as error:
        raise stop(
            f"The database cannot be used: {reason_of(error)}. `copconnect doctor` says more."
        ) from error


def operator() -> Operator:
    """Return who runs this command, for the audit log: the login before a ``sudo``, if any."""
    return Operator(os.environ.get("SUDO_USER") or getpass.getuser())


def number_of(text: str) -> str:
    """Return a number in E.164; ends the program when it is none."""
    try:
        return phone_number.normalise(text)
    except errors.NumberInvalid as error:
        failures.print(f"{text} is not a phone number.")
        raise typer.Exit(2) from error


async def person_of(container: Container, number: str) -> PersonId:
    """Return the active person with this number; ends the program where there is none."""
    async with container.database.reading() as connection:
        person = await container.directory.active_by_number(connection, number)
    if person is None:
        raise stop(f"Nobody active in the data bank has the number {number}.")
    return person


def hexadecimal(typed: str) -> str:
    """Return a device's id, or its beginning, as it is stored; ends the program where it is
    none."""
    prefix = typed.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{6,32}", prefix):
        raise stop(
            f"{typed} is not a device's id. It has 32 of the characters 0-9 and a-f; the first six "
            "are enough."
        )
    return prefix


def stop(sentence: str) -> typer.Exit:
    """Say why the command did nothing; raise what this returns."""
    # Lines are left to the terminal to break: scripts look for sentences in a file.
    failures.print(sentence, soft_wrap=True)
    return typer.Exit(1)
