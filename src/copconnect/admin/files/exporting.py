"""Exports of the caller's part as files: people, units, posts, the audit log, and the people who
have not accepted the code of conduct.

Each is recorded in the audit log in the transaction that reads it. Numbers stand there of those
people alone whose numbers the caller's rights show.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin import rules
from copconnect.admin.rights import Rights
from copconnect.admin.work_ports import Acceptances, Exports
from copconnect.audit import Audit
from copconnect.audit.acts import DirectoryExported
from copconnect.audit.filters import AuditFilter
from copconnect.database.engine import Database
from copconnect.principals import Caller
from copconnect.rights import WHOLE, Held

_RIGHT: Mapping[wire.Exported, wire.Right] = {
    "people": "manage_people",
    "units": "manage_units",
    "posts": "manage_units",
    "audit": "read_audit",
    "conduct": "edit_conduct",
}
_LOG_COLUMNS = ("number", "time", "by", "units", "act", "signed")
_PAGE = 500


class Exporting:
    """Holds no state of its own."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        rights: Rights,
        exports: Exports,
        conduct: Acceptances,
    ) -> None:
        self._database = database
        self._audit = audit
        self._rights = rights
        self._exports = exports
        self._conduct = conduct

    async def export(self, caller: Caller, what: wire.Exported, form: wire.ExportForm) -> bytes:
        """Return a file of the caller's part. Raises NotAllowed."""
        async with self._database.transaction() as connection:
            held = await self._rights.of(connection, caller.person_id)
            paths = rules.narrowest(held.paths(_RIGHT[what]))
            if not paths:
                raise errors.NotAllowed(right=_RIGHT[what], path=WHOLE)
            columns, rows = await self._rows(connection, what, paths, held)
            people = len(rows) if what in ("people", "conduct") else 0
            done = DirectoryExported(people, what, form)
            await self._audit.record(connection, caller, done, rules.common(paths))
        # A workbook of the whole force takes seconds.
        return await asyncio.to_thread(self._exports.file, what, columns, rows, form)

    async def _rows(
        self, connection: AsyncConnection, what: wire.Exported, paths: Sequence[str], held: Held
    ) -> tuple[Sequence[str], Sequence[Mapping[str, str]]]:
        if what == "audit":
            return _LOG_COLUMNS, await self._log(connection, paths)

        def shows(path: str) -> bool:
            return held.lacking("see_numbers", [path]) is None

        if what == "conduct":
            accepted = self._conduct.accepted_people()
            return await self._exports.rows(connection, "people", paths, shows, accepted)
        return await self._exports.rows(connection, what, paths, shows)

    async def _log(
        self, connection: AsyncConnection, paths: Sequence[str]
    ) -> list[Mapping[str, str]]:
        """Return the entries that touch nothing outside these units, the newest first."""
        wanted = AuditFilter()
        if WHOLE not in paths:
            wanted = replace(wanted, paths=paths)
        rows: list[Mapping[str, str]] = []
        before: int | None = None
        while page := await self._audit.found(connection, wanted, before, _PAGE):
            before = page[-1].number
            rows += (
                {
                    "number": str(one.number),
                    "time": datetime.fromtimestamp(one.made_ms / 1000, UTC).isoformat(),
                    "by": one.content.by,
                    "units": one.content.path,
                    "act": one.content.act,
                    "signed": "yes" if one.content.signed_as else "no",
                }
                for one in page
            )
        return rows
