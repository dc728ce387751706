"""``copconnect init``: makes a department, once."""

import sys
from typing import Annotated, Literal

import typer

from copconnect.auth_service.keys import authority
from copconnect.clock import SystemClock
from copconnect.commands.options import Data, console, settings_of, stop, with_roles
from copconnect.records.primitives.kem import X25519, XWING
from copconnect.records.trust.department import Policy
from copconnect.settings import Settings

_PROMPT = (
    "The department's name, as officers read it and as every certificate has it. It cannot be "
    "changed later"
)


def init(
    department: Annotated[
        str | None,
        typer.Option(
            help="The department's name. It is in every certificate and cannot be changed later."
        ),
    ] = None,
    data: Data = None,
    policy: Annotated[
        Literal["approval", "none"],
        typer.Option(help="Whether an admin confirms each person's first device."),
    ] = "approval",
) -> None:
    """Make the department's certificate authority, its first record and an empty database."""
    settings = settings_of(data)
    keys = settings.data_dir / "keys"
    if keys.is_dir() and any(keys.iterdir()):
        raise stop(f"There is a certificate authority already: {keys} is not empty.")
    if department is None:
        if not sys.stdin.isatty():
            raise stop(
                "Give the department's name, for example: copconnect init --department "
                '"Telangana Police". It is in every certificate and cannot be changed later.'
            )
        department = typer.prompt(_PROMPT)
    approval = policy == "approval"
    try:
        create_authority(settings, department, Policy.APPROVAL if approval else Policy.NONE)
    except ValueError as error:
        raise stop(str(error)) from error

    async def nothing_more(_: object) -> None:
        """Opening the roles has migrated the database."""

    with_roles(settings, nothing_more)
    console.print(
        f"Made the certificate authority of [bold]{department.strip()}[/bold] in {keys}. This name "
        "and these keys are the department's from now on.",
        highlight=False,
    )
    root = keys / authority.ROOT_KEY
    console.print(
        f"[bold]Now move {root} to offline storage[/bold] (two copies, two safes). The server "
        "never needs it; whoever holds it can become any officer.",
        highlight=False,
    )
    if approval:
        console.print(
            "[bold]Policy approval:[/bold] nobody's device is confirmed yet. Let your first admin "
            "register, then name that device: copconnect admin grant NUMBER ROOT_KEY"
        )
    else:
        console.print(
            "[bold]Policy none:[/bold] a person's first device is taken without anybody's "
            "approval, and shown as not approved. That is for trials."
        )
    console.print("copconnect doctor says what is still missing before you serve.")


def create_authority(settings: Settings, department: str, policy: Policy) -> None:
    """Make the certificate authority of a new department and its record 1.

    Raises FileExistsError, and ValueError for a name that certificates do not take.
    """
    kem = XWING if settings.kem == "x-wing" else X25519
    keys = settings.data_dir / "keys"
    authority.create(keys, department, SystemClock().now_ms(), policy, kem)
