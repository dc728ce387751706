"""``copconnect admin rights``: the table that says who has which right over their part."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from copconnect import errors
from copconnect.admin import rights
from copconnect.commands.options import Data, console, operator, settings_of, stop, with_roles

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command()
def show(data: Data = None) -> None:
    """Print the table as a file that ``set`` takes."""
    table = with_roles(settings_of(data), lambda container: container.admin.rights.in_force())
    encoded = msgspec.json.format(msgspec.json.encode(table), indent=2)
    console.print(encoded.decode(), markup=False, soft_wrap=True)


@app.command("set")
def set_(
    source: Annotated[Path, typer.Argument(help="JSON, as `show` prints it.")],
    data: Data = None,
) -> None:
    """Replace the table. It holds from the next request on."""
    try:
        table = rights.parse(source.read_bytes())
        with_roles(
            settings_of(data),
            lambda container: container.admin.rights.replace(operator(), table),
        )
    except errors.ActInvalid as error:
        raise stop(f"Nothing was changed. {source.name}: {error.details['reason']}.") from error
    console.print(f"The table has {len(table)} lines.")
