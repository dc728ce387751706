"""``copconnect audit``: who did which administrative act."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from copconnect.app import Container
from copconnect.audit import exported
from copconnect.audit.rules import Broken
from copconnect.commands.options import Data, console, settings_of, stop, with_roles
from copconnect.commands.verifying.files import Keys, issuing_keys

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="A file that the console exported to be verified.")
    ] = None,
    data: Data = None,
    keys: Keys = None,
) -> None:
    """Verify that no entry was changed, removed or reordered and that every signature is a
    device's, and say which entry is the newest: of the log in the database, or of a file, without
    network or database.

    Note its number and hash elsewhere: entries that are cut off at the end show only by them.
    """
    if file is not None:
        _verify_file(file, data, keys)
        return
    try:
        found = with_roles(settings_of(data), lambda c: c.audit.verify(c.registry))
    except Broken as error:
        raise stop(f"The audit log is not whole: {error}.") from error
    console.print(
        f"{found.number:,} entries, none changed: {found.signed:,} signed by admins' devices, "
        f"{found.unsigned:,} by operators and others. Newest hash: {found.hash.hex()}",
        soft_wrap=True,
    )


def _verify_file(file: Path, data: Path | None, keys: Path | None) -> None:
    issuing = issuing_keys(data, keys)
    try:
        with file.open("rb") as lines:
            found = exported.verify(lines, issuing)
    except OSError as error:
        raise stop(f"This cannot be read: {error}.") from error
    except Broken as error:
        raise stop(f"The file is not whole: {error}.") from error
    console.print(
        f"{found.number:,} entries, none changed: {found.signed:,} signed by admins' devices, "
        f"{found.unsigned:,} by operators and others, {found.hidden:,} of other parts, by their "
        f"hashes. Newest hash: {found.hash.hex()}",
        soft_wrap=True,
    )


@app.command("list")
def list_(
    data: Data = None,
    after: Annotated[int, typer.Option(help="Only entries after this number.")] = 0,
) -> None:
    """Print entries as lines of JSON, the oldest first."""

    async def work(container: Container) -> None:
        async for one in container.audit.entries(after):
            content = one.content
            line = {"number": one.number, "time": _time(one.made_ms), "by": content.by}
            line |= json.loads(content.act) | {"path": content.path}
            if content.signed_as:
                line |= {"signed_as": content.signed_as, "signed": content.signed.hex()}
            print(json.dumps(line | {"hash": one.hash.hex()}, ensure_ascii=False))

    with_roles(settings_of(data), work)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
