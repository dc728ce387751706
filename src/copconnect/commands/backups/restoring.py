"""Restores a backup, with every node stopped."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from copconnect import errors
from copconnect.attachments.blobs import Blobs, folder_of, in_folder, open_blobs
from copconnect.attachments.wholeness import StoredChunks
from copconnect.commands.backups import databases
from copconnect.commands.backups.archive import (
    BLOBS,
    DATABASES,
    KEYS,
    BackupRefused,
    Manifest,
    members,
    verified,
)
from copconnect.doctor.reasons import reason_of
from copconnect.settings import Settings


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was restored. ``aside``: the folder with the former data; ``missing``:
    attachments that the database names and the blob store lacks."""

    aside: Path
    manifest: Manifest
    missing: Sequence[str]


async def restore(settings: Settings, archive: Path) -> Restored:
    """Put an archive's database, attachments and keys in their places; set aside what is there.

    Keys that are there stay: they are the archive's or newer. Phones wait until the roster
    authority has signed a new incarnation. Raises BackupRefused, and OSError.
    """
    if not os.access(archive, os.R_OK):
        raise BackupRefused(f"There is no backup {archive} that this account may read.")
    manifest = verified(archive)
    url = settings.effective_database_url
    if not url.startswith(manifest.database):
        names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
        raise BackupRefused(
            f"This backup is of {names[manifest.database]}, and COPCONNECT_DATABASE_URL names "
            "another kind of database."
        )
    await databases.check_unused(url)
    data = settings.data_dir
    data.mkdir(parents=True, exist_ok=True)
    with _former_data(data) as aside, tempfile.TemporaryDirectory(".restoring", dir=data) as folder:
        work = Path(folder)
        await _unpack(archive, work, open_blobs(settings.blob_url, data))
        await databases.replace(url, work / DATABASES[manifest.database], aside, work)
        blobs = folder_of(settings.blob_url, data)
        if blobs is not None and not manifest.blobs_at:
            await _set_aside(in_folder(blobs), manifest, aside / "blobs")
        if not (data / "keys").is_dir():
            shutil.move(work / "keys", data / "keys")
    os.sync()
    held = StoredChunks()
    async for path, size in open_blobs(settings.blob_url, data).listed("attachments"):
        held.add(path, size)
    expected = await databases.expected(url)
    return Restored(aside, manifest, sorted(held.lacking(expected)))


@contextmanager
def _former_data(data: Path) -> Iterator[Path]:
    """Make the folder that takes what is there today; a refusal names it once it has something."""
    prefix = f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-"
    aside = Path(tempfile.mkdtemp(prefix=prefix, dir=data))
    try:
        yield aside
    except (BackupRefused, errors.CopConnectError, DBAPIError, OSError) as error:
        if not any(aside.iterdir()):
            aside.rmdir()
            raise
        refused = isinstance(error, BackupRefused)
        said = f"{error}" if refused else f"The data cannot be written: {reason_of(error)}."
        raise BackupRefused(
            f"{said} The restore is not complete: start no node, and restore again. The former "
            f"data is in {aside}."
        ) from error


async def _unpack(archive: Path, work: Path, blobs: Blobs) -> None:
    """Write the blobs into their store, and the rest into a folder."""
    for name, content in members(archive):
        if name.startswith(BLOBS):
            path, data = name.removeprefix(BLOBS), content.read()
            if not await blobs.create(path, data) and not await blobs.holds(path, data):
                await blobs.delete([path])
                await blobs.create(path, data)
        elif name.startswith(KEYS) or name in DATABASES.values():
            if ".." in Path(name).parts:
                raise BackupRefused(f"The archive {archive} names a file outside: {name}.")
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            with (work / name).open("xb") as target:
                shutil.copyfileobj(content, target)


async def _set_aside(blobs: Blobs, manifest: Manifest, aside: Path) -> None:
    """Move the blobs that a backup does not have into a folder: no row names them."""
    extra = [path async for path, _ in blobs.listed() if f"{BLOBS}{path}" not in manifest.files]
    for path in extra:
        data = b"".join([piece async for piece in await blobs.read(path)])
        await in_folder(aside).create(path, data)
        await blobs.delete([path])
