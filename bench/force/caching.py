"""Folders that are made once and kept on disk, named by what they were made from.

A folder is made under another name and renamed when it is whole, so one that is there is whole and
a run that was interrupted makes it again. Kept folders are read only: each measurement copies its
folder.
"""

import asyncio
import hashlib
import re
import shutil
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

import copconnect
import demo
from bench.figures import say
from bench.force import making
from bench.force.device import Device
from bench.machine import copying
from copconnect.ids import PersonId

CACHE = Path(".artefacts") / "bench"
DATABASE = "copconnect.sqlite3"
KEPT_DAYS = 5.0  # A DeviceKey gets no seal after 14 days, a cell key after 7.
_FORMAT = 1  # The format of folders that bench/force makes.
_MADE_BY = (
    (copconnect, "auth_service/keys/authority.py"),
    (copconnect, "auth_service/keys/push_key.py"),
    (copconnect, "conduct/store.py"),
    (copconnect, "**/tables.py"),
    (copconnect, "records/*/*.py"),
    (copconnect, "sealing/*.py"),
    (demo, "*.json"),
    (demo, "synthetic.py"),
)


@dataclass(frozen=True, slots=True)
class Force:
    """A folder with ``keys/``, the database and the devices."""

    folder: Path
    devices: Sequence[Device]

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / DATABASE


def force(
    cache: Path, members: int, days: float = 0, unregistered: frozenset[PersonId] = frozenset()
) -> Force:
    """Return the force of this size, made now if it is not in the cache; see making.make."""

    async def make(folder: Path) -> None:
        await making.make(folder, members, days, unregistered)

    without = f"-without-{len(unregistered)}" if unregistered else ""
    folder = kept(cache, f"force-{members}" + (f"-{days}-days{without}" if days else ""), make)
    file = folder / making.DEVICES
    return Force(folder, msgspec.msgpack.decode(file.read_bytes(), type=list[Device]))


def kept(
    cache: Path,
    name: str,
    make: Callable[[Path], Coroutine[None, None, None]],
    days: float = KEPT_DAYS,
) -> Path:
    """Return a kept folder, made now if it is missing, old, or of another version."""
    cache = cache.resolve()
    folder = cache / f"{name}-{_version()}"
    made = folder / "made"
    young = made.is_file() and time.time() - made.stat().st_mtime < days * 86_400
    if young and asyncio.run(copying.brought_up_to_date(folder / DATABASE)):
        return folder
    former = re.compile(rf"{re.escape(name)}-([0-9a-f]{{12}}|making)")
    for other in cache.glob(f"{name}-*"):  # Folders of other versions, or interrupted.
        if former.fullmatch(other.name):
            shutil.rmtree(other)
    say(f"Making {name} …")
    unfinished = cache / f"{name}-making"
    unfinished.mkdir(parents=True)
    asyncio.run(make(unfinished))
    (unfinished / "made").touch()
    unfinished.rename(folder)
    say(f"It is in {folder}.")
    return folder


def _version() -> str:
    digest = hashlib.sha256(bytes([_FORMAT]))
    for package, pattern in _MADE_BY:
        for file in sorted(Path(package.__path__[0]).glob(pattern)):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
