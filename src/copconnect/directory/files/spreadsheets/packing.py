"""Unpacks the zip of a workbook under limits, before any parser sees it. Pure.

Invariant: the parser reads only bytes that were counted here. The archive is written again without
compression, with those parts that hold cells; sizes and checksums that the file declares are not
believed.
"""

import io
import re
import struct
import zipfile
import zlib

from copconnect.directory.files.limits import FileRefused, Limits

ZIP = b"PK\x03\x04"
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # XLS, and workbooks with a password.
PARTS = re.compile(r"\.(xml|rels|bin)$|^mimetype$", re.IGNORECASE)
SKIPPED = re.compile(
    r"(vbaProject\.bin|/media/|/drawings/|/theme/|/printerSettings/|/externalLinks/|/activeX/"
    r"|/embeddings/|/pivotCache/|/customXml/|Thumbnails/|Configurations2/)",
    re.IGNORECASE,
)
SHEET = re.compile(r"(^|/)worksheets/[^/]*\.xml$", re.IGNORECASE)
# A cell with content: its element does not end at once.
CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["'][^>]*(?<!/)>""")
STEP = 1 << 20
LOCAL_HEADER = struct.Struct("<4s5H3I2H")


def kind_of(content: bytes) -> str:
    """Return ``zip``, ``compound`` or ``text`` by a file's first bytes."""
    if content.startswith(ZIP):
        return "zip"
    if content.startswith(COMPOUND):
        return "compound"
    return "text"


def repacked(content: bytes, limits: Limits) -> bytes:
    """Return the same workbook as a zip without compression. Raises FileRefused."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OSError) as error:
        raise FileRefused("file_damaged", "the zip directory") from error
    entries = archive.infolist()
    if len(entries) > limits.parts:
        raise FileRefused("file_expands", f"{len(entries):,} parts")
    declared = sum(entry.file_size for entry in entries)
    _check_size(declared, len(content), limits)
    if any(entry.flag_bits & 1 for entry in entries):
        raise FileRefused("file_encrypted")
    out = io.BytesIO()
    total = 0
    names: set[str] = set()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as target:
        for entry in entries:
            name = entry.filename
            if entry.is_dir() or not PARTS.search(name) or SKIPPED.search(name):
                continue
            if name in names:
                raise FileRefused("file_damaged", "two parts have one name")
            names.add(name)
            part = _unpacked(content, entry, total, limits)
            total += len(part)
            if SHEET.search(name):
                _check_reach(name, part, limits)
            target.writestr(zipfile.ZipInfo(name), part)
    if not names:
        raise FileRefused("file_kind_unknown", "a zip that is no workbook")
    return out.getvalue()


def _check_size(unpacked: int, packed: int, limits: Limits) -> None:
    too_much = unpacked > limits.unpacked
    bomb = unpacked > limits.unpacked_free and unpacked > limits.ratio * packed
    if too_much or bomb:
        raise FileRefused("file_expands", f"{unpacked:,} bytes from {packed:,}")


def _unpacked(content: bytes, entry: zipfile.ZipInfo, before: int, limits: Limits) -> bytes:
    """Return a part's bytes; it is read by what is there, not by what it declares."""
    at = entry.header_offset
    header = content[at : at + LOCAL_HEADER.size]
    if len(header) != LOCAL_HEADER.size or not header.startswith(ZIP):
        raise FileRefused("file_damaged", entry.filename)
    *_, name_length, extra_length = LOCAL_HEADER.unpack(header)
    start = at + LOCAL_HEADER.size + name_length + extra_length
    packed = memoryview(content)[start : start + entry.compress_size]
    if len(packed) != entry.compress_size:
        raise FileRefused("file_damaged", entry.filename)
    if entry.compress_type == zipfile.ZIP_STORED:
        _check_size(before + len(packed), len(content), limits)
        return bytes(packed)
    if entry.compress_type != zipfile.ZIP_DEFLATED:
        raise FileRefused("file_damaged", entry.filename)
    return _inflated(packed, entry.filename, before, len(content), limits)


def _inflated(packed: memoryview, name: str, before: int, file_size: int, limits: Limits) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    size = before
    waiting: bytes | memoryview = packed
    try:
        while True:
            piece = inflater.decompress(waiting, STEP)
            pieces.append(piece)
            size += len(piece)
            _check_size(size, file_size, limits)
            waiting = inflater.unconsumed_tail
            if inflater.eof or not (waiting or piece):
                break
    except zlib.error as error:
        raise FileRefused("file_damaged", name) from error
    if not inflater.eof:
        raise FileRefused("file_damaged", name)
    return b"".join(pieces)


def _check_reach(name: str, part: bytes, limits: Limits) -> None:
    """Refuse a sheet whose cells lie so far apart that the rectangle around them is too large."""
    columns: set[bytes] = set()
    last_row = 0
    first_row = 1 << 30
    for letters, digits in CELL.findall(part):
        columns.add(letters)
        row = int(digits)
        if row > last_row:
            last_row = row
        if row < first_row:
            first_row = row
    if not columns:
        return
    numbers = [_column(letters) for letters in columns]
    width, height = max(numbers) - min(numbers) + 1, last_row - first_row + 1
    if width * height > limits.cells:
        last = max(columns, key=lambda letters: (len(letters), letters.upper())).decode()
        raise FileRefused("too_many_cells", f"{name.rpartition('/')[2]} reaches {last}{last_row}")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
