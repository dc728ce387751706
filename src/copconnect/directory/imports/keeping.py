"""Keeps what imports replace, in their transaction, so that they can be undone."""

import hashlib
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.audit.acts import Act, DataBankImported, ImportUndone
from copconnect.database.engine import Transaction
from copconnect.database.rows import of_row
from copconnect.directory import databank, editing, rules, store
from copconnect.directory.columns import COLUMNS
from copconnect.directory.databank import DataBank
from copconnect.directory.editing import Compared
from copconnect.directory.files.mapping import ColumnMapping
from copconnect.directory.files.tables import Table, TableRow
from copconnect.directory.imports import allowing, exporting, import_store, refusals
from copconnect.directory.imports.exporting import FileRow
from copconnect.directory.postings import posting_store
from copconnect.ids import PersonId, PostId, UnitId
from copconnect.principals import named
from copconnect.rights import Permit, allows_part, principal_of

KEPT = 30  # Imports whose replaced rows are kept.
ROWS = 5_000  # The people in one part.
Charge = dict[str, Any]
KeptPost = dict[str, Any]


class ImportSnapshot(msgspec.Struct):
    """The rows as they were before an import: of the people whom it changed, and of units, levels,
    ranks and roles, by table, if it changed them. People whom it added are rows that remove them.
    ``left``: a fingerprint of each person's row as the import left it. ``charges``: the officiating
    and additional charges, as stored rows, of the people whom it removed. ``posts``: the rows of
    the posts that it changed or abolished; ``opened``: new posts. It is stored in parts, each with
    some of the people; the first part has everything that is not about people."""

    people: list[FileRow]
    left: list[bytes]
    organisation: dict[str, list[FileRow]] | None = None
    charges: list[Charge] = []
    posts: list[KeptPost] = []
    opened: list[PostId] = []


def encode(kept: ImportSnapshot) -> Iterator[bytes]:
    """Yield the parts in which rows are stored."""
    encoder = msgspec.msgpack.Encoder()
    for start in range(0, max(1, len(kept.people)), ROWS):
        end = start + ROWS
        part = ImportSnapshot(kept.people[start:end], kept.left[start:end])
        if start == 0:
            part.organisation, part.charges = kept.organisation, kept.charges
            part.posts, part.opened = kept.posts, kept.opened
        yield zlib.compress(encoder.encode(part), 3)


def decode(contents: Sequence[bytes]) -> ImportSnapshot:
    """Return the rows of stored parts."""
    parts = [msgspec.msgpack.decode(zlib.decompress(one), type=ImportSnapshot) for one in contents]
    return ImportSnapshot(
        [row for part in parts for row in part.people],
        [one for part in parts for one in part.left],
        next((part.organisation for part in parts if part.organisation is not None), None),
        [charge for part in parts for charge in part.charges],
        [post for part in parts for post in part.posts],
        [post_id for part in parts for post_id in part.opened],
    )


def without(content: bytes, person_ids: Collection[PersonId]) -> bytes | None:
    """Return a stored part without the rows and charges of these people; None if it has none."""
    part = msgspec.msgpack.decode(zlib.decompress(content), type=ImportSnapshot)
    kept = [
        (row, left)
        for row, left in zip(part.people, part.left, strict=True)
        if rules.person_id(row["code"]) not in person_ids
    ]
    charges = [one for one in part.charges if one["person_id"] not in person_ids]
    if (len(kept), len(charges)) == (len(part.people), len(part.charges)):
        return None
    part.people, part.left = [row for row, _ in kept], [left for _, left in kept]
    part.charges = charges
    return zlib.compress(msgspec.msgpack.encode(part), 3)


def fingerprint(row: FileRow) -> bytes:
    """Return what is the same for the same row of a person; removed people have one each."""
    content = ["removed", row["code"]] if row["status"] == "removed" else list(row.values())
    return hashlib.blake2b(msgspec.msgpack.encode(content), digest_size=12).digest()


async def past(
    connection: AsyncConnection, limit: int, shows: Callable[[Collection[str]], bool]
) -> list[wire.PastImport]:
    """Return the newest imports, the newest first, as far as they are shown by the unit paths that
    they touched."""
    return [
        of_row(
            wire.PastImport,
            row,
            counts=msgspec.json.decode(row.counts, type=dict[str, int]),
            undoable=bool(row.kept) and row.undone_ms is None,
        )
        for row in await import_store.newest(connection, limit)
        if shows(row.paths.split("\n"))
    ]


async def charges_ended(connection: AsyncConnection, compared: Compared) -> list[Charge]:
    """Return the charges that an import is about to end: those of the people whom it removes."""
    rows = await posting_store.charges(connection, sorted(compared.found.removed))
    return [row._asdict() for row in rows]


def replaced(compared: Compared, charges: list[Charge], *, reorganised: bool) -> ImportSnapshot:
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
    posts = found.posts
    return ImportSnapshot(people, left, organisation, charges, posts.replaced, posts.opened)


