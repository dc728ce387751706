"""Imports through the console: a file is sent in chunks, read, shown row by row, and applied by a
signed act (:class:`copconnect.wire.admin.ApplyImport`)."""

from typing import Annotated, Literal

from msgspec import Meta

from copconnect.ids import UploadId
from copconnect.limits import MAX_IMPORT_BYTES
from copconnect.wire.base import HEX16, Hex32, Wire
from copconnect.wire.directory import Person

_ShortText = Annotated[str, Meta(max_length=200)]
ImportShow = Literal[
    "organisation",
    "added",
    "changed",
    "moved",
    "suspended",
    "restored",
    "removed",
    "unchanged",
    "refused",
]
UploadPart = Literal["", "reading", "judging", "storing"]
UploadStage = Literal["receiving", "examining", "ready", "failed", "applied"]


class BeginUpload(Wire, frozen=True, kw_only=True):
    """A file on its way. ``size``: bytes; ``sha256``: of the whole file."""

    name: Annotated[str, Meta(min_length=1, max_length=120)]
    size: Annotated[int, Meta(ge=1, le=MAX_IMPORT_BYTES)]
    sha256: Hex32


class UploadBegun(Wire, frozen=True, kw_only=True):
    upload_id: Annotated[UploadId, HEX16]


ImportAliases = Annotated[
    dict[_ShortText, Annotated[dict[_ShortText, _ShortText], Meta(max_length=500)]],
    Meta(max_length=8),
]


class ImportChoices(Wire, frozen=True, kw_only=True):
    """How to read a file and what to do with it.

    ``remove_missing``: people whom the file lacks leave; not together with ``partial``: store the
    good rows and leave out the bad. ``sheets``: the table of a sheet by the sheet's name, or
    ``none``. ``columns``: a heading, several joined by "+", or ``none``, by ``table.column``.
    ``aliases``: by column, codes by what the file says for them. ``confirmed``: somebody saw which
    column is which.
    """

    remove_missing: bool = False
    partial: bool = False
    confirmed: bool = False
    sheets: Annotated[dict[_ShortText, _ShortText], Meta(max_length=100)] = {}
    columns: Annotated[dict[_ShortText, _ShortText], Meta(max_length=200)] = {}
    aliases: ImportAliases = {}


class ImportColumn(Wire, frozen=True, kw_only=True):
    """A column of the data bank and the headings that it is read from; empty: none.
    ``confidence``: 0 to 1, of the guess; 1: certain or confirmed; ``sure``: nobody needs to look
    at it."""

    column: str
    headings: list[str]
    confidence: float
    sure: bool


class ImportSheet(Wire, frozen=True, kw_only=True):
    """How a sheet is read. ``name``: the key of ImportChoices.sheets; ``remembered``: as somebody
    confirmed it for an earlier file with these headings."""

    name: str
    label: str
    table: str
    columns: list[ImportColumn]
    headings: list[str]
    remembered: bool
    rows: int


class ImportAlias(Wire, frozen=True, kw_only=True):
    """A name in a file that somebody matched to a code by hand; ``remembered``: with an earlier
    import."""

    column: str
    typed: str
    code: str
    remembered: bool


class ImportPreview(Wire, frozen=True, kw_only=True):
    """The effects of an import, within the part of the person who sent the file. ``digest``: names
    exactly these changes; ``counts``: rows by ImportShow; ``people``: in the part now; ``leaving``:
    whom it suspends or removes; ``unsure``: columns that are only likely; ``paths``: the units of
    which it shows anything, "" for the department; ``aliases``: names that were matched by hand."""

    digest: str
    sheets: list[ImportSheet]
    counts: dict[str, int]
    people: int
    leaving: int
    repeated: int
    unsure: list[str]
    paths: list[str]
    aliases: list[ImportAlias]


class Upload(Wire, frozen=True, kw_only=True):
    """A file that somebody sent. ``part``: of the work that ``state`` names, with ``done`` of
    ``total``; ``problem``: why it failed, a code of docs/operations.md, with its ``value``;
    ``number``: of the import, once applied."""

    upload_id: Annotated[UploadId, HEX16]
    name: str
    size: int
    sha256: str
    by: Person | None
    made_ms: int
    state: UploadStage
    part: UploadPart
    done: int
    total: int
    problem: str
    value: str
    choices: ImportChoices
    preview: ImportPreview | None
    number: int | None


class ImportValue(Wire, frozen=True, kw_only=True):
    """A value that changes."""

    column: str
    old: str
    new: str


class ImportProblem(Wire, frozen=True, kw_only=True):
    """Why a row is refused: a code of docs/operations.md. ``suggestions``: codes that are close to
    the value; ``other``: the line of the row that claims the same, or 0."""

    code: str
    column: str
    value: str
    suggestions: list[str]
    other: int


class ImportRow(Wire, frozen=True, kw_only=True):
    """A row of a preview. ``code``, ``name``: of the person or unit, "" where the file does not
    say; ``line``: 0 for somebody who is not in the file."""

    table: str
    code: str
    name: str
    file: str
    line: int
    kinds: list[str]
    values: list[ImportValue]
    problems: list[ImportProblem]


class ImportRows(Wire, frozen=True, kw_only=True):
    """``next``: pass as ``?after=``; None: these were the last."""

    rows: list[ImportRow]
    next: str | None
    total: int


class PastImport(Wire, frozen=True, kw_only=True):
    """An import that was applied. ``by``: as the audit log names it; ``undoable``: what it replaced
    is kept, and it was not undone; ``undoes``: the import that it undid."""

    number: int
    by: str
    source: str
    at_ms: int
    counts: dict[str, int]
    undoes: int | None
    undone_ms: int | None
    undoable: bool


class AdminImports(Wire, frozen=True, kw_only=True):
    """``uploads``: files that are not applied, of the caller or of their part; ``imports``: the
    newest over whose units the caller may import; ``columns``: of each table, in the order of
    files."""

    uploads: list[Upload]
    imports: list[PastImport]
    columns: dict[str, list[str]]
