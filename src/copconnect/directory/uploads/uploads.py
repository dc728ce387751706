"""Files that admins send to be imported.

Story: ``receiving`` until all chunks are there; ``examining`` while a node reads and judges the
file, which it tells every second; ``ready`` with a preview by pages, or ``failed``; ``applied`` by
a signed act, which names the file by its hash and the preview by its digest. Examining again with
other choices starts over. A node that stops leaves ``examining`` behind, which counts as failed
after half a minute.

Invariants: nothing is stored in the data bank but by an act, in the act's transaction, and only if
the file changes exactly what its preview said. The content of a file is dropped with the import,
and after eight days at the latest: an act waits for a second admin for seven.
"""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, get_args

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import budgets, errors, wire
from copconnect.audit import Audit
from copconnect.audit.acts import ImportPreviewed, ImportTried
from copconnect.background import Periodic
from copconnect.budgets import DAY_MS, HOUR_MS, Budget
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction
from copconnect.database.rows import of_row
from copconnect.directory.columns import COLUMNS
from copconnect.directory.imports import keeping
from copconnect.directory.imports.importer import Importer, ImportOptions
from copconnect.directory.imports.judging import Prepared
from copconnect.directory.ports import ImportRights
from copconnect.directory.showing.reading import NUMBERS
from copconnect.directory.sources import Corrections
from copconnect.directory.uploads import reaching, receiving, rows, upload_store
from copconnect.directory.uploads.reaching import ImportReach
from copconnect.directory.uploads.refusing import problem_of, refused
from copconnect.ids import PersonId, UploadId
from copconnect.principals import Caller
from copconnect.rights import ImportingAdmin, Permit

BEAT_S = 1.0
LOST_MS = 30_000
REMEMBERED_S = 900.0
LISTED = 50
PREVIEWS = Budget("import_previews_per_hour", 60, HOUR_MS)
TRIES = Budget("import_tries_per_day", 20, DAY_MS)
log = structlog.get_logger()
_CHOICES = msgspec.json.Decoder(wire.ImportChoices)
_PREVIEW = msgspec.json.Decoder(wire.ImportPreview)


@dataclass(slots=True)
class _UploadProgress:
    part: wire.UploadPart = ""
    done: int = 0
    total: int = 0

    def __call__(self, part: str, done: int, total: int) -> None:
        self.part = next((one for one in get_args(wire.UploadPart) if one == part), "")
        self.done, self.total = done, total


