"""``copconnect reports``: cases that moderators exported."""

import json
from pathlib import Path
from typing import Annotated

import typer

from copconnect.commands.options import Data, console, stop
from copconnect.commands.verifying.files import Keys, read
from copconnect.core_program import CoreFailed, CoreMissing, CoreRefused, started

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.callback()
def main() -> None:
    """Cases that moderators exported."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A case that the console exported.")],
    data: Data = None,
    keys: Keys = None,
) -> None:
    """Verify the proof of an exported case, without network or database.

    The last line is JSON. Ends with 1 where a message is not proven.
    """
    content, issuing = read(file, data, keys)
    # A separate process, the app's own core: no code of the server can open content.
    try:
        with started() as ask:
            told = ask("exported.case", content, issuing)
    except (CoreMissing, CoreFailed, CoreRefused) as error:
        raise stop(f"This cannot be verified: {error}.") from error
    found = json.loads(told)
    wrong = [one for one in found["messages"] if one["failed"]]
    for one in wrong:
        text = f"Message {one['message']}: {one['failed']}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    print(told)
    if wrong or found["failed"]:
        raise typer.Exit(1)
