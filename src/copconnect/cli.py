"""The ``copconnect`` command."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from copconnect.auth_service import authority
from copconnect.auth_service.service import NoGateway
from copconnect.clock import SystemClock
from copconnect.commands import serving
from copconnect.settings import Settings, load

app = typer.Typer(
    name="copconnect",
    help=__doc__,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
console = Console()
failures = Console(stderr=True)

Data = Annotated[
    Path | None, typer.Option("--data", help="Data folder (COPCONNECT_DATA_DIR; default: data).")
]


def settings_of(data: Path | None, **overrides: object) -> Settings:
    """Read the settings; ends the program with a plain sentence when one is wrong."""
    if data is not None:
        overrides["data_dir"] = data
    try:
        return load(os.environ, **overrides)
    except msgspec.ValidationError as error:
        failures.print(f"A setting is wrong: {error}")
        raise typer.Exit(2) from error


@app.command()
def init(data: Data = None) -> None:
    """Make the department's certificate authority."""
    settings = settings_of(data)
    keys = settings.data_dir / "keys"
    try:
        authority.create(keys, settings.department, SystemClock().now_ms())
    except FileExistsError as error:
        failures.print(f"There is a certificate authority already: {error}")
        raise typer.Exit(1) from error
    console.print(f"Made the certificate authority of {settings.department} in {keys}.")
    console.print(
        f"[bold]Now move {keys / authority.ROOT_KEY} to offline storage[/bold] (two copies, two "
        "safes). The server never needs it; whoever holds it can become any officer."
    )


@app.command()
def serve(
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Serve the app and its API."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    try:
        served = serving.run(settings_of(data, **given))
    except (authority.AuthorityMissing, NoGateway) as error:
        failures.print(str(error))
        raise typer.Exit(1) from error
    raise typer.Exit(0 if served else 1)


def main() -> None:
    """Run the command."""
    app()