class ImportJournal:
    """Checks and keeps an import. ``number`` is set once it is stored."""

    def __init__(
        self,
        permit: Permit,
        source: str,
        digest: str,
        mappings: Mapping[str, ColumnMapping],
        aliases: Mapping[str, Mapping[str, str]],
        *,
        remove_missing: bool,
        part: Sequence[str],
        coded: Collection[PersonId],
        check: Callable[[Compared, int], None],
    ) -> None:
        self.number: int | None = None
        self._permit = permit
        self._by = named(principal_of(permit))
        self._source = source
        self._digest = digest
        self._mappings = mappings
        self._aliases = aliases
        self._remove_missing = remove_missing
        self._part = part
        self._coded = coded
        self._check = check
        self._charges: list[Charge] = []

    async def compared(self, connection: Transaction, compared: Compared) -> None:
        """Refuse what nobody agreed to; remember how the file is read."""
        self._check(compared, await editing.left_today(connection, self._permit, compared.now_ms))
        self._charges = await charges_ended(connection, compared)
        permit, part = self._permit, self._part
        if allows_part(permit, part):  # Else somebody with a smaller part signed for the sender.
            await import_store.remember_mappings(connection, permit, part, self._mappings)
            await import_store.remember_aliases(connection, permit, part, self._aliases)

    async def written(
        self, connection: Transaction, compared: Compared, *, reorganised: bool
    ) -> Act:
        """Keep what was replaced."""
        kept = replaced(compared, self._charges, reorganised=reorganised)
        entry = _ImportHeader(self._by, self._source, self._digest, reorganised, None, self._coded)
        self.number = await _keep(connection, compared, kept, entry)
        counts = compared.found.summary()
        return DataBankImported(
            counts, self._remove_missing, self.number, self._source, self._digest
        )


class UndoJournal:
    """Undoes an import, and keeps that as its own import: undoing it restores the first."""

    def __init__(
        self, permit: Permit, row: Any, kept: ImportSnapshot, most_leaving: float | None
    ) -> None:
        self._permit = permit
        self._by = named(principal_of(permit))
        self._row = row
        self._kept = kept
        self._most_leaving = most_leaving
        self._charges: list[Charge] = []

    async def compared(self, connection: Transaction, compared: Compared) -> None:
        """Refuse what would overwrite a later change. Raises ChangedSince, NotUndoable,
        TooManyLeave."""
        if compared.found.lost:
            gone = await editing.left_today(connection, self._permit, compared.now_ms)
            leaving = gone + len(compared.found.lost)
            refusals.check_leaving(leaving, compared.people, self._most_leaving)
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
        self._charges = await charges_ended(connection, compared)

    async def written(
        self, connection: Transaction, compared: Compared, *, reorganised: bool
    ) -> Act:
        """Keep what undoing replaced."""
        kept = replaced(compared, self._charges, reorganised=reorganised)
        undone = self._row.number
        entry = _ImportHeader(self._by, self._row.source, self._row.digest, reorganised, undone)
        number = await _keep(connection, compared, kept, entry)
        await self._give_charges_again(connection, compared)
        await import_store.mark_undone(connection, undone, compared.now_ms)
        return ImportUndone(undone, number, compared.found.summary())

    async def _give_charges_again(self, connection: Transaction, compared: Compared) -> None:
        """Begin again, from now on, the charges that the import ended: history is kept."""
        restored = compared.found.restored
        for charge in self._kept.charges:
            if charge["person_id"] in restored:
                row = {name: charge[name] for name in ("person_id", "post_id", "charge")}
                again = row | {"from_ms": compared.now_ms, "until_ms": None}
                await posting_store.add(connection, self._permit, again)


@dataclass(frozen=True, slots=True)
class _ImportHeader:
    by: str
    source: str
    digest: str
    reorganised: bool
    undoes: int | None
    coded: Collection[PersonId] = ()


async def _keep(
    connection: AsyncConnection, compared: Compared, kept: ImportSnapshot, entry: _ImportHeader
) -> int:
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
        "paths": "\n".join(_touched(compared, entry)),
    }
    await import_store.add(connection, row, encode(kept))
    await import_store.forget_parts(connection, KEPT, number)
    return number


def _touched(compared: Compared, entry: _ImportHeader) -> list[str]:
    found = compared.found
    paths = {UnitId(row.unit_id): row.path for row in compared.organisation["units"]}
    changed = allowing.changes_of(found, compared.stored, entry.coded, paths, {}, ())
    return allowing.touched(changed, whole=entry.reorganised or bool(found.posts))


@dataclass(frozen=True, slots=True)
class Former:
    """The rows that an import replaced. ``row``: the import; ``bank``: what undoing it stores."""

    row: Any
    kept: ImportSnapshot
    bank: DataBank


def bank_of(people: Sequence[FileRow], organisation: Mapping[str, Sequence[FileRow]]) -> DataBank:
    """Return rows of the past as a data bank. Raises ChangedSince if the organisation has no place
    for them any more."""
    tables = {
        name: [
            Table(
                f"{name}.csv",
                list(COLUMNS[name]),
                [TableRow(line, dict(row)) for line, row in enumerate(rows, 2)],
            )
        ]
        for name, rows in {**organisation, "people": people}.items()
    }
    bank = databank.judge(tables)
    if bank.problems:
        raise refusals.ChangedSince([], organisation=True)
    return bank
