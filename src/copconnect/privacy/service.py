"""Gives a person a copy of what the server keeps about them, and erases it once they left.

Invariants: only people who were removed from the data bank are erased, in one transaction each
batch, with its entries in the audit log, which have the person's id alone; erasing somebody again
changes nothing. One node erases at a time what is due.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, or_, select, update

from copconnect.admin.rules import ACT_WAITS_MS
from copconnect.admin.store import acts
from copconnect.audit import Audit
from copconnect.audit.acts import PersonDataExported, PersonErased
from copconnect.auth_service.registration import registration_store
from copconnect.auth_service.tables import clients
from copconnect.clock import Clock
from copconnect.database.among import among
from copconnect.database.engine import Database, Transaction
from copconnect.delivery.store import holds
from copconnect.directory import edit_store, rules, store
from copconnect.directory.imports import erasing
from copconnect.ids import PersonId
from copconnect.leases import Leases
from copconnect.principals import Operator
from copconnect.privacy import exporting
from copconnect.privacy.kinds import ERASED, KINDS
from copconnect.rights import Permit, principal_of, require_people
from copconnect.settings import Settings

BATCH = 200  # People in one transaction.
DAY_MS = 86_400_000
_ROUND_S = 3_600.0
_LEASE_S = 3 * 1_200.0


class NoSuchPerson(Exception):
    """No person in the data bank has or had this code."""


class StillThere(Exception):
    """A person is in the data bank. ``status``: active or suspended."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class UnderHold(Exception):
    """A legal hold is on the person."""


class Privacy:
    """Exports and erasures."""

    def __init__(
        self, database: Database, clock: Clock, audit: Audit, leases: Leases, settings: Settings
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._after_ms = settings.erase_removed_after_days * DAY_MS
        self.rounds = leases.periodic("erase_removed", self.erase_due, _ROUND_S, _LEASE_S)

    async def export(self, by: Operator, code: str) -> dict[str, Any]:
        """Return all that the server keeps about the person with this code. Raises
        NoSuchPerson."""
        person_id = rules.person_id(code)
        async with self._database.reading() as connection:
            if not await store.by_id(connection, [person_id]):
                raise NoSuchPerson(code)
            found = await exporting.read(connection, person_id)
        async with self._database.transaction() as connection:
            await self._audit.record(connection, by, PersonDataExported(person_id))
        return {"person_id": person_id, "code": code, **found}

    async def erase(self, by: Operator, code: str) -> bool:
        """Erase the person with this code; return whether anything was left to erase. Raises
        NoSuchPerson, StillThere, UnderHold."""
        person_id = rules.person_id(code)
        async with self._database.transaction() as connection:
            await edit_store.lock(connection, self._clock.now_ms())
            rows = await store.by_id(connection, [person_id])
            if not rows:
                raise NoSuchPerson(code)
            if rows[0].status != "removed":
                raise StillThere(rows[0].status)
            if person_id in await holds.held_people(connection, self._clock.now_ms()):
                raise UnderHold
            if erasing.is_erased(rows[0]):
                return False
            await self._erase(connection, by, [person_id])
        return True

    async def erase_due(self) -> None:
        """Erase people who were removed so long ago, but nobody whom a legal hold names, and drop
        old files of imports."""
        by = Operator("retention")
        now_ms = self._clock.now_ms()
        async with self._database.transaction() as connection:
            await erasing.forget_uploads(connection, 0, now_ms)
        while True:
            async with self._database.transaction() as connection:
                await edit_store.lock(connection, now_ms)
                held = await holds.held_people(connection, now_ms)
                due = await erasing.due(connection, now_ms - self._after_ms, held, BATCH)
                if due:
                    await self._erase(connection, by, due)
            if len(due) < BATCH:
                return

    async def _erase(
        self, connection: Transaction, permit: Permit, person_ids: Collection[PersonId]
    ) -> None:
        require_people(permit, person_ids)
        locked = await edit_store.lock(connection, self._clock.now_ms())
        left_ms = max(row.changed_ms for row in await store.by_id(connection, person_ids))
        mine = among(clients.c.person_id, person_ids)
        devices = list(await connection.scalars(select(clients.c.client_id).where(mine)))
        await connection.execute(update(clients).where(mine).values(label="", app=""))
        for kind in KINDS:
            if kind.fate == ERASED:
                by_device = kind.by == ("client_id",)
                ids = devices if by_device else person_ids
                named = or_(*(among(kind.table.c[name], ids) for name in kind.by))
                await connection.execute(delete(kind.table).where(named))
        await registration_store.forget_enrolment_codes(connection, permit, person_ids)
        await erasing.forget_uploads(connection, left_ms + 1, locked.now_ms)
        for person_id in person_ids:
            # A preview names people to the admin who is asked, for as long as its act waits.
            ended = or_(acts.c.state != "waiting", acts.c.taken_ms < locked.now_ms - ACT_WAITS_MS)
            shown = acts.c.preview.contains(person_id, autoescape=True)
            await connection.execute(update(acts).where(ended, shown).values(preview=""))
        await erasing.erase(connection, permit, person_ids, locked.now_ms)
        for person_id in sorted(person_ids):
            await self._audit.record(connection, principal_of(permit), PersonErased(person_id))
