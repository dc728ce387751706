"""``copconnect reports``: cases that moderators exported."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from copconnect.commands.options import Data, console, stop
from copconnect.commands.verifying.files import Keys, read

app = typer.Typer(help=__doc__, no_args_is_help=True)
_TIMEOUT_S = 60


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
    try:
        case = json.loads(content)
    except ValueError as error:
        raise stop(f"This cannot be read: {error}.") from error
    # A separate process: no code of the server can open content.
    asked = json.dumps({"case": case, "issuing": [one.hex() for one in issuing]})
    done = subprocess.run(
        [sys.executable, "-m", "copconnect.sealing.case_file"],
        input=asked,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise stop(f"This cannot be verified: {done.stderr.strip()[-300:]}")
    found = json.loads(done.stdout)
    wrong = [one for one in found["messages"] if one["failed"]]
    for one in wrong:
        text = f"Message {one['message']}: {one['failed']}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    print(done.stdout.strip())
    if wrong or found["failed"]:
        raise typer.Exit(1)