class Uploads:
    """Receives, examines and applies files."""

    def __init__(self, database: Database, clock: Clock, importer: Importer, audit: Audit) -> None:
        self._database = database
        self._clock = clock
        self._importer = importer
        self._audit = audit
        self._rights: ImportRights
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._progress: dict[str, _UploadProgress] = {}
        # The file that was examined last, with its choices: reading it again takes seconds.
        self._prepared: tuple[str, str, Prepared] | None = None
        self._former: dict[int, keeping.Former] = {}

    def attach(self, rights: ImportRights) -> None:
        """Take the rights by which files are judged, before any file comes."""
        self._rights = rights

    async def close(self) -> None:
        """Stop examining."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    # --- Receiving ----------------------------------------------------------------------------

    async def begin(self, by: PersonId, body: wire.BeginUpload) -> UploadId:
        """Expect a file; return its id. Raises RateLimited."""
        async with self._database.transaction() as connection:
            return await receiving.begin(connection, by, body, self._clock.now_ms())

    async def put_chunk(self, by: PersonId, upload_id: UploadId, index: int, data: bytes) -> None:
        """Store a chunk; the same one again changes nothing. Raises NotFound, ChunkInvalid."""
        async with self._database.transaction() as connection:
            await receiving.put_chunk(connection, by, upload_id, index, data)

    # --- Examining ----------------------------------------------------------------------------

    async def examine(self, by: Caller, upload_id: UploadId, choices: wire.ImportChoices) -> None:
        """Begin to read and judge a file that has come; the audit log records what came of it.
        Raises NotFound, ImportRefused."""
        if choices.partial and choices.remove_missing:
            raise errors.ImportRefused(reason="partial_and_missing")
        now_ms, chosen = self._clock.now_ms(), msgspec.json.encode(choices).decode()
        async with self._database.transaction() as connection:
            row = await receiving.own(connection, by.person_id, upload_id)
            admin = await self._rights.importing(connection, by.person_id)
            if not await receiving.complete(connection, row):
                raise errors.ImportRefused(reason="incomplete")
            if row.state == "examining" and row.beat_ms + LOST_MS > now_ms:
                raise errors.ImportRefused(reason="examining")
            await budgets.spend(connection, PREVIEWS, by.person_id, 1, now_ms)
            await upload_store.write(
                connection,
                upload_id,
                state="examining",
                part="reading",
                done=0,
                total=1,
                beat_ms=now_ms,
                problem="",
                value="",
                choices=chosen,
                preview=None,
            )
        self._progress[upload_id] = _UploadProgress("reading", 0, 1)
        task = asyncio.create_task(self._examine(by, admin, upload_id, row, chosen))
        self._tasks[upload_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(upload_id, None))

    async def _examine(
        self, by: Caller, admin: ImportingAdmin, upload_id: UploadId, row: Any, chosen: str
    ) -> None:
        beating = Periodic("import_examined", partial(self._beat, upload_id), BEAT_S)
        await beating.start()
        try:
            prepared = await self._prepare(row, chosen, admin)
            found = await asyncio.to_thread(rows.by_kind, prepared)
            stored = await asyncio.to_thread(lambda: list(rows.pages(found)))
            preview = rows.preview(prepared, found, admin)
            await beating.close()
            async with self._database.transaction() as connection:
                await upload_store.replace_pages(connection, upload_id, stored)
                await upload_store.write(
                    connection,
                    upload_id,
                    state="ready",
                    part="",
                    preview=msgspec.json.encode(preview).decode(),
                )
                previewed = ImportPreviewed(row.name, row.sha256, preview.counts)
                await self._audit.record(connection, by, previewed, admin.path)
        except Exception as error:
            problem, value = problem_of(error)
            if problem == "internal":
                log.exception("import_not_examined", upload=upload_id)
            await beating.close()
            async with self._database.transaction() as connection:
                await upload_store.write(
                    connection,
                    upload_id,
                    state="failed",
                    part="",
                    problem=problem,
                    value=value[:200],
                )
                previewed = ImportPreviewed(row.name, row.sha256, {}, problem)
                await self._audit.record(connection, by, previewed, admin.path)
        finally:
            await beating.close()
            self._progress.pop(upload_id, None)

    async def _beat(self, upload_id: UploadId) -> None:
        now = self._progress[upload_id]
        async with self._database.transaction() as connection:
            await upload_store.write(
                connection,
                upload_id,
                part=now.part,
                done=now.done,
                total=now.total,
                beat_ms=self._clock.now_ms(),
            )

    async def _prepare(self, row: Any, chosen: str, admin: ImportingAdmin) -> Prepared:
        """Return a file read and judged for its sender, and remember it. ``chosen``: JSON of
        wire.ImportChoices."""
        async with self._database.reading() as connection:
            parts = await upload_store.content(connection, row.upload_id)
        content = b"".join(parts)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
        if digest != row.sha256:
            raise errors.ImportRefused(reason="file_differs")
        progress = self._progress.get(row.upload_id) or _UploadProgress()
        options = replace(_options(_CHOICES.decode(chosen)), admin=admin)
        prepared = await self._importer.prepare([(row.name, content)], options, progress)
        self._prepared = row.upload_id, chosen, prepared
        asyncio.get_running_loop().call_later(REMEMBERED_S, self._forget, prepared)
        return prepared

    def _forget(self, prepared: Prepared) -> None:
        if self._prepared is not None and self._prepared[2] is prepared:
            self._prepared = None

    async def _prepared_of(self, row: Any) -> Prepared:
        known = self._prepared
        if known is not None and known[:2] == (row.upload_id, row.choices):
            return known[2]
        async with self._database.reading() as connection:
            admin = await self._rights.importing(connection, PersonId(row.person_id))
        return await self._prepare(row, row.choices, admin)

    # --- Showing ------------------------------------------------------------------------------

    async def one(
        self, connection: AsyncConnection, upload_id: UploadId
    ) -> tuple[PersonId, wire.Upload]:
        """Return who sent a file, and the upload, which does not name them. Raises NotFound."""
        row = await upload_store.one(connection, upload_id)
        if row is None:
            raise errors.NotFound
        return PersonId(row.person_id), self._shown(row)

    async def waiting(self, connection: AsyncConnection) -> list[tuple[PersonId, wire.Upload]]:
        """Return the newest uploads that are not applied, with who sent them."""
        found = await upload_store.newest(connection, LISTED)
        return [(PersonId(row.person_id), self._shown(row)) for row in found]

    async def past(
        self, connection: AsyncConnection, shows: Callable[[Collection[str]], bool]
    ) -> list[wire.PastImport]:
        """Return the newest imports that are shown by the unit paths that they touched."""
        return await keeping.past(connection, LISTED, shows)

    def columns(self) -> dict[str, list[str]]:
        """Return the columns of each table."""
        return {table: list(columns) for table, columns in COLUMNS.items()}

    async def page(
        self, connection: AsyncConnection, upload_id: UploadId, shown: str, number: int
    ) -> wire.ImportRows:
        """Return a page of a preview. Raises NotFound."""
        _, upload = await self.one(connection, upload_id)
        if upload.preview is None:
            raise errors.NotFound
        content = await upload_store.page(connection, upload_id, shown, number)
        total = upload.preview.counts.get(shown, 0)
        more = (number + 1) * rows.PAGE < total
        return wire.ImportRows(
            rows=[] if content is None else rows.read_page(content),
            next=str(number + 1) if more else None,
            total=total,
        )

    async def report(self, upload_id: UploadId) -> bytes:
        """Return the workbook of a preview: refused rows to mend, and every change. Raises
        NotFound, ImportRefused."""
        async with self._database.reading() as connection:
            row = await upload_store.one(connection, upload_id)
        if row is None or row.preview is None:
            raise errors.NotFound
        with refused():
            prepared = await self._prepared_of(row)
        return await asyncio.to_thread(prepared.preview.report)

    def _shown(self, row: Any) -> wire.Upload:
        lost = row.state == "examining" and row.beat_ms + LOST_MS < self._clock.now_ms()
        now = self._progress.get(row.upload_id) or row
        return of_row(
            wire.Upload,
            row,
            by=None,
            state="failed" if lost else row.state,
            part=now.part,
            done=now.done,
            total=now.total,
            problem="cut_off" if lost else row.problem,
            choices=_CHOICES.decode(row.choices),
            preview=None if row.preview is None else _PREVIEW.decode(row.preview),
        )

    # --- Applying, by acts ----------------------------------------------------------------------

    async def make_ready(self, act: wire.ApplyImport) -> None:
        """Read the file again, if this node does not remember it, before the act's transaction.
        Raises NotFound, ImportRefused."""
        with refused():
            await self._importer.require_turn()
            async with self._database.reading() as connection:
                row = await self._named(connection, act)
            await self._prepared_of(row)

    async def reach(
        self,
        connection: AsyncConnection,
        act: wire.ApplyImport,
        granted: Mapping[PersonId, Collection[str]],
    ) -> ImportReach:
        """Return what an import that was made ready touches. ``granted``: unit paths of the grants
        in force, by who holds them. Raises NotFound, ImportRefused."""
        row = await self._named(connection, act)
        return reaching.of_import(self._ready(row), granted)

    async def apply(self, connection: Transaction, permit: Permit, act: wire.ApplyImport) -> None:
        """Import a file that was made ready. Raises NotFound, ImportRefused."""
        row = await self._named(connection, act)
        prepared = self._ready(row)
        admin = await self._rights.importing(connection, PersonId(row.person_id))
        if admin.part != prepared.part:
            raise errors.ImportRefused(reason="preview_outdated")
        progress = self._progress.setdefault(row.upload_id, _UploadProgress("storing", 0, 0))
        try:
            with refused():
                applied = await self._importer.apply_prepared(
                    permit,
                    prepared,
                    _options(_CHOICES.decode(row.choices)),
                    expected=act.digest,
                    progress=progress,
                    connection=connection,
                )
        finally:
            self._progress.pop(row.upload_id, None)
        if applied.number is None:
            raise errors.ImportRefused(reason="nothing")
        await upload_store.write(connection, row.upload_id, state="applied", number=applied.number)
        await upload_store.forget_content(connection, [row.upload_id])

    async def tried(self, by: Caller, act: wire.ApplyImport, taken: int, asked: int) -> None:
        """Count a refused import that reveals holders of codes or numbers elsewhere, and write it
        into the audit log. Importing a number counts as a search for it: the answer names the rows
        only while the caller's daily searches suffice for all new numbers of the file. Raises
        RateLimited or ImportRefused instead of naming them."""
        now_ms = self._clock.now_ms()
        async with self._database.transaction() as connection:
            row = await upload_store.one(connection, act.upload_id)
            name = "" if row is None else row.name
            await budgets.spend(connection, TRIES, by.person_id, 1, now_ms)
            searched = await budgets.spent(connection, NUMBERS, by.person_id, now_ms)
            told = searched + asked <= NUMBERS.limit
            if told:
                await budgets.count(connection, NUMBERS, by.person_id, asked, now_ms)
            admin = await self._rights.importing(connection, by.person_id)
            tried = ImportTried(name, act.sha256, taken)
            await self._audit.record(connection, by, tried, admin.path)
        if not told:
            raise errors.ImportRefused(reason="taken_elsewhere")

    async def make_undo_ready(self, number: int) -> None:
        """Read what an import replaced, before the act's transaction. Raises ImportRefused."""
        with refused():
            await self._importer.require_turn()
            self._former = {number: await self._importer.former(number)}

    async def undo_reach(
        self,
        connection: AsyncConnection,
        number: int,
        granted: Mapping[PersonId, Collection[str]],
    ) -> ImportReach:
        """Return what undoing an import touches. ``granted``: as of :meth:`reach`. Raises
        ImportRefused."""
        with refused():
            return await reaching.of_undo(connection, number, granted)

    async def undo(self, connection: Transaction, permit: Permit, number: int) -> None:
        """Undo an import that was made ready. Raises ImportRefused."""
        former = self._former.get(number)
        if former is None:
            raise errors.ImportRefused(reason="not_undoable")
        with refused():
            await self._importer.undo_prepared(
                permit, former, most_leaving=None, connection=connection
            )

    def _ready(self, row: Any) -> Prepared:
        """Return an upload's file as this node has read it. Raises ImportRefused where it has read
        another one since."""
        known = self._prepared
        if known is None or known[:2] != (row.upload_id, row.choices):
            raise errors.ImportRefused(reason="preview_outdated")
        return known[2]

    async def _named(self, connection: AsyncConnection, act: wire.ApplyImport) -> Any:
        """Return the upload that an act names, if it is what the act says."""
        row = await upload_store.one(connection, act.upload_id)
        if row is None or row.sha256 != act.sha256:
            raise errors.NotFound
        if row.state == "applied":
            raise errors.ImportRefused(reason="applied")
        if row.preview is None or _PREVIEW.decode(row.preview).digest != act.digest:
            raise errors.ImportRefused(reason="preview_outdated")
        choices = _CHOICES.decode(row.choices)
        chosen = choices.remove_missing, choices.partial, choices.aliases
        if chosen != (act.remove_missing, act.partial, act.aliases):
            raise errors.ImportRefused(reason="preview_outdated")
        return row


def _options(choices: wire.ImportChoices) -> ImportOptions:
    """Return an importer's options; how many may leave is judged by the act's second admin."""
    return ImportOptions(
        remove_missing=choices.remove_missing,
        partial=choices.partial,
        corrections=Corrections(choices.sheets, choices.columns),
        aliases=choices.aliases,
        confirmed=choices.confirmed,
        most_leaving=None,
    )
