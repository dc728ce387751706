"""``copconnect audit``: who did which administrative act."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from copconnect.app import Container
from copconnect.audit import exported
from copconnect.audit.rules import Broken, Noted
from copconnect.commands.options import Data, console, settings_of, stop, with_roles
from copconnect.commands.verifying.files import Keys, certificate_keys

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="A file that the console exported to be verified.")
    ] = None,
    data: Data = None,
    keys: Keys = None,
    noted: Annotated[
        str, typer.Option(help="An entry that was noted before: NUMBER:HASH, as printed.")
    ] = "",
) -> None:
    """Verify that no entry was changed, removed or reordered and that every signature is a
    device's, and say which entry is the newest: of the log in the database, or of a file, without
    network or database.

    A file's entries are compared with the size and root that the roster authority signed for it.
    Note the newest entry elsewhere and pass it the next time. Nothing else reveals an older copy of
    the log, or a log that somebody with the database and the authority's key has rewritten.
    """
    entry = _noted(noted)
    if file is not None:
        _verify_file(file, data, keys, entry)
        return
    try:
        found = with_roles(settings_of(data), lambda c: c.audit.verify(c.registry, entry))
    except Broken as error:
        raise stop(f"The audit log is not whole: {error}.") from error
    console.print(
        f"{found.number:,} entries, none changed: {found.signed:,} signed by admins' devices, "
        f"{found.unsigned:,} by operators and others. {_newest(found.number, found.hash)}",
        soft_wrap=True,
    )


def _verify_file(file: Path, data: Path | None, keys: Path | None, noted: Noted | None) -> None:
    root, issuing = certificate_keys(data, keys)
    try:
        with file.open("rb") as lines:
            found = exported.verify(lines, root, issuing, noted)
    except OSError as error:
        raise stop(f"This cannot be read: {error}.") from error
    except Broken as error:
        raise stop(f"The file is not whole: {error}.") from error
    console.print(
        f"The log as the roster authority of department record {found.department} signed it at "
        f"{_time(found.time_ms)}: {found.number:,} "
        f"entries, none changed: {found.signed:,} signed by admins' devices, "
        f"{found.unsigned:,} by operators and others, {found.hidden:,} of other parts, by their "
        f"hashes. {_newest(found.number, found.hash)}",
        soft_wrap=True,
    )


def _newest(number: int, entry: bytes) -> str:
    return f"Newest entry: {number}:{entry.hex()}"


def _noted(text: str) -> Noted | None:
    if not text:
        return None
    number, _, entry = text.partition(":")
    try:
        return Noted(int(number), bytes.fromhex(entry))
    except ValueError as error:
        raise stop(f"{text} is no entry: it has a number, a colon and a hash.") from error


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
