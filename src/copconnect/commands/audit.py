"""``copconnect audit``: who did which administrative act."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from copconnect.app import Container
from copconnect.audit.rules import Broken
from copconnect.commands.options import Data, console, settings_of, stop, with_roles

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command()
def verify(data: Data = None) -> None:
    """Verify that no entry was changed, removed or reordered, and say which is the newest.

    Note its number and hash elsewhere: entries that are cut off at the end show only by them.
    """
    try:
        number, newest = with_roles(settings_of(data), lambda c: c.audit.verify())
    except Broken as error:
        raise stop(f"The audit log is not whole: {error}.") from error
    console.print(f"{number:,} entries, none changed. Newest hash: {newest.hex()}", soft_wrap=True)


@app.command("list")
def list_(
    data: Data = None,
    after: Annotated[int, typer.Option(help="Only entries after this number.")] = 0,
) -> None:
    """Print entries as lines of JSON, the oldest first."""

    async def work(container: Container) -> None:
        async for one in container.audit.entries(after):
            line = {"number": one.number, "time": _time(one.made_ms), "by": one.by}
            act = json.loads(one.act)
            print(json.dumps(line | act | {"hash": one.hash.hex()}, ensure_ascii=False))

    with_roles(settings_of(data), work)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
