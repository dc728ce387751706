"""The archive of a backup: a tar file whose last member is the manifest of all others."""

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import msgspec

MANIFEST = "manifest.json"
KEYS = "keys/"
BLOBS = "blobs/"
Kind = Literal["sqlite", "postgresql"]
DATABASES: Mapping[Kind, str] = {"sqlite": "copconnect.sqlite3", "postgresql": "database.dump"}
_READ_BYTES = 1024**2


class BackupRefused(Exception):
    """An archive cannot be made or restored. The only argument says why, in sentences."""


class Member(msgspec.Struct, frozen=True):
    """One file of the archive."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """The contents of an archive. ``version``: of the program that made it; ``attachments``: how
    many its database names; ``blobs_at``: the URL of the store outside the archive, empty if
    inside."""

    version: str
    made_ms: int
    database: Kind
    attachments: int
    blobs_at: str
    files: dict[str, Member]


class _Hashing:
    """Reads a stream and hashes what passes."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._sha256 = hashlib.sha256()
        self._size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._sha256.update(data)
        self._size += len(data)
        return data

    @property
    def member(self) -> Member:
        return Member(self._size, self._sha256.hexdigest())


class Writer:
    """Writes an archive."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.files: dict[str, Member] = {}

    def add_file(self, name: str, file: Path) -> None:
        """Add a file that nobody writes to."""
        with file.open("rb") as source:
            self._add(name, source, file.stat().st_size)

    def add(self, name: str, data: bytes) -> None:
        """Add a file with these bytes."""
        self._add(name, io.BytesIO(data), len(data))

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest, which names every file that was added."""
        self.add(MANIFEST, msgspec.json.encode(manifest))

    def _add(self, name: str, source: IO[bytes], size: int) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        hashing = _Hashing(source)
        self._tar.addfile(entry, hashing)
        self.files[name] = hashing.member


@contextmanager
def writing(file: Path) -> Iterator[Writer]:
    """Write a new archive."""
    with file.open("xb") as raw, tarfile.open(fileobj=raw, mode="w") as tar:
        yield Writer(tar)


def verified(archive: Path) -> Manifest:
    """Read a whole archive and return its manifest. Raises BackupRefused if it is damaged."""
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    try:
        for name, content in members(archive):
            if name == MANIFEST:
                manifest = msgspec.json.decode(content.read(), type=Manifest)
                continue
            hashing = _Hashing(content)
            while hashing.read(_READ_BYTES):
                pass
            found[name] = hashing.member
    except (tarfile.TarError, msgspec.DecodeError, EOFError) as error:
        raise BackupRefused(f"The archive {archive} is damaged: {error}.") from error
    if manifest is None:
        raise BackupRefused(
            f"The archive {archive} has no manifest: it is cut off, or `copconnect backup` did not "
            "make it."
        )
    different = sorted(
        name
        for name in manifest.files.keys() | found
        if manifest.files.get(name) != found.get(name)
    )
    if different:
        raise BackupRefused(f"The archive {archive} is damaged: {named(different)} differ.")
    return manifest


def members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield name and content of each file of an archive; a content is read before the next one."""
    with tarfile.open(archive) as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            if content is not None:
                yield entry.name, content


def named(names: list[str]) -> str:
    """Return a few of these names, and how many more there are."""
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
