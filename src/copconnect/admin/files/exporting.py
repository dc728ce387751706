"""Exports of the caller's part as files: people, units, posts, the audit log, and the people who
have not accepted the code of conduct.

A file is written to the disk row by row, from one snapshot of the database, while others write.
Invariants: nothing of it goes out before the audit log has recorded it; the rights are judged again
in the transaction that records it. Numbers stand there of those people alone whose numbers the
caller's rights show. Memory holds some rows at a time.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import BinaryIO, Literal

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin import rules, store
from copconnect.admin.rights import RightsTable
from copconnect.admin.signing import Sent, Signing, sent_by
from copconnect.audit import Audit, exported
from copconnect.audit.acts import DirectoryExported
from copconnect.audit.filters import AuditFilter
from copconnect.audit.rules import Entry
from copconnect.auth_service.registry import DeviceRegistry
from copconnect.auth_service.trust.own_keys import OwnKeys
from copconnect.conduct.service import ConductService
from copconnect.database.engine import Database
from copconnect.directory.imports.parts import PartExports
from copconnect.principals import Caller
from copconnect.rights import WHOLE, HeldRights

_RIGHT: Mapping[wire.Exported, wire.Right] = {
    "people": "manage_people",
    "units": "manage_units",
    "posts": "manage_units",
    "audit": "read_audit",
    "conduct": "edit_conduct",
}
_LOG_COLUMNS = ("number", "time", "by", "units", "act", "signed")
_PAGE = 500
_PIECE = 65_536
_EXPORT: msgspec.json.Decoder[wire.ExportPart] = msgspec.json.Decoder(wire.ExportPart)
_TYPES: Mapping[wire.ExportForm, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "jsonl": "application/jsonl",
}


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file that goes out piece by piece. ``size``: in bytes."""

    pieces: AsyncIterator[bytes]
    size: int
    media_type: str


