"""The limits of a file that is read, and the error when a file breaks one. Pure."""

from dataclasses import dataclass
from typing import Literal

from copconnect.limits import MAX_IMPORT_BYTES

FileProblem = Literal[
    "file_empty",
    "file_too_large",
    "file_expands",
    "file_encrypted",
    "file_damaged",
    "file_kind_unknown",
    "encoding_unknown",
    "too_many_rows",
    "too_many_columns",
    "too_many_cells",
    "took_too_long",
]


@dataclass(frozen=True, slots=True)
class Limits:
    """``file``, ``unpacked``: bytes of a file, and of what is compressed in it. ``ratio``: how far
    it may expand once ``unpacked_free`` bytes are exceeded. ``rows``, ``columns``, ``cells``: of
    one sheet; ``cells`` counts the rectangle from the first to the last cell that has content."""

    file: int = MAX_IMPORT_BYTES
    unpacked: int = 512 << 20
    unpacked_free: int = 32 << 20
    ratio: int = 300
    parts: int = 2_000
    rows: int = 250_000
    columns: int = 512
    cells: int = 8_000_000
    sheets: int = 100
    memory: int = 3 << 30
    """Bytes of address space of the process that parses a workbook."""
    seconds: int = 120
    """Processor time of that process."""


LIMITS = Limits()


class FileRefused(Exception):
    """A file that cannot be read. ``problem`` is a stable code; ``value`` says what was found,
    such as a size or the name of a sheet; ``file`` is its name, empty if the reader has none."""

    file = ""

    def __init__(self, problem: FileProblem, value: str = "") -> None:
        super().__init__(f"{problem}: {value}" if value else problem)
        self.problem: FileProblem = problem
        self.value = value
