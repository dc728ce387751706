"""The ZIP of an export: entries are stored as they are, one after another, without comments.

Its size says how much it unpacks to, nothing is unpacked to a disk, and no two programs can read
different contents from it. Any other ZIP is refused.
"""

import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_NAME = re.compile(
    r"(?:manifest\.json|log\.jsonl|trust\.json|files/[0-9a-f]{32}(?:\.[a-z0-9]{1,8})?)", re.ASCII
)
_MOST_ENTRIES = 60_000
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_DESCRIPTOR_BYTES, _END_BYTES = 16, 22
_BLOCK = 1 << 20
_FLAGS = {0x0008, 0x0808}  # Sizes follow the data; names are UTF-8.


class BadArchive(Exception):
    """A file that is no such archive."""


class Archive:
    """The entries of an export by name."""

    def __init__(self, path: Path) -> None:
        """Raises BadArchive, OSError."""
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise BadArchive(str(error)) from error
        self._path = path
        self.sizes: dict[str, int] = {}
        self._starts: dict[str, int] = {}
        self._check(path)

    def _check(self, path: Path) -> None:
        infos = self._zip.infolist()
        _require(len(infos) <= _MOST_ENTRIES, "too many entries")
        expected = 0
        with path.open("rb") as file:
            for info in infos:
                stored = info.compress_type == zipfile.ZIP_STORED and info.flag_bits in _FLAGS
                same = info.compress_size == info.file_size and info.header_offset == expected
                _require(stored and same, "an entry that is not stored where it belongs")
                named = _NAME.fullmatch(info.filename) is not None
                _require(named and info.filename not in self.sizes, "a name that does not belong")
                _require(not info.extra and not info.comment, "more than names")
                file.seek(expected)
                header = _LOCAL.unpack(_exactly(file, _LOCAL.size))
                name = _exactly(file, len(info.filename)).decode("latin-1")
                right = header[0] == b"PK\x03\x04" and header[2] in _FLAGS and header[3] == 0
                _require(right and name == info.filename, "headers that differ")
                _require(header[9:] == (len(name), 0), "headers that differ")
                self.sizes[info.filename] = info.file_size
                self._starts[info.filename] = expected + _LOCAL.size + len(name)
                expected += _LOCAL.size + len(name) + info.file_size + _DESCRIPTOR_BYTES
            file.seek(0, 2)
            directory = sum(46 + len(info.filename) for info in infos)
            whole = file.tell() == expected + directory + _END_BYTES
        _require(whole and expected == self._zip.start_dir, "bytes that no entry names")

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an entry, whatever its CRC, as the app does: hashes judge them. Raises
        BadArchive."""
        if name not in self.sizes:
            raise BadArchive(f"{name} is missing")
        left = self.sizes[name]
        with self._path.open("rb") as file:
            file.seek(self._starts[name])
            while left > 0:
                block = _exactly(file, min(left, _BLOCK))
                left -= len(block)
                yield block


def _exactly(file: IO[bytes], size: int) -> bytes:
    found = file.read(size)
    _require(len(found) == size, "a part beyond the end")
    return found


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise BadArchive(reason)
