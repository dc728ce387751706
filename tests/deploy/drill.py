"""`make drill-backup`: backups, restores and an upgrade of one server, while two phones continue.

The phones are bots, which keep every rule of a device (:mod:`copconnect.bot`): one posts files,
the other fetches and opens them. The backups are made by the unit's command under the unit's
mounts, the upgrade by the commands of docs/operations.md. The last line is JSON with
:data:`KEYS`; the exit status is 1 where anything was lost.
"""

import argparse
import asyncio
import json
import secrets
import sqlite3
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable
from contextlib import closing
from pathlib import Path
from typing import Any

from copconnect.bot import Bot, Message
from copconnect.bot.talking import QueuedMessage, Upload
from copconnect.ids import PersonId
from tests.bot.enrolled import register_bot, soon, until
from tests.deploy.installed import Installed
from tests.deploy.releases import Machine, Releases, newest_migration
from tests.harness import databank
from tests.harness.department import make_department
from tests.harness.server import ServerProcess

KEYS = (
    *("attachments", "equal", "tables_equal"),
    *("restored_twice", "restored_older", "upgraded", "heard_once"),
)
IN_ONE_MESSAGE = 20
FAST = {"messages_per_person_per_minute": 100_000, "requests_per_person_per_minute": 1_000_000}


def say(text: str) -> None:
    """Write a line of progress."""
    print(f"[{time.monotonic() - _BEGAN:6.1f} s] {text}", file=sys.stderr, flush=True)


_BEGAN = time.monotonic()


