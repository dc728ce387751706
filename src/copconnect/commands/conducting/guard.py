"""``copconnect guard``: what officers' devices say about messages."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from copconnect.commands.options import stop
from copconnect.conduct.guard import model, policy, serving
from copconnect.core_program import CoreFailed, CoreMissing, CoreRefused, started

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def guard() -> None:
    """Ask the guard that officers' devices ask before they send."""


@app.command()
def check(
    file: Annotated[
        Path, typer.Argument(help="One message a line, UTF-8; - reads from the input.")
    ],
    place: Annotated[
        str, typer.Option(help="Where it would be sent: direct, group, large or announcement.")
    ] = "large",
    weights: Annotated[
        Path | None, typer.Option(help="Another file of weights than the one that is shipped.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option("--policy", help="Another policy than the one that is shipped.")
    ] = None,
) -> None:
    """Print one verdict a line: fine, nudge or insist, a tab, and the class.

    The app's own code judges, under Node, at an hour of the policy.
    """
    if place not in policy.PLACES:
        raise stop(f"--place takes {', '.join(policy.PLACES)}.")
    try:
        trained = weights.read_bytes() if weights else serving.shipped_weights()
        acts = rules.read_text("utf-8") if rules else serving.shipped_policy()
        # A server refuses more than devices do.
        model.read(trained)
        policy.parse(acts)
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except (OSError, ValueError) as error:
        raise stop(f"This cannot be read: {error}") from error
    lines = data.decode("utf-8", "replace").removesuffix("\n").split("\n")
    try:
        with started() as ask:
            texts = [line.removesuffix("\r") for line in lines]
            verdicts = ask("guardFiles.judge", trained, acts, place, texts)
    except (CoreMissing, CoreFailed, CoreRefused) as error:
        raise stop(f"The guard cannot be asked: {error}") from error
    for act, claimed in verdicts:
        print(f"{act}\t{claimed}")
