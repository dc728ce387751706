"""Imports of files: previewed, applied, listed, undone.

Invariants: an import is one transaction; it does what its preview said or nothing; one import runs
at a time; what it replaces is kept with it, so that it can be undone as long as nobody changed the
same rows since. An import that is cut off has stored nothing, and holds its turn for two minutes.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from copconnect import wire
from copconnect.audit import Audit
from copconnect.audit.acts import DirectoryExported
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction
from copconnect.directory import edit_store, rules, store
from copconnect.directory.databank import DataBank
from copconnect.directory.editing import Compared, DirectoryEditor
from copconnect.directory.files import mapping, reading
from copconnect.directory.files.limits import LIMITS, FileRefused
from copconnect.directory.files.sheets import SourceFile
from copconnect.directory.imports import (
    allowing,
    exporting,
    import_store,
    judging,
    keeping,
    previews,
    refusals,
)
from copconnect.directory.imports.exporting import FileRow
from copconnect.directory.imports.judging import (
    NamedFiles,
    OnStage,
    OrganisationRows,
    Prepared,
    Snapshot,
)
from copconnect.directory.imports.previews import Preview
from copconnect.directory.postings import post_store, posting_store
from copconnect.directory.sources import Corrections, StoredBank
from copconnect.ids import UnitId
from copconnect.principals import Operator, Principal, named
from copconnect.rights import WHOLE, ImportingAdmin, Permit

TURN_MS = 120_000
# Each file may take a processor for minutes and 3 GiB: a node reads so many at a time.
_READERS = ThreadPoolExecutor(2, thread_name_prefix="import")
MOST_LEAVING = refusals.MOST_LEAVING
LISTED = 100


def silent(_stage: str, _done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """``remove_missing``: people who are not in the file leave; not together with ``partial``:
    store the good rows and leave out the bad. ``aliases``: by column, codes by what the file says
    for them. ``confirmed``: somebody saw which column is which. ``admin``: who imports; None: an
    operator, who may import everything. ``most_leaving``: the share of the force that may be
    suspended or removed, None for any."""

    remove_missing: bool = False
    partial: bool = False
    corrections: Corrections = field(default_factory=Corrections)
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    confirmed: bool = False
    admin: ImportingAdmin | None = None
    most_leaving: float | None = MOST_LEAVING


@dataclass(frozen=True, slots=True)
class Applied:
    """An import that was stored. ``number`` is None when it changed nothing."""

    number: int | None
    counts: dict[str, int]
    preview: Preview


class Importer:
    """Imports of the data bank from files."""

    def __init__(
        self, database: Database, clock: Clock, editor: DirectoryEditor, audit: Audit
    ) -> None:
        self._database = database
        self._clock = clock
        self._editor = editor
        self._audit = audit

    async def preview(
        self, files: NamedFiles, options: ImportOptions, progress: OnStage = silent
    ) -> Preview:
        """Return what an import of files, by name, would do; nothing is stored.

        Raises FileRefused, MappingWrong.
        """
        return (await self.prepare(files, options, progress)).preview

    async def apply(
        self,
        by: Operator,
        files: NamedFiles,
        options: ImportOptions,
        *,
        expected: str | None = None,
        progress: OnStage = silent,
    ) -> Applied:
        """Import files. ``expected``: the digest of the preview that somebody agreed to.

        Raises FileRefused, MappingWrong, NumberInUse, and ImportRefused: ImportRunning,
        RowsRefused, MappingUnsure, TooManyLeave, PreviewOutdated.
        """
        async with self._turn(by):
            prepared = await self.prepare(files, options, progress)
            return await self.apply_prepared(
                by, prepared, options, expected=expected, progress=progress
            )

    async def apply_prepared(
        self,
        by: Permit,
        prepared: Prepared,
        options: ImportOptions,
        *,
        expected: str | None = None,
        progress: OnStage = silent,
        connection: Transaction | None = None,
    ) -> Applied:
        """Import files that were read and judged, in the caller's transaction if one is given. The
        caller holds the turn, or the data bank. Raises as :meth:`apply` does.

        docs/walks/transfer.md follows a transfer from here to the newcomer's first message.
        """
        preview = prepared.preview
        if preview.problems and not options.partial:
            raise refusals.RowsRefused(len(preview.problems))
        unsure = preview.unsure()
        if unsure and not options.confirmed:
            raise refusals.MappingUnsure(unsure)
        if prepared.taken:
            rows = [(one.line, one.column) for one in prepared.taken]
            raise refusals.CodesTaken(rows, prepared.asked)
        journal = keeping.ImportJournal(
            by,
            prepared.source,
            prepared.digest,
            prepared.mappings,
            options.aliases,
            remove_missing=options.remove_missing,
            part=prepared.part,
            coded=allowing.with_codes(prepared.bank),
            check=_Check(
                prepared.bank, options.most_leaving, expected or preview.digest, prepared.bound
            ),
        )
        found = await self._editor.import_bank(
            by,
            prepared.bank,
            remove_missing=options.remove_missing,
            leaving_units=prepared.view.units,
            progress=lambda done, total: progress("storing", done, total),
            journal=journal,
            before=prepared.compared,
            connection=connection,
        )
        return Applied(journal.number, found.summary(), preview)

    async def undo(
        self,
        by: Operator,
        number: int,
        *,
        most_leaving: float | None = MOST_LEAVING,
        progress: OnStage = silent,
    ) -> dict[str, int]:
        """Restore what an import changed; return how many people were changed by that. People whom
        it added are removed; people whom it signed out register again.

        Raises ImportRunning, NotUndoable, ChangedSince, TooManyLeave, NumberInUse.
        """
        async with self._turn(by):
            former = await self.former(number)
            return await self.undo_prepared(
                by, former, most_leaving=most_leaving, progress=progress
            )

    async def former(self, number: int) -> keeping.Former:
        """Return what an import replaced. Raises NotUndoable, ChangedSince."""
        async with self._database.reading() as connection:
            row = await import_store.by_number(connection, number)
            contents = await import_store.contents(connection, number)
            organisation = await store.organisation(connection)
        if row is None or row.undone_ms is not None or not contents:
            raise refusals.NotUndoable(str(number))
        kept = await asyncio.to_thread(keeping.decode, contents)
        rows = kept.organisation or exporting.organisation_rows(organisation)
        posts = exporting.post_rows(kept.posts)
        bank = await asyncio.to_thread(keeping.bank_of, kept.people, rows | {"posts": posts})
        bank.abolish = kept.opened
        return keeping.Former(row, kept, bank)

    async def undo_prepared(
        self,
        by: Permit,
        former: keeping.Former,
        *,
        most_leaving: float | None,
        progress: OnStage = silent,
        connection: Transaction | None = None,
    ) -> dict[str, int]:
        """Restore what an import replaced, in the caller's transaction if one is given; as
        :meth:`undo` does."""
        journal = keeping.UndoJournal(by, former.row, former.kept, most_leaving)
        found = await self._editor.import_bank(
            by,
            former.bank,
            progress=lambda done, total: progress("storing", done, total),
            journal=journal,
            connection=connection,
        )
        return found.summary()

    async def imports(self) -> list[wire.PastImport]:
        """Return the newest imports, the newest first."""
        async with self._database.reading() as connection:
            return await keeping.past(connection, LISTED, lambda _: True)

    async def export(self, by: Principal) -> dict[str, list[FileRow]]:
        """Return the whole data bank as rows of its files, by table; removed people are not in it.
        The audit log records it: it has everybody's number."""
        async with self._database.transaction() as connection:
            people = await edit_store.all_people(connection)
            tables = exporting.organisation_rows(await store.organisation(connection))
            kept = [row for row in people.values() if row["status"] != "removed"]
            kept.sort(key=lambda row: str(row["code"]))
            tables["posts"] = exporting.post_rows(await post_store.all_posts(connection))
            tables["people"] = [exporting.person_row(row) for row in kept]
            await self._audit.record(connection, by, DirectoryExported(len(kept)))
        return tables

    @property
    def _dialect(self) -> str:
        return self._database.engine.dialect.name

    @asynccontextmanager
    async def _turn(self, by: Principal) -> AsyncIterator[None]:
        """Hold the one place of the process that imports. Raises ImportRunning."""
        await self.require_turn()
        now_ms, who = self._clock.now_ms(), named(by)
        async with self._database.transaction() as connection:
            taken = await import_store.acquire_turn(
                connection, self._dialect, who, now_ms, now_ms + TURN_MS
            )
        if not taken:
            raise refusals.ImportRunning("somebody", _seconds(TURN_MS))
        try:
            yield
        finally:
            async with self._database.transaction() as connection:
                await import_store.release_turn(connection, who)

    async def require_turn(self) -> None:
        """Raise ImportRunning while somebody imports."""
        async with self._database.reading() as connection:
            other = await import_store.whose_turn(connection)
        now_ms = self._clock.now_ms()
        if other is not None and other.until_ms > now_ms:
            raise refusals.ImportRunning(other.by, _seconds(other.until_ms - now_ms))

    async def prepare(
        self, files: NamedFiles, options: ImportOptions, progress: OnStage = silent
    ) -> Prepared:
        """Return files read and judged, and what they change; nothing is stored. Raises
        FileRefused, MappingWrong."""
        if options.partial and options.remove_missing:
            raise ValueError("a partial import would remove people for a typing error")
        loop = asyncio.get_running_loop()
        read = await loop.run_in_executor(_READERS, _read, files, progress)
        snapshot = await self._snapshot(read, options)
        return await asyncio.to_thread(
            judging.judge,
            files,
            read,
            snapshot,
            progress,
            corrections=options.corrections,
            remove_missing=options.remove_missing,
            aliases=options.aliases,
            admin=options.admin,
        )

    async def _snapshot(self, read: Sequence[SourceFile], options: ImportOptions) -> Snapshot:
        fingerprints = [mapping.fingerprint(sheet) for file in read for sheet in file.sheets]
        async with self._database.reading() as connection:
            people = await edit_store.all_people(connection)
            posts = await post_store.all_posts(connection)
            charged = await posting_store.charged(connection)
            organisation = await store.organisation(connection)
            part = (WHOLE,) if options.admin is None else options.admin.part
            mappings = await import_store.known_mappings(connection, part, fingerprints)
            aliases = await import_store.known_aliases(connection, part)
            read_ms = await store.people_version(connection)
        for column, codes in options.aliases.items():
            aliases[column] = {**aliases.get(column, {}), **codes}

        paths = {UnitId(row.unit_id): row.path for row in organisation["units"]}
        view = allowing.view_of(options.admin, paths)

        def person(code: str) -> Mapping[str, str]:
            row = people.get(rules.person_id(code))
            known = row is not None and view.has(row["unit_id"])
            return exporting.person_row(row) if row is not None and known else {}

        tables = exporting.organisation_rows(organisation)
        stored = StoredBank(tables, person, mappings, aliases)
        return Snapshot(people, posts, organisation, stored, charged, read_ms, paths, view, part)


def _seconds(ms: int) -> int:
    return max(1, -(-ms // 1000))


@dataclass(frozen=True, slots=True)
class _Check:
    """Refuses, in its transaction, an import that nobody agreed to."""

    bank: DataBank
    most_leaving: float | None
    expected: str
    bound: bytes

    def __call__(self, compared: Compared, left: int) -> None:
        """``left``: how many left by the same importer within a day. Raises TooManyLeave,
        PreviewOutdated."""
        found, stored = compared.found, compared.stored
        if found.lost:
            leaving = left + len(found.lost)
            refusals.check_leaving(leaving, compared.people, self.most_leaving)
        organisation = OrganisationRows.of(
            found, stored, compared.organisation, self.bank, compared.charged
        )
        digest = previews.digest_of(
            found, stored, organisation.before, organisation.after, self.bound
        )
        if digest != self.expected:
            raise refusals.PreviewOutdated


def _read(files: NamedFiles, progress: OnStage) -> list[SourceFile]:
    read: list[SourceFile] = []
    for place, (name, content) in enumerate(files):
        progress("reading", place, len(files))
        try:
            read.append(reading.read(name, content, LIMITS))
        except FileRefused as error:
            error.file = name
            raise
    progress("reading", len(files), len(files))
    return read