class Phone:
    """A bot in an officer's place, and every message that it was handed."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.bot = Bot(state)
        self.person = PersonId("")
        self.heard: dict[str, Message] = {}
        self.times: Counter[str] = Counter()
        self.bot.message(self._hear)

    async def _hear(self, message: Message) -> None:
        self.heard[message.text] = message
        self.times[message.message_id] += 1

    async def register(self, server: ServerProcess, officer: databank.Officer) -> None:
        """Register at a server."""
        self.person = await register_bot(server, officer, self.state)


class Drill:
    """A server with its phones, and the contents that they have sent."""

    def __init__(self, folder: Path, attachments: int) -> None:
        self._folder = folder
        self._wanted = attachments
        self._sent: dict[str, bytes] = {}
        self._said = 0
        self.data = make_department(folder, "Drill Police")
        self.server = ServerProcess(self.data, **FAST)
        self.installed = Installed(folder, self.data)
        self.a, self.b = Phone(folder / "a.bot"), Phone(folder / "b.bot")

    async def run(self) -> dict[str, Any]:
        """Do all of it; return the figures."""
        self.server.start()
        try:
            first, second, *_ = databank.officers()
            await self.a.register(self.server, first)
            await self.b.register(self.server, second)
            async with self.a.bot.started(), self.b.bot.started():
                await soon(self.a.bot.ready())
                await soon(self.b.bot.ready())
                return await self._drilled()
        finally:
            self.server.stop()

    async def _drilled(self) -> dict[str, Any]:
        say(f"posting {self._wanted:,} attachments")
        await self._post(self._wanted // 2)
        older = await asyncio.to_thread(self.installed.backup)
        await self._post(self._wanted - self._wanted // 2)
        archive = await asyncio.to_thread(self.installed.backup)
        await self._talk()  # The restored log will lack it.
        for blob in (self.data / "blobs").rglob("0000*"):
            blob.unlink()
        say("restoring, without and with the last step")
        tables_equal = await self._restored_alone(archive)
        twice = 0
        for _ in range(2):
            await self._restore(archive)
            await self._talk()
            twice += await self._equal() == self._wanted
        say("restoring an older backup, and the newer one again")
        await self._restore(older)
        await self._talk()
        await self._restore(archive)
        await self._talk()
        older_equal = await self._equal() == self._wanted
        say("upgrading by the commands of the docs")
        upgraded, equal = await self._upgrade()
        return {
            "attachments": self._wanted,
            "equal": equal,
            "tables_equal": tables_equal,
            "restored_twice": twice == 2,
            "restored_older": older_equal,
            "upgraded": upgraded,
            "heard_once": max((self.a.times + self.b.times).values()) == 1,
            "archive_bytes": archive.stat().st_size,
        }

    async def _post(self, count: int) -> None:
        """Let one phone post attachments until the other has the messages."""
        talk = await self.a.bot.direct(self.b.person)
        while count:
            names = [f"file {len(self._sent) + n}" for n in range(min(count, IN_ONE_MESSAGE))]
            contents = {name: secrets.token_bytes(2_000) for name in names}
            self._sent |= contents
            count -= len(names)
            await self._heard(
                self.b, talk.send(names[0], attachments=[Upload(*one) for one in contents.items()])
            )

    async def _talk(self) -> None:
        """Let each phone write to the other."""
        self._said += 1
        talk = await self.a.bot.direct(self.b.person)
        back = await self.b.bot.direct(self.a.person)
        await self._heard(self.b, talk.send(f"there {self._said}"))
        await self._heard(self.a, back.send(f"back {self._said}"))

    async def _heard(self, phone: Phone, posting: Awaitable[QueuedMessage]) -> None:
        """Wait until a phone was handed the message that another one posts."""
        posted = await posting
        await until(
            lambda: any(one.message_id == posted.message_id for one in phone.heard.values()),
            "a message comes",
        )

    async def _equal(self) -> int:
        """Fetch every attachment by the receiver's phone; return how many have all their bytes."""
        files = [one for message in self.b.heard.values() for one in message.files]
        found = [self._sent[one.name] == await one.read() for one in files]
        return sum(found)

    async def _restored_alone(self, archive: Path) -> bool:
        """Restore without the last step; return whether every table has the archive's rows."""
        self.server.stop()
        await asyncio.to_thread(self.installed.restore, archive, new_incarnation=False)
        database = self._folder / "copconnect.sqlite3"
        with tarfile.open(archive) as tar:
            stored = tar.extractfile(database.name)
            assert stored is not None
            database.write_bytes(stored.read())
        wanted = _rows(database)
        return bool(wanted) and _rows(self.data / "copconnect.sqlite3") == wanted

    async def _restore(self, archive: Path) -> None:
        self.server.stop()
        await asyncio.to_thread(self.installed.restore, archive)
        await asyncio.to_thread(self.server.start)

    async def _upgrade(self) -> tuple[bool, int]:
        """Serve a release from its own environment, and install the next one over it; return
        whether that one serves with the data, and how many attachments are equal at the end."""
        releases = await asyncio.to_thread(Releases, self._folder)
        first = await asyncio.to_thread(releases.release)
        releases.add_migration(newest_migration())
        second = await asyncio.to_thread(releases.release)
        machine = Machine(self._folder, self.data, self.server.port, FAST)
        self.server.stop()
        await asyncio.to_thread(machine.install, first)
        await asyncio.to_thread(machine.start)
        try:
            await self._talk()
            said = await asyncio.to_thread(machine.upgrade, second)
            await self._talk()
            equal = await self._equal()
        finally:
            machine.stop()
        with closing(sqlite3.connect(self.data / "copconnect.sqlite3")) as database:
            marks = database.execute("SELECT version_num FROM alembic_version").fetchall()
            trial = database.execute("SELECT DISTINCT trial FROM attachments").fetchall()
        upgraded = (
            (marks, trial) == ([("trial",)], [(7,)])
            and _version(first) < _version(second) == machine.version()
            and "ok       database: SQLite" in said
            and f"ok       attachments: The blob store has all {self._wanted:,}" in said
        )
        return upgraded, equal


def _rows(file: Path) -> dict[str, list[str]]:
    """Return the rows of every table, in their own order."""
    with closing(sqlite3.connect(file)) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(map(repr, database.execute(f'SELECT * FROM "{name}"')))
            for (name,) in names
        }


def _version(release: Path) -> str:
    (wheel,) = release.glob("*.whl")
    return wheel.name.split("-")[1]


def whole(figures: dict[str, Any]) -> bool:
    """Return whether nothing was lost."""
    same = figures["equal"] == figures["attachments"] > 0
    return same and all(figures[key] is True for key in KEYS[2:])


def main() -> int:
    """Run the drill and print its figures."""
    parser = argparse.ArgumentParser(prog="make drill-backup", description=__doc__)
    parser.add_argument("--attachments", type=int, default=1_000)
    parser.add_argument("--small", action="store_true", help="the same with 40 attachments")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="copconnect-drill-") as folder:
        drill = Drill(Path(folder), 40 if given.small else given.attachments)
        figures = asyncio.run(drill.run())
    print(json.dumps(figures), flush=True)
    return 0 if whole(figures) else 1


if __name__ == "__main__":
    sys.exit(main())
