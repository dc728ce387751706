"""Keeps what imports replace, in their transaction, so that they can be undone."""

import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.audit.acts import Act, DataBankImported, ImportUndone
from copconnect.database.engine import Transaction
from copconnect.directory import rules, store
from copconnect.directory.editing import Compared
from copconnect.directory.files.mapping import ColumnMapping
from copconnect.directory.imports import exporting, import_store, refusals
from copconnect.directory.imports.exporting import FileRow

KEPT = 30  # Imports whose replaced rows are kept.
ROWS = 5_000  # The people in one part.


class _Part(msgspec.Struct):
    """``left``: how the import left each of the people. ``organisation``: rows by table, in the
    first part if the import changed them."""

    people: list[FileRow]
    left: list[bytes]
    organisation: dict[str, list[FileRow]] | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The rows as they were before an import: of the people whom it changed, and of units, levels,
    ranks and roles if it changed them. People whom it added are rows that remove them. ``left``:
    a fingerprint of each person's row as the import left it."""

    people: list[FileRow]
    left: list[bytes]
    organisation: dict[str, list[FileRow]] | None


def encode(kept: Kept) -> Iterator[bytes]:
    """Yield the parts in which rows are stored."""
    encoder = msgspec.msgpack.Encoder()
    for start in range(0, max(1, len(kept.people)), ROWS):
        end = start + ROWS
        organisation = kept.organisation if start == 0 else None
        part = _Part(kept.people[start:end], kept.left[start:end], organisation)
        yield zlib.compress(encoder.encode(part), 3)


def decode(contents: Sequence[bytes]) -> Kept:
    """Return the rows of stored parts."""
    kept = Kept([], [], None)
    for content in contents:
        part = msgspec.msgpack.decode(zlib.decompress(content), type=_Part)
        kept.people.extend(part.people)
        kept.left.extend(part.left)
        kept = Kept(kept.people, kept.left, kept.organisation or part.organisation)
    return kept


def fingerprint(row: FileRow) -> bytes:
    """Return what is the same for the same row of a person; removed people have one each."""
    content = ["removed", row["code"]] if row["status"] == "removed" else list(row.values())
    return hashlib.blake2b(msgspec.msgpack.encode(content), digest_size=12).digest()


def replaced(compared: Compared, *, reorganised: bool) -> Kept:
    """Return the rows that an import replaces."""
    found, stored = compared.found, compared.stored
    people: list[FileRow] = []
    left: list[bytes] = []
    for row in found.insert:
        people.append(exporting.removed_row(row["code"]))
        left.append(fingerprint(exporting.person_row(row)))
    for row in found.update:
        people.append(exporting.person_row(stored[row["person_id"]]))
        left.append(fingerprint(exporting.person_row(row)))
    for person_id in sorted(found.removed):
        before = exporting.person_row(stored[person_id])
        people.append(before)
        left.append(fingerprint(before | {"status": "removed"}))
    organisation = exporting.organisation_rows(compared.organisation) if reorganised else None
    return Kept(people, left, organisation)


class ImportJournal:
    """Checks and keeps an import. ``number`` is set once it is stored."""

    def __init__(
        self,
        by: str,
        source: str,
        digest: str,
        mappings: Mapping[str, ColumnMapping],
        aliases: Mapping[str, Mapping[str, str]],
        *,
        remove_missing: bool,
        dialect: str,
        check: Callable[[Compared], None],
    ) -> None:
        self.number: int | None = None
        self._by = by
        self._source = source
        self._digest = digest
        self._mappings = mappings
        self._aliases = aliases
        self._remove_missing = remove_missing
        self._dialect = dialect
        self._check = check

    async def compared(self, connection: Transaction, compared: Compared) -> None:
        """Refuse what nobody agreed to; remember how the file is read."""
        self._check(compared)
        await import_store.remember_mappings(connection, self._dialect, self._mappings)
        await import_store.remember_aliases(connection, self._dialect, self._aliases)

    async def written(
        self, connection: Transaction, compared: Compared, *, reorganised: bool
    ) -> Act:
        """Keep what was replaced."""
        kept = replaced(compared, reorganised=reorganised)
        entry = _Entry(self._by, self._source, self._digest, reorganised, None)
        self.number = await _keep(connection, compared, kept, entry)
        counts = compared.found.summary()
        return DataBankImported(counts, self._remove_missing, self.number, self._source)


class UndoJournal:
    """Undoes an import, and keeps that as an import of its own: undoing it restores the first."""

    def __init__(self, by: str, row: Any, kept: Kept, most_leaving: float | None) -> None:
        self._by = by
        self._row = row
        self._kept = kept
        self._most_leaving = most_leaving

    async def compared(self, connection: Transaction, compared: Compared) -> None:
        """Refuse what would overwrite a later change. Raises ChangedSince, NotUndoable,
        TooManyLeave."""
        refusals.check_leaving(len(compared.found.lost), compared.people, self._most_leaving)
        row = await import_store.by_number(connection, self._row.number)
        if row is None or row.undone_ms is not None:
            raise refusals.NotUndoable(str(self._row.number))
        people: list[refusals.Changed] = []
        for before, left in zip(self._kept.people, self._kept.left, strict=True):
            stored = compared.stored.get(rules.person_id(before["code"]))
            now = exporting.person_row(stored) if stored is not None else before
            if fingerprint(now) != left:
                people.append(refusals.Changed(now["code"], now["name_en"]))
        version = await store.directory_version(connection)
        organisation = bool(row.organisation) and version != row.organisation
        if people or organisation:
            raise refusals.ChangedSince(people, organisation)

    async def written(
        self, connection: Transaction, compared: Compared, *, reorganised: bool
    ) -> Act:
        """Keep what undoing replaced."""
        kept = replaced(compared, reorganised=reorganised)
        undone = self._row.number
        entry = _Entry(self._by, self._row.source, self._row.digest, reorganised, undone)
        number = await _keep(connection, compared, kept, entry)
        await import_store.mark_undone(connection, undone, compared.now_ms)
        return ImportUndone(undone, number, compared.found.summary())


@dataclass(frozen=True, slots=True)
class _Entry:
    by: str
    source: str
    digest: str
    reorganised: bool
    undoes: int | None


async def _keep(connection: AsyncConnection, compared: Compared, kept: Kept, entry: _Entry) -> int:
    number = await import_store.next_number(connection)
    version = await store.directory_version(connection)
    row = {
        "number": number,
        "by": entry.by,
        "source": entry.source,
        "digest": entry.digest,
        "at_ms": compared.now_ms,
        "counts": msgspec.json.encode(compared.found.summary()).decode(),
        "organisation": version if entry.reorganised else "",
        "undoes": entry.undoes,
    }
    await import_store.add(connection, row, encode(kept))
    await import_store.forget_parts(connection, KEPT, number)
    return number
