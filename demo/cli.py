"""``python -m demo``: runs the demo; its commands ``cluster``, ``serve`` and ``data-bank``."""

import os
from pathlib import Path
from typing import Annotated

import typer

from copconnect.commands.serve import serve_command
from demo.cluster import cluster
from demo.data_bank import data_bank
from demo.run import run
from demo.serving import DEMO

app = typer.Typer(
    name="demo",
    help="A synthetic force to try Cop Connect with. Never for a real department.",
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
app.command()(cluster)
app.command("data-bank")(data_bank)
app.command("serve", help="Serve a data folder, with the SMS outbox.")(serve_command(DEMO))


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8080,
    people: Annotated[int, typer.Option(help="How many people are in the force.")] = 3000,
    seed: Annotated[int, typer.Option(help="Seed of the names.")] = 1,
    data: Annotated[Path, typer.Option(help="Data folder.")] = Path(".demo"),
    officers: Annotated[bool, typer.Option(help="Start the simulated officers.")] = True,
) -> None:
    """Start a synthetic force to try out, on one machine."""
    if context.invoked_subcommand is None:
        run(port, people, seed, data, officers=officers)


def main() -> None:
    """Run the command. The files that it writes name people: they are for this account only."""
    os.umask(0o077)
    app()