class Exporting:
    """Stateless."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        rights: RightsTable,
        signing: Signing,
        conduct: ConductService,
        devices: DeviceRegistry,
        authority: OwnKeys,
    ) -> None:
        self._database = database
        self._audit = audit
        self._rights = rights
        self._signing = signing
        self._exports = PartExports()
        self._conduct = conduct
        self._devices = devices
        self._authority = authority

    async def export(self, caller: Caller, body: wire.SubmitAct) -> ExportedFile:
        """Return a file of the caller's part, which a signed act asks for. Raises NotAllowed,
        BadRequest for a form that only the log has, ActOver for an act that was done before, and
        what acts are refused with."""
        record = sent_by(caller, body)
        what, form = _asked(record.body)
        if form == "jsonl" and what != "audit":
            raise errors.BadRequest(reason="format")
        spool = await asyncio.to_thread(tempfile.TemporaryFile)
        try:
            async with self._database.reading() as connection:
                held, paths = await self._part(connection, caller, what)
                rows = await self._write(connection, what, paths, held, form, record.act_id, spool)
            async with self._database.transaction() as connection:
                if (await self._part(connection, caller, what))[0] != held:
                    raise errors.NotAllowed(right=_RIGHT[what], path=WHOLE)
                tag = str(wire.ExportPart.__struct_config__.tag)
                if not await self._signing.begin(connection, caller, record, body.presence, tag):
                    raise errors.ActOver
                people = rows if what in ("people", "conduct") else 0
                done = DirectoryExported(people, what, form)
                by = Sent(record, body.presence).signer(caller.person_id, rules.common(paths))
                entry = await self._audit.record(connection, by, done)
                await store.finish(connection, record.act_id.hex(), "done", entry)
            size = await asyncio.to_thread(_rewound, spool)
        except BaseException:
            spool.close()
            raise
        return ExportedFile(_pieces(spool), size, _TYPES[form])

    async def _part(
        self, connection: AsyncConnection, caller: Caller, what: wire.Exported
    ) -> tuple[HeldRights, list[str]]:
        held = await self._rights.of(connection, caller.person_id)
        paths = rules.narrowest(held.paths(_RIGHT[what]))
        if not paths:
            raise errors.NotAllowed(right=_RIGHT[what], path=WHOLE)
        return held, paths

    async def _write(
        self,
        connection: AsyncConnection,
        what: wire.Exported,
        paths: Sequence[str],
        held: HeldRights,
        form: wire.ExportForm,
        nonce: bytes,
        out: BinaryIO,
    ) -> int:
        """Write the file; return how many rows it has."""
        if form == "jsonl":
            return await self._verifiable(connection, held, nonce, out)
        if what == "audit":
            columns: Sequence[str] = _LOG_COLUMNS
        else:
            columns = self._exports.columns("people" if what == "conduct" else what)
        # A workbook of the whole force takes seconds of a processor.
        file = await asyncio.to_thread(self._exports.table, out, what, columns, form)
        count = 0
        async for rows in self._rows(connection, what, paths, held):
            await asyncio.to_thread(file.add, rows)
            count += len(rows)
        await asyncio.to_thread(file.close)
        return count

    def _rows(
        self,
        connection: AsyncConnection,
        what: wire.Exported,
        paths: Sequence[str],
        held: HeldRights,
    ) -> AsyncIterator[Sequence[Mapping[str, str]]]:
        def shows(path: str) -> bool:
            return held.lacking("see_numbers", [path]) is None

        if what == "audit":
            return self._log(connection, paths)
        part: Literal["people", "units", "posts"] = "people" if what == "conduct" else what
        without = self._conduct.accepted_people() if what == "conduct" else None
        return self._exports.rows(connection, part, paths, shows, without)

    async def _log(
        self, connection: AsyncConnection, paths: Sequence[str]
    ) -> AsyncIterator[Sequence[Mapping[str, str]]]:
        """Yield the entries that touch nothing outside these units, the newest first."""
        wanted = AuditFilter()
        if WHOLE not in paths:
            wanted = replace(wanted, paths=paths)
        before: int | None = None
        while page := await self._audit.found(connection, wanted, before, _PAGE):
            before = page[-1].number
            yield [
                {
                    "number": str(one.number),
                    "time": datetime.fromtimestamp(one.made_ms / 1000, UTC).isoformat(),
                    "by": one.content.by,
                    "units": one.content.path,
                    "act": one.content.act,
                    "signed": "yes" if one.content.signed_as else "no",
                }
                for one in page
            ]

    async def _verifiable(
        self, connection: AsyncConnection, held: HeldRights, nonce: bytes, out: BinaryIO
    ) -> int:
        """Write the whole chain as :mod:`copconnect.audit.exported` has it; entries that touch
        anything outside the caller's part as hashes."""
        time = await self._authority.signed_time(connection, nonce)
        department = self._authority.department()
        out.write(exported.line(exported.Head(time=time, department=department)))
        known: set[bytes] = set()
        after = count = 0
        while page := await self._audit.after(connection, after, _PAGE):
            after = page[-1].number
            shown = [one for one in page if _readable(held, one)]
            devices = {one for one in map(self._audit.signer_of, shown) if one} - known
            known |= devices
            for certificate in (
                await self._devices.certificates_of(connection, sorted(devices))
            ).values():
                out.write(exported.line(exported.ExportedSigner(certificate=certificate)))
            for one in page:
                out.write(exported.line(exported.row(one, readable=_readable(held, one))))
            count += len(page)
        return count


def _asked(body: bytes) -> tuple[wire.Exported, wire.ExportForm]:
    try:
        act = _EXPORT.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise errors.ActInvalid(reason=str(error)[:200]) from error
    return act.what, act.form


def _readable(held: HeldRights, entry: Entry) -> bool:
    return held.lacking("read_audit", [entry.content.path]) is None


def _rewound(spool: BinaryIO) -> int:
    size = spool.seek(0, 2)
    spool.seek(0)
    return size


async def _pieces(spool: BinaryIO) -> AsyncIterator[bytes]:
    with spool:
        while piece := await asyncio.to_thread(spool.read, _PIECE):
            yield piece
