"""Changes the Directory: imports of the data bank, suspensions, restorations.

Invariants: an import is one transaction, all or nothing; whoever is suspended or removed is
signed out in the same transaction; importing the same file twice changes nothing the second time.
One edits at a time, and holds the directory's row first.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.bus import AccountWakeup
from copconnect.clock import Clock
from copconnect.database import Database, Transaction, chunks
from copconnect.directory import changes, databank, rules, store
from copconnect.directory.changes import LossReason, PeopleChanges, Row
from copconnect.directory.databank import DataBank
from copconnect.ids import PersonId

BATCH = 1000
Progress = Callable[[int, int], None]


class NumberInUse(Exception):
    """Somebody who is not in the file has a number that the file gives to another person."""

    def __init__(self, clashes: Sequence[tuple[str, str]]) -> None:
        super().__init__("numbers in use")
        self.clashes = clashes


class _Locked(NamedTuple):
    """The directory while it is locked: the organisation's version, and the time of this change,
    later than that of every change before."""

    version: str
    now_ms: int


class Accounts(Protocol):
    """What the Authentication Service does about a changed Directory, in the same transaction."""

    async def people_lost(
        self, connection: Transaction, lost: Mapping[PersonId, LossReason]
    ) -> None:
        """Sign out people who were suspended or removed."""
        ...

    async def store_enrolment_codes(
        self, connection: AsyncConnection, codes: dict[PersonId, str]
    ) -> None:
        """Replace the enrolment codes of these people."""
        ...


class DirectoryEditor:
    """The write side of the Directory; runs in a command-line process. Running servers learn of it
    through the wake-up log."""

    def __init__(self, database: Database, clock: Clock, accounts: Accounts) -> None:
        self._database = database
        self._clock = clock
        self._accounts = accounts

    async def import_bank(
        self,
        bank: DataBank,
        *,
        remove_missing: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> PeopleChanges:
        """Store a data bank. ``progress`` is told (rows written, rows to write).

        Raises NumberInUse.
        """
        if dry_run:
            async with self._database.reading() as connection:
                return await self._compare(connection, bank, remove_missing)
        async with self._database.transaction() as connection:
            # The directory's row is the lock: two imports run one after the other.
            locked = await self._lock_directory(connection)
            found = await self._compare(connection, bank, remove_missing)
            await self._write_people(connection, found, locked.now_ms, progress)
            await self._write_organisation(connection, bank)
            codes = {
                person.person_id: person.enrolment_code
                for person in bank.people
                if person.enrolment_code
            }
            await self._accounts.store_enrolment_codes(connection, codes)
            if found.lost:
                await self._accounts.people_lost(connection, found.lost)
            if await self._write_version(connection, locked):
                connection.after_commit(
                    AccountWakeup(event="directory", person_ids=[], client_ids=[])
                )
        return found

    async def stored(self, names: Collection[str]) -> dict[str, bytes]:
        """Return the stored units, levels, ranks or roles as files of a data bank, to read with
        files that lack them."""
        async with self._database.reading() as connection:
            rows = await store.organisation(connection)
        return {name: databank.write_terms(name, rows[name]) for name in names if rows.get(name)}

    async def suspend(self, number: str) -> PersonId | None:
        """Suspend the person with this number (E.164) and sign them out; None if unknown."""
        async with self._database.transaction() as connection:
            # An import that has read who is active would otherwise write that over what is
            # written here, or each would wait for the other.
            locked = await self._lock_directory(connection)
            row = await store.any_by_number(connection, number)
            if row is None:
                return None
            await store.set_status(connection, [row.person_id], "suspended", locked.now_ms)
            await store.touch(connection, locked.now_ms)
            await self._accounts.people_lost(connection, {PersonId(row.person_id): "suspended"})
        return PersonId(row.person_id)

    async def restore(self, number: str) -> PersonId | None:
        """End a suspension; the person registers again. None if the number is unknown."""
        async with self._database.transaction() as connection:
            locked = await self._lock_directory(connection)  # As above.
            row = await store.any_by_number(connection, number)
            if row is None:
                return None
            await store.set_status(connection, [row.person_id], "active", locked.now_ms)
            await store.touch(connection, locked.now_ms)
        return PersonId(row.person_id)

    async def _compare(
        self, connection: AsyncConnection, bank: DataBank, remove_missing: bool
    ) -> PeopleChanges:
        columns = [column for column in store.people.c if column.name != "changed_ms"]
        names = [column.name for column in columns]
        rows = [
            dict(zip(names, row, strict=True)) for row in await connection.execute(select(*columns))
        ]
        stored: dict[PersonId, Row] = {row["person_id"]: row for row in rows}
        organisation = await store.organisation(connection)
        former = changes.stored_words(organisation["units"], organisation["ranks"])
        found = changes.compare(bank, stored, former, remove_missing=remove_missing)
        clashes = changes.number_clashes(bank, stored, found.removed)
        if clashes:
            raise NumberInUse(clashes)
        return found

    async def _lock_directory(self, connection: AsyncConnection) -> _Locked:
        row = (
            await connection.execute(
                update(store.directory)
                .values(changed_ms=store.directory.c.changed_ms)
                .returning(store.directory.c.version, store.directory.c.changed_ms)
            )
        ).first()
        now_ms = self._clock.now_ms()
        if row is None:
            await connection.execute(
                insert(store.directory).values(id=1, version="0", changed_ms=0, organisation_ms=0)
            )
            return _Locked("0", now_ms)
        return _Locked(row.version, max(now_ms, row.changed_ms + 1))

    async def _write_people(
        self,
        connection: AsyncConnection,
        found: PeopleChanges,
        now: int,
        progress: Progress | None,
    ) -> None:
        total = len(found.insert) + len(found.update)
        done = 0
        for part in chunks(found.insert, BATCH):
            rows = [row | {"changed_ms": now} for row in part]
            await connection.execute(insert(store.people), rows)
            done += len(part)
            if progress is not None:
                progress(done, total)
        columns = [column.name for column in store.people.c if column.name != "person_id"]
        statement = (
            update(store.people)
            .where(store.people.c.person_id == bindparam("new_person_id"))
            .values({column: bindparam(f"new_{column}") for column in columns})
        )
        for part in chunks(found.update, BATCH):
            await connection.execute(
                statement,
                [
                    {f"new_{name}": value for name, value in row.items()} | {"new_changed_ms": now}
                    for row in part
                ],
            )
            done += len(part)
            if progress is not None:
                progress(done, total)
        await store.set_status(connection, found.removed, "removed", now)

    async def _write_organisation(self, connection: AsyncConnection, bank: DataBank) -> None:
        for name, rows in changes.vocabulary_rows(bank).items():
            table = store.VOCABULARIES[name]
            await connection.execute(delete(table))
            if rows:
                await connection.execute(insert(table), rows)
        rows = changes.unit_rows(bank)
        rows += await self._kept_units(connection, {row["unit_id"] for row in rows}, len(rows))
        await connection.execute(delete(store.units))
        for part in chunks(rows, BATCH):
            await connection.execute(insert(store.units), part)

    async def _kept_units(
        self, connection: AsyncConnection, named: set[str], position: int
    ) -> list[Row]:
        """Return the stored units that the file lacks but somebody still belongs to."""
        stored = {
            row.unit_id: dict(row._mapping) for row in await connection.execute(select(store.units))
        }
        used = await connection.scalars(
            select(store.people.c.unit_id).where(store.people.c.status != "removed").distinct()
        )
        kept: dict[str, Row] = {}
        for unit in used:
            for above in rules.units_above(stored[unit]["path"] if unit in stored else ""):
                if above not in named and above in stored:
                    kept[above] = stored[above]
        return [row | {"position": position + i} for i, row in enumerate(kept.values())]

    async def _write_version(self, connection: AsyncConnection, locked: _Locked) -> bool:
        """Write that people, or the organisation, changed; return whether the latter did."""
        rows: dict[str, list[Any]] = await store.organisation(connection)
        content = [[list(row) for row in part] for part in rows.values()]
        version = hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:32]
        values: dict[str, Any] = {"version": version, "changed_ms": locked.now_ms}
        if version != locked.version:
            values["organisation_ms"] = locked.now_ms
        await connection.execute(update(store.directory).values(**values))
        return version != locked.version
