"""What the machines share: an event loop and a SQLite database, for one run of the rules."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from copconnect import errors
from copconnect.database import METADATA, open_database

T = TypeVar("T")


class DatabaseMachine(RuleBasedStateMachine):
    """A machine whose rules run statements. Subclasses make their world in :meth:`set_up`."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory(prefix="copconnect-rules-")
        self.database = open_database(
            f"sqlite+aiosqlite:///{Path(self.folder.name) / 'rules.sqlite3'}"
        )
        self.run(self._create_tables())
        self.run(self.set_up())

    async def _create_tables(self) -> None:
        async with self.database.transaction() as connection:
            await connection.run_sync(METADATA.create_all)

    async def set_up(self) -> None:
        """Make the world."""
        raise NotImplementedError

    async def finish(self) -> None:
        """Judge the whole run and end what :meth:`set_up` began."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end."""
        return self.loop.run_until_complete(work)

    def attempt(self, work: Coroutine[Any, Any, T]) -> T | errors.CopConnectError:
        """Run to the end; return the error where the work is refused."""

        async def judged() -> T | errors.CopConnectError:
            try:
                return await work
            except errors.CopConnectError as error:
                return error

        return self.run(judged())

    def teardown(self) -> None:
        """End everything."""
        self.run(self.finish())
        self.run(self.database.close())
        self.loop.close()
        self.folder.cleanup()
