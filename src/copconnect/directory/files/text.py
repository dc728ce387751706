"""Reads CSV text of any encoding and delimiter into rows. Pure.

Invariants: the same bytes give the same rows; a byte that its encoding does not have becomes U+FFFD
and nothing else, so that the judge of rows refuses that row alone; a row that an unbalanced quote
spoils is refused alone, and the rows behind it are read.
"""

import csv
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

import charset_normalizer

from copconnect.directory.files.limits import FileRefused, Limits
from copconnect.directory.files.sheets import RawRow, RowProblem

DELIMITERS = (",", ";", "\t", "|", "^", "~")
REPLACEMENT = "\ufffd"
SAMPLE_BYTES = 1 << 16
SAMPLE_ROWS = 200
MOST_LINES_OF_A_ROW = 20  # A longer row begins with a quote that nobody meant.
# The marks of UTF-32 begin with those of UTF-16.
MARKS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
# Single-byte encodings of the spreadsheets and HRMS exports that Indian departments have.
LEGACY = ["cp1252", "latin_1", "mac_roman", "cp437", "cp850", "cp1256", "iso8859_6"]


def decode(content: bytes) -> tuple[str, str]:
    """Return the text of a file and its encoding. Raises FileRefused for binary content."""
    for mark, encoding in MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace"), encoding
    sample = content[:SAMPLE_BYTES]
    if sample.count(0) > len(sample) / 20:
        return _unmarked_utf_16(content, sample)
    try:
        return content.decode(), "utf-8"
    except UnicodeDecodeError:
        text = content.decode(errors="replace")
    damaged = text.count(REPLACEMENT)
    if sum(character > "\u0900" and character != REPLACEMENT for character in text) > 4 * damaged:
        return text, "utf-8"
    guessed = charset_normalizer.from_bytes(sample, cp_isolation=LEGACY).best()
    encoding = guessed.encoding if guessed is not None else "cp1252"
    return content.decode(encoding, "replace"), encoding


def _unmarked_utf_16(content: bytes, sample: bytes) -> tuple[str, str]:
    """Text has a zero in every second byte where Latin letters, digits and delimiters stand."""
    low, high = sample[0::2].count(0), sample[1::2].count(0)
    encoding = "utf-16-be" if low > high else "utf-16-le"
    text = content.decode(encoding, "replace")
    start = text[: SAMPLE_BYTES // 2]
    # U+0E00 and above are scripts that nobody here writes, but for the marks of U+2000 to U+20FF.
    likely = sum(
        " " <= one < "\u0e00" or one in "\r\n\t" or "\u2000" <= one < "\u2100" for one in start
    )
    if likely < 0.9 * len(start):
        raise FileRefused("encoding_unknown")
    return text, encoding


def delimiter_of(lines: Sequence[str]) -> str:
    """Return the delimiter with which most of the first rows have the same number of columns."""
    best, best_score = ",", 0.0
    sample = [line for line in lines[:SAMPLE_ROWS] if line.strip()]
    for delimiter in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
        except csv.Error:
            continue
        several = Counter(width for width in widths if width > 1)
        if not several:
            continue
        width, count = several.most_common(1)[0]
        score = count / len(widths) * min(width, 12)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def read(content: bytes, limits: Limits) -> tuple[list[RawRow], list[RowProblem], str, str]:
    """Return the rows of a CSV file that are not blank, the rows that could not be read, the
    encoding and the delimiter. Raises FileRefused."""
    text, encoding = decode(content)
    lines = _lines(text.replace("\0", REPLACEMENT))
    # Blank lines cost little, so they have their own limit.
    if len(lines) > 4 * limits.rows:
        raise FileRefused("too_many_rows", f"{len(lines):,}")
    first, delimiter = _named_delimiter(lines)
    delimiter = delimiter or delimiter_of(lines[first:])
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    cells = 0
    for line, found in _records(lines, first, delimiter):
        if isinstance(found, str):
            problems.append(RowProblem(line, "csv_malformed", found))
            continue
        if not any(cell and not cell.isspace() for cell in found):
            continue
        if len(found) > limits.columns:
            raise FileRefused("too_many_columns", f"{len(found):,}")
        rows.append(RawRow(line, found))
        cells += len(found)
        if len(rows) > limits.rows:
            raise FileRefused("too_many_rows", f"{len(lines):,}")
        if cells > limits.cells:
            raise FileRefused("too_many_cells", f"{cells:,}")
    return rows, problems, encoding, delimiter


def _lines(text: str) -> list[str]:
    """Return the lines with their ends. Old programs end lines with CR alone."""
    lines = text.split("\n" if "\n" in text else "\r")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _named_delimiter(lines: Sequence[str]) -> tuple[int, str]:
    """Return the index of the first row, and the delimiter if a line ``sep=;`` names it."""
    said = lines[0].strip().strip('"') if lines else ""
    if len(said) == 5 and said[:4].lower() == "sep=" and said[4] in DELIMITERS:
        return 1, said[4]
    return 0, ""


def _records(lines: list[str], first: int, delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield (line, cells), or (line, the mistake) for a record that cannot be read; reading
    continues in the line behind the one on which such a record begins."""
    start = first
    while start < len(lines):
        reader = csv.reader(itertools.islice(lines, start, None), delimiter=delimiter, strict=True)
        while True:
            begun = start + reader.line_num
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield begun + 1, str(error)
                start = begun + 1
                break
            if start + reader.line_num - begun > MOST_LINES_OF_A_ROW:
                yield begun + 1, "a quote opens here and does not end"
                start = begun + 1
                break
            yield begun + 1, cells
