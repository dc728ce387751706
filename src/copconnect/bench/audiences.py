"""Two conversations whose people follow the data bank, of the two halves of the synthetic force,
with cells that are real MLS groups (founding.py). Made once and cached."""

import asyncio
import shutil
from pathlib import Path
from typing import NamedTuple

from copconnect import wire
from copconnect.app import command_line
from copconnect.bench import copying, founding
from copconnect.bench.force import Force
from copconnect.bench.founding import Conversation
from copconnect.commands.conversations import create_for
from copconnect.delivery import suites
from copconnect.ids import UnitId
from copconnect.settings import Settings

HALVES = (UnitId("TG-MZ1"), UnitId("TG-MZ2"))  # The multi-zones, with all units below.
_FORMAT = 1  # Of what this module makes.


class Audiences(NamedTuple):
    """Both conversations, and the database that holds them with no cell founded."""

    database: Path
    conversations: tuple[Conversation, Conversation]


def cached(force: Force, suite: int, cell_size: int = wire.CELL_SIZE) -> Audiences:
    """Return the conversations of a force, made now if they are not in the cache."""
    folder = force.folder / f"audiences-{suite}-{cell_size}-{_FORMAT}"
    database = folder / "copconnect.sqlite3"
    made = all((folder / half / "founding.msgpack").is_file() for half in HALVES)
    if not (made and asyncio.run(copying.brought_up_to_date(database))):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        copying.to_file(force.database, database)
        asyncio.run(_create(force, folder, database, suite, cell_size))
    first, second = (founding.with_cells(force, folder / half) for half in HALVES)
    return Audiences(database, (first, second))


async def _create(force: Force, folder: Path, database: Path, suite: int, cell_size: int) -> None:
    settings = Settings(
        data_dir=force.folder,
        database_url=f"sqlite+aiosqlite:///{database}",
        cell_size=cell_size,
        suite=suites.name_of(suite),
    )
    async with command_line(settings) as container:
        for half in HALVES:
            rule = wire.Audience(everyone=False, unit_ids=[half], deep=True)
            conversation_id, _, _ = await create_for(container, rule, talk=True)
            (folder / half).mkdir()
            await founding.plan(container, force, conversation_id, folder / half, suite)
