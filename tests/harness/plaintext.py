"""Searches what a server stored and sent for things it must never have seen.

A needle is looked for in every spelling in which a program would plausibly write it: UTF-8,
UTF-16, base64, hex, JSON and URL escapes, upper and lower case, and inside gzip and zlib streams.
A needle too short to be evidence is refused. Not found: content under raw deflate without a
header, or under another compression.
"""

import base64
import json
import sqlite3
import struct
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ahocorasick_rs import BytesAhoCorasick

from tests.harness.traffic import Exhibit

SHORTEST = 6  # Bytes; at random once in 2^48, so a hit is a leak.
INFLATE_LIMIT = 64 * 1024 * 1024
ZLIB_HEADS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


@dataclass(frozen=True)
class Needle:
    """Something secret: its name in reports, and each spelling as (encoding, bytes)."""

    name: str
    spellings: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Finding:
    """A secret that was found."""

    needle: str
    encoding: str
    where: str
    position: int


def secret_text(text: str) -> Needle:
    """A needle for a text, a caption, a name."""
    if len(text.encode()) < SHORTEST:
        raise ValueError(f"{text!r} is too short to be looked for")
    spellings: dict[bytes, str] = {}
    for variant in dict.fromkeys((text, text.lower(), text.upper())):
        utf8 = variant.encode()
        _add(spellings, "utf-8", utf8)
        _add(spellings, "utf-16-le", variant.encode("utf-16-le"))
        _add(spellings, "utf-16-be", variant.encode("utf-16-be"))
        _add(spellings, "json", json.dumps(variant)[1:-1].encode())
        _add(spellings, "url", urllib.parse.quote(variant).encode())
        _add_coded(spellings, utf8)
    return _needle(text, spellings)


def secret_bytes(name: str, content: bytes) -> Needle:
    """A needle for a file: a piece of its beginning, middle and end."""
    spellings: dict[bytes, str] = {}
    size = 32
    for at in sorted({0, max(0, len(content) // 2 - size // 2), max(0, len(content) - size)}):
        piece = content[at : at + size]
        # A run of one byte (a file's padding) proves nothing.
        if len(set(piece)) > SHORTEST:
            _add(spellings, f"bytes {at}+{len(piece)}", piece)
            _add_coded(spellings, piece)
    return _needle(name, spellings)


def secret_number(name: str, value: float) -> Needle:
    """A needle for a coordinate, as digits and as a float of either byte order."""
    spellings: dict[bytes, str] = {}
    digits = repr(value)
    if len(digits) < SHORTEST:
        raise ValueError(f"{digits} is too short to be looked for")
    _add(spellings, "digits", digits.encode())
    _add(spellings, "digits utf-16-le", digits.encode("utf-16-le"))
    _add_coded(spellings, digits.encode())
    _add(spellings, "double be", struct.pack(">d", value))
    _add(spellings, "double le", struct.pack("<d", value))
    return _needle(name, spellings)


def _needle(name: str, spellings: dict[bytes, str]) -> Needle:
    if not spellings:
        raise ValueError(f"{name!r} is too short or too plain to be looked for")
    return Needle(name, tuple((encoding, data) for data, encoding in spellings.items()))


def _add(spellings: dict[bytes, str], encoding: str, data: bytes) -> None:
    if len(data) >= SHORTEST:
        spellings.setdefault(data, encoding)


def _add_coded(spellings: dict[bytes, str], data: bytes) -> None:
    _add(spellings, "hex", data.hex().encode())
    _add(spellings, "HEX", data.hex().upper().encode())
    for shift in range(3):
        # The part of base64 of (shift unknown bytes, data, anything) that data alone decides.
        whole = (len(data) + shift) // 3 * 3
        coded = base64.b64encode(bytes(shift) + data[: whole - shift])[(4 * shift + 2) // 3 :]
        _add(spellings, f"base64 shifted {shift}", coded)
        _add(spellings, f"base64url shifted {shift}", coded.replace(b"+", b"-").replace(b"/", b"_"))


def scan(things: Iterable[Exhibit], needles: Iterable[Needle]) -> list[Finding]:
    """Return every needle's first place in each exhibit, compressed parts included."""
    named = [(one.name, *spelling) for one in needles for spelling in one.spellings]
    if not named:
        return []
    # All spellings at once: one by one they take a hundred times as long.
    spellings = BytesAhoCorasick([spelling for _, _, spelling in named])
    found: list[Finding] = []
    for thing in things:
        for part in (thing, *_inflated(thing)):
            first: dict[int, int] = {}
            for number, start, _ in spellings.find_matches_as_indexes(part.data, overlapping=True):
                first.setdefault(number, start)
            for number in sorted(first):
                name, encoding, _ = named[number]
                found.append(Finding(name, encoding, part.where, first[number]))
    return found


def _inflated(thing: Exhibit) -> Iterator[Exhibit]:
    for head, window in ((b"\x1f\x8b\x08", 31), *((head, 15) for head in ZLIB_HEADS)):
        position = thing.data.find(head)
        while position >= 0:
            inflater = zlib.decompressobj(window)
            try:
                data = inflater.decompress(thing.data[position:], INFLATE_LIMIT)
            except zlib.error:
                data = b""
            if data:
                yield Exhibit(f"{thing.where}, compressed part at {position}", data)
            position = thing.data.find(head, position + 1)


def stored(folder: Path) -> Iterator[Exhibit]:
    """Yield every file under ``folder`` as it is, and every value of every SQLite database.

    The values too, because SQLite spreads a long one over pages that need not lie together.
    The server must not be running, or must be idle.
    """
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        name = str(file.relative_to(folder))
        data = file.read_bytes()
        yield Exhibit(f"path {name}", name.encode())
        yield Exhibit(f"file {name}", data)
        if data.startswith(b"SQLite format 3\0"):
            yield from _values(file, name)


def _values(file: Path, name: str) -> Iterator[Exhibit]:
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for number, row in enumerate(connection.execute(f'SELECT * FROM "{table}"')):
                for value in row:
                    data = value if isinstance(value, bytes) else str(value).encode()
                    yield Exhibit(f"{name} table {table} row {number}", data)
    finally:
        connection.close()
