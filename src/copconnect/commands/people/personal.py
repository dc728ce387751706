"""``copconnect directory person``: what the server keeps about one person."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from copconnect.commands.options import Data, console, operator, settings_of, stop, with_roles
from copconnect.privacy.kinds import KINDS
from copconnect.privacy.service import NoSuchPerson, StillThere, UnderHold

app = typer.Typer(help=__doc__, no_args_is_help=True)
Code = Annotated[str, typer.Argument(help="The person's code in the data bank.")]


@app.command()
def export(
    code: Code,
    out: Annotated[
        Path | None, typer.Option(help="The file; default: person-CODE.json in this folder.")
    ] = None,
    data: Data = None,
) -> None:
    """Write all that the server keeps about a person to a file for that person: JSON, a section for
    each kind. It has no message, which the server cannot read. The audit log records it."""
    try:
        found = with_roles(settings_of(data), lambda c: c.privacy.export(operator(), code))
    except NoSuchPerson as error:
        raise stop(f"No person has the code {code}.") from error
    path = out or Path(f"person-{code}.json")
    try:
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    except OSError as error:
        raise stop(f"{path}: {error.strerror}.") from error
    console.print(f"Wrote {path}.", markup=False, highlight=False, soft_wrap=True)


@app.command()
def erase(code: Code, data: Data = None) -> None:
    """Erase names, numbers and whatever else need not stay of a person who was removed from the
    data bank, and say what stays and why."""
    try:
        erased = with_roles(settings_of(data), lambda c: c.privacy.erase(operator(), code))
    except NoSuchPerson as error:
        raise stop(f"No person has the code {code}.") from error
    except StillThere as error:
        raise stop(
            f"This person is {error.status} in the data bank. Remove them from it first, by an "
            "import or the personnel system."
        ) from error
    except UnderHold as error:
        raise stop(
            "A legal hold is on this person. Erase after two admins have lifted it in the console."
        ) from error
    console.print("Erased." if erased else "This person was erased before.")
    console.print("These stay:")
    for kind in KINDS:
        if not kind.erased:
            words = f"- {kind.section.replace('_', ' ')}: {kind.fate}"
            console.print(words, markup=False, highlight=False, soft_wrap=True)
