"""Makes a backup while the server serves."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from copconnect import __version__, errors
from copconnect.attachments.blobs import Blobs, folder_of, in_folder
from copconnect.attachments.wholeness import StoredChunks, missing
from copconnect.clock import SystemClock
from copconnect.commands.backups import databases
from copconnect.commands.backups.archive import (
    BLOBS,
    DATABASES,
    KEYS,
    Kind,
    Manifest,
    Writer,
    verified,
    writing,
)
from copconnect.settings import Settings


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made and read again. ``missing``: attachments that the server itself
    lacks."""

    archive: Path
    manifest: Manifest
    missing: Sequence[str]


async def back_up(settings: Settings, folder: Path) -> Backup:
    """Make an archive in a folder that is there. Raises BackupRefused, and OSError; then there is
    no archive."""
    url = settings.effective_database_url
    kind: Kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    blobs = folder_of(settings.blob_url, settings.data_dir)
    held = StoredChunks()
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as work:
        unfinished = Path(work) / "archive.tar"
        copied = Path(work) / DATABASES[kind]
        expected = await databases.copy(url, copied)
        with writing(unfinished) as writer:
            writer.add_file(copied.name, copied)
            copied.unlink()
            keys = settings.data_dir / "keys"
            for file in sorted(keys.rglob("*")):
                if file.is_file():
                    writer.add_file(f"{KEYS}{file.relative_to(keys)}", file)
            if blobs is not None and blobs.is_dir():
                await _add_blobs(writer, in_folder(blobs), held)
            manifest = Manifest(
                version=__version__,
                made_ms=SystemClock().now_ms(),
                database=kind,
                attachments=len(expected),
                blobs_at="" if blobs is not None else settings.blob_url,
                files=dict(writer.files),
            )
            writer.finish(manifest)
        _sync(unfinished)
        verified(unfinished)
        archive = folder / f"copconnect-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
        unfinished.rename(archive)
    _sync(folder)
    lacking: Sequence[str] = ()
    if blobs is not None:
        lacking = await missing(expected, held, lambda: databases.expected(url))
    return Backup(archive, manifest, lacking)


async def _add_blobs(writer: Writer, blobs: Blobs, held: StoredChunks) -> None:
    async for path, size in blobs.listed():
        try:
            data = b"".join([piece async for piece in await blobs.read(path)])
        except errors.NotFound:
            continue  # Its attachment ended meanwhile.
        writer.add(f"{BLOBS}{path}", data)
        held.add(path, size)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
