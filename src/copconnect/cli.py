"""The ``copconnect`` command."""

import os
from typing import Annotated, Literal

import typer

from copconnect.auth_service.keys import authority
from copconnect.commands import admin, audit, conversations, directory, serving
from copconnect.commands.options import Data, console, settings_of, stop, with_roles
from copconnect.commands.serve import serve_command

app = typer.Typer(
    name="copconnect",
    help="A messenger that a police department runs itself.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
app.add_typer(directory.app, name="directory")
app.add_typer(admin.app, name="admin")
app.add_typer(audit.app, name="audit")
app.add_typer(conversations.app, name="conversations")
app.command("serve")(serve_command(serving.COPCONNECT))


@app.command()
def init(
    data: Data = None,
    policy: Annotated[
        Literal["approval", "none"] | None,
        typer.Option(help="Whether an admin confirms each person's first device."),
    ] = None,
) -> None:
    """Make the department's certificate authority, its first record and an empty database."""
    settings = settings_of(data, **({"department_policy": policy} if policy is not None else {}))
    keys = settings.data_dir / "keys"
    try:
        admin.create_authority(settings)
    except FileExistsError as error:
        raise stop(f"There is a certificate authority already: {error}") from error

    async def nothing_more(_: object) -> None:
        """Opening the roles has migrated the database."""

    with_roles(settings, nothing_more)
    console.print(f"Made the certificate authority of {settings.department} in {keys}.")
    console.print(
        f"[bold]Now move {keys / authority.ROOT_KEY} to offline storage[/bold] (two copies, two "
        "safes). The server never needs it; whoever holds it can become any officer."
    )
    if settings.department_policy == "approval":
        console.print(
            "Nobody's device is confirmed yet. Let your first admin register, then name that "
            "device: copconnect admin root-admin NUMBER ROOT_KEY"
        )
    else:
        console.print(
            "[bold]Policy none:[/bold] a person's first device is taken without anybody's "
            "approval, and shown as not approved. That is for trials."
        )


def main() -> None:
    """Run the command. The files that it writes name people: they are for this account only."""
    os.umask(0o077)
    app()
