"""Imports files that appear in a folder, such as the nightly file of an HRMS.

The story of a file: it lies in the folder until nobody has written to it for ten seconds; a look
moves it to ``working`` (whichever node moves it imports it); then it goes to ``imported``, or to
``refused`` with a report beside it that says why. A file that meets another import goes back and
waits. A file that a crash left in ``working`` goes back after an hour; the import had stored
nothing, or all of it, and importing it again changes nothing then.
"""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import structlog

from copconnect.clock import Clock
from copconnect.directory.editing import NumberInUse
from copconnect.directory.files.limits import LIMITS, FileRefused
from copconnect.directory.files.mapping import MappingWrong
from copconnect.directory.files.wording import sentences
from copconnect.directory.imports import refusals
from copconnect.directory.imports.importer import Importer, ImportOptions
from copconnect.principals import Operator

log = structlog.get_logger()
SUFFIXES = frozenset({".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
SETTLED_S = 10.0
FORGOTTEN_S = 3600.0
PERIOD_S = 10.0
BY = Operator("watched folder")
# Tables that others refer to come first if the folder has several files.
FIRST = ("levels", "ranks", "roles", "units")


class Looked(NamedTuple):
    """The end of a file: imported, refused, or back in the folder to wait."""

    name: str
    end: Literal["imported", "refused", "waits"]
    why: str = ""


@dataclass(frozen=True, slots=True)
class FolderWatch:
    """Looks into one folder. Safe on several nodes: a file is moved before it is read."""

    importer: Importer
    clock: Clock
    folder: Path
    remove_missing: bool = False
    settled_s: float = SETTLED_S

    async def look(self) -> list[Looked]:
        """Import the files that lie in the folder and are complete, one after another."""
        names = await asyncio.to_thread(self._ready)
        ends: list[Looked] = []
        for name in names:
            end = await self._one(name)
            if end is not None:
                log.info("folder_import", end=end.end, why=end.why)
                ends.append(end)
        return ends

    def _ready(self) -> list[str]:
        """Make the folders, take back what was forgotten; return the names of files to import."""
        now = time.time()
        working = self._sub("working")
        for path in working.iterdir():
            if now - path.stat().st_ctime > FORGOTTEN_S:
                path.rename(self.folder / path.name)
        found = [
            path.name
            for path in self.folder.iterdir()
            if path.suffix.lower() in SUFFIXES
            and not path.name.startswith((".", "~"))
            and not path.is_symlink()
            and path.is_file()
            and now - path.stat().st_mtime >= self.settled_s
        ]
        return sorted(found, key=_place)

    def _sub(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    async def _one(self, name: str) -> Looked | None:
        """Import a file; None where another node has taken it."""
        working = self.folder / "working" / name
        try:
            await asyncio.to_thread((self.folder / name).rename, working)
        except FileNotFoundError:
            return None
        try:
            content = await asyncio.to_thread(_content, working)
            end, report = await self._import(name, content)
        except BaseException:
            # The database is away, or the server stops: the file waits for the next look.
            await asyncio.to_thread(working.rename, self.folder / name)
            raise
        await asyncio.to_thread(self._finish, working, end, report)
        return end

    async def _import(self, name: str, content: bytes | None) -> tuple[Looked, bytes]:
        options = ImportOptions(remove_missing=self.remove_missing)
        if content is None:
            return Looked(name, "refused", sentences("file_too_large").wrong), b""
        try:
            await self.importer.apply(BY, [(name, content)], options)
        except (refusals.ImportRunning, refusals.PreviewOutdated) as error:
            return Looked(name, "waits", error.code), b""
        except FileRefused as error:
            words = sentences(error.problem, error.value)
            return Looked(name, "refused", f"{words.wrong} {words.remedy}"), b""
        except (refusals.ImportRefused, NumberInUse, MappingWrong) as error:
            preview = await self.importer.preview([(name, content)], options)
            return Looked(name, "refused", str(error)), preview.report()
        return Looked(name, "imported"), b""

    def _finish(self, working: Path, end: Looked, report: bytes) -> None:
        if end.end == "waits":
            working.rename(self.folder / working.name)
            return
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self.clock.now_ms() / 1000))
        target = self._sub(end.end) / f"{stamp} {working.name}"
        working.replace(target)
        if end.end == "refused":
            _write(target.with_name(f"{target.name}.why.txt"), f"{end.why}\n".encode())
            if report:
                _write(target.with_name(f"{target.name}.report.xlsx"), report)


def _place(name: str) -> tuple[int, str]:
    table = name.partition(".")[0].lower()
    return (FIRST.index(table) if table in FIRST else len(FIRST), name)


def _content(path: Path) -> bytes | None:
    """Return a file's bytes; None where it is over the limit."""
    return path.read_bytes() if path.stat().st_size <= LIMITS.file else None


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
