"""Changes the Directory: imports of the data bank, suspensions, restorations.

Invariants: an import is one transaction, all or nothing; a person who is suspended or removed is
signed out in the same transaction; importing the same file twice changes nothing the second time.
One edits at a time, and holds the directory's row first.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import budgets, wire
from copconnect.audit import Audit
from copconnect.audit.acts import (
    Act,
    DataBankImported,
    GroupPolicySet,
    PersonRestored,
    PersonSuspended,
)
from copconnect.budgets import PEOPLE_LEAVING, many_leave
from copconnect.bus import AccountWakeup
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction, chunks
from copconnect.directory import changes, edit_store, policies, rules, store
from copconnect.directory.changes import LossReason, PeopleChanges
from copconnect.directory.databank import DataBank
from copconnect.directory.edit_store import BATCH
from copconnect.directory.names import RowValues
from copconnect.directory.postings import post_search, post_store, posting_store
from copconnect.ids import PersonId, UnitId
from copconnect.principals import Operator
from copconnect.rights import Permit, allows_whole, principal_of, spender_of

INDEXED_ANEW = 20_000  # People written; for fewer the words of each are indexed one by one.

OnPeopleWritten = Callable[[int, int], None]
Status = Literal["suspended", "active"]


class NumberInUse(Exception):
    """Somebody who is not in the file has a number that the file gives to another person."""

    def __init__(self, clashes: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"Other people have {len(clashes):,} of the numbers.")
        self.clashes = clashes


class ManyLeft(Exception):
    """An operator has suspended and removed a large part of the force within a day."""

    def __init__(self, leaving: int, people: int) -> None:
        super().__init__(f"{leaving:,} of {people:,} people would leave within a day.")


async def left_today(connection: AsyncConnection, permit: Permit, now_ms: int) -> int:
    """Return how many people left within a day by the same admin, operator or system, alone."""
    spender = spender_of(permit)
    return (
        0 if spender is None else await budgets.spent(connection, PEOPLE_LEAVING, spender, now_ms)
    )


class LostAccounts(Protocol):
    """The Authentication Service's part in a changed Directory, in the same transaction."""

    async def people_lost(
        self, connection: Transaction, lost: Mapping[PersonId, LossReason]
    ) -> None:
        """Sign out people who were suspended or removed."""

    async def store_enrolment_codes(
        self, connection: AsyncConnection, permit: Permit, codes: dict[PersonId, str]
    ) -> None:
        """Replace the enrolment codes of these people."""


@dataclass(frozen=True, slots=True)
class Compared:
    """An import that was compared with what is stored. ``organisation``: the rows of units, levels,
    ranks and roles; ``read_ms``: when the Directory had last changed then; ``now_ms``: its time of
    this import, 0 outside its transaction; ``charged``: who holds a charge in which unit."""

    found: PeopleChanges
    stored: Mapping[PersonId, RowValues]
    organisation: Mapping[str, Sequence[Any]]
    read_ms: int
    now_ms: int
    charged: Sequence[tuple[PersonId, UnitId]] = ()

    @property
    def people(self) -> int:
        """How many people there are before the import, removed ones left out."""
        return sum(row["status"] != "removed" for row in self.stored.values())


class Journal(Protocol):
    """Looks at an import in its transaction, and keeps what it replaces."""

    async def compared(self, connection: Transaction, compared: Compared) -> None:
        """Called before anything is written; refuses the import by raising."""

    async def written(
        self, connection: Transaction, compared: Compared, *, reorganised: bool
    ) -> Act:
        """Called when something was changed; returns the act that the audit log records."""


class DecidingJournal(Journal, Protocol):
    """A journal that also says in whose name the change is done."""

    async def decide(self, connection: AsyncConnection, compared: Compared) -> Permit:
        """Called after ``compared``; returns the permit, or refuses by raising."""


class DirectoryEditor:
    """The write side of the Directory. Running servers learn of it through the wake-up log."""

    def __init__(
        self, database: Database, clock: Clock, accounts: LostAccounts, audit: Audit
    ) -> None:
        self._database = database
        self._clock = clock
        self._accounts = accounts
        self._audit = audit

    async def import_bank(
        self,
        permit: Permit,
        bank: DataBank,
        *,
        remove_missing: bool = False,
        leaving_units: Collection[UnitId] | None = None,
        dry_run: bool = False,
        progress: OnPeopleWritten | None = None,
        journal: Journal | None = None,
        before: Compared | None = None,
        connection: Transaction | None = None,
    ) -> PeopleChanges:
        """Store a data bank. ``leaving_units``: units whose people leave, with ``remove_missing``,
        where the data bank lacks them; None: all. ``progress`` gets (rows written, rows to
        write). ``before``: this import, compared before; comparing it again is left out where
        nothing has changed since.
        ``connection``: the caller's transaction, in place of a new one.

        Raises NumberInUse, and whatever the journal refuses with.
        """
        if dry_run:
            async with self._database.reading() as reading:
                return (await self._compare(reading, bank, remove_missing, leaving_units, 0)).found
        own = self._database.transaction() if connection is None else nullcontext(connection)
        async with own as connection:
            locked = await edit_store.lock(connection, self._clock.now_ms())
            if before is not None and before.read_ms == locked.before_ms:
                compared = replace(before, now_ms=locked.now_ms)
            else:
                compared = await self._compare(
                    connection, bank, remove_missing, leaving_units, locked.now_ms
                )
            found = compared.found
            if journal is not None:
                await journal.compared(connection, compared)
            await self._write_people(connection, permit, found, locked.now_ms, progress)
            if allows_whole(permit):  # Anybody else changes people alone.
                await self._write_organisation(connection, permit, bank)
            found.posts.abolished = [
                *await post_store.abolish(connection, permit, bank.abolish, locked.now_ms),
                *await post_store.abolish_without_unit(connection, permit, locked.now_ms),
            ]
            codes = {
                person.person_id: person.enrolment_code
                for person in bank.people
                if person.enrolment_code
            }
            await self._accounts.store_enrolment_codes(connection, permit, codes)
            await self._sign_out(connection, permit, found.lost, locked.now_ms)
            reorganised = await edit_store.write_version(connection, locked)
            if reorganised or found.posts:
                touched = None if reorganised else found.posts.touched
                await post_search.write(connection, touched)
            if reorganised:
                connection.after_commit(
                    AccountWakeup(event="directory", person_ids=[], client_ids=[])
                )
            if reorganised or codes or found:
                act: Act = DataBankImported(found.summary(), remove_missing)
                if journal is not None:
                    act = await journal.written(connection, compared, reorganised=reorganised)
                await self._audit.record(connection, principal_of(permit), act)
        return found

    async def edit_people(self, bank: DataBank, journal: DecidingJournal) -> PeopleChanges:
        """Store the people of a data bank whose organisation is the stored one, which the journal
        checks, as far as it decides. It costs by these people and not by the force.

        Raises NumberInUse, and whatever the journal refuses with.
        """
        wanted = {person.person_id for person in bank.people} | bank.gone
        numbers = {person.number for person in bank.people}
        async with self._database.transaction() as connection:
            locked = await edit_store.lock(connection, self._clock.now_ms())
            stored = await edit_store.people_and_owners(connection, wanted, numbers)
            organisation = await store.organisation(connection)
            former = changes.stored_words(organisation["units"], organisation["ranks"])
            posts = await post_store.of_units(connection, {one.unit for one in bank.people})
            found = changes.compare(bank, stored, posts, former, remove_missing=False)
            clashes = changes.number_clashes(bank, stored, found.removed)
            if clashes:
                raise NumberInUse(clashes)
            compared = Compared(found, stored, organisation, locked.before_ms, locked.now_ms)
            await journal.compared(connection, compared)
            permit = await journal.decide(connection, compared)
            if not found:
                return found
            await self._write_people(connection, permit, found, locked.now_ms, None)
            if found.posts:
                await post_search.write(connection, found.posts.touched)
            await self._sign_out(connection, permit, found.lost, locked.now_ms)
            await store.touch(connection, locked.now_ms)
            act = await journal.written(connection, compared, reorganised=False)
            await self._audit.record(connection, principal_of(permit), act)
        return found

    async def set_group_policy(self, permit: Permit, policy: Sequence[wire.GroupPolicy]) -> None:
        """Write the policy of standing groups in place of the one before. Running servers make and
        change the groups within a round.

        Raises ActInvalid for a level, role or rank that is not there.
        """
        async with self._database.transaction() as connection:
            await self.write_group_policy(connection, permit, policy)

    async def write_group_policy(
        self, connection: Transaction, permit: Permit, policy: Sequence[wire.GroupPolicy]
    ) -> None:
        """Do the same in the caller's transaction."""
        locked = await edit_store.lock(connection, self._clock.now_ms())
        policies.check(policy, await store.organisation(connection))
        await policies.replace(connection, policy)
        # Everybody may belong to a group that the policy begins.
        await edit_store.set_rights_changed(connection, locked)
        await self._audit.record(connection, principal_of(permit), GroupPolicySet(list(policy)))

    async def group_policy(self) -> list[wire.GroupPolicy]:
        """Return the policy of standing groups."""
        async with self._database.reading() as connection:
            return await policies.read(connection)

    async def suspend(
        self, by: Operator, number: str, *, allow_many: bool = False
    ) -> PersonId | None:
        """Suspend the person with this number (E.164) and sign them out; None if unknown. Raises
        ManyLeft where so many left today by the same operator."""
        return await self._by_number(by, number, "suspended", allow_many=allow_many)

    async def restore(self, by: Operator, number: str) -> PersonId | None:
        """End a suspension; the person registers again. None if the number is unknown."""
        return await self._by_number(by, number, "active", allow_many=True)

    async def _by_number(
        self, permit: Operator, number: str, status: Status, *, allow_many: bool
    ) -> PersonId | None:
        async with self._database.transaction() as connection:
            locked = await edit_store.lock(connection, self._clock.now_ms())
            left = await left_today(connection, permit, locked.now_ms)
            people = await store.count_people(connection, None)
            if not allow_many and many_leave(left + 1, people):
                raise ManyLeft(left + 1, people)
            row = await store.any_by_number(connection, number)
            if row is None:
                return None
            person_id = PersonId(row.person_id)
            await self.set_status(connection, permit, person_id, status)
        return person_id

    async def hold(self, connection: AsyncConnection) -> None:
        """Let nobody else change the data bank before the transaction ends."""
        await edit_store.lock(connection, self._clock.now_ms())

    async def compare_anew(self, connection: AsyncConnection) -> None:
        """Let rosters be compared with the data bank for everybody, as after a change of units."""
        locked = await edit_store.lock(connection, self._clock.now_ms())
        await edit_store.set_rights_changed(connection, locked)

    async def set_status(
        self,
        connection: Transaction,
        permit: Permit,
        person_id: PersonId,
        status: Status,
        reason: str = "",
    ) -> None:
        """Suspend a person who is in the data bank and sign them out, or end a suspension, in the
        caller's transaction."""
        # An import that has read who is active would otherwise write that over what is
        # written here, or each would wait for the other.
        locked = await edit_store.lock(connection, self._clock.now_ms())
        await store.set_status(connection, permit, [person_id], status, locked.now_ms)
        await store.touch(connection, locked.now_ms)
        path = (await store.rights_bases(connection, [person_id]))[0].path.strip("/")
        by = principal_of(permit)
        if status == "suspended":
            await self._sign_out(connection, permit, {person_id: "suspended"}, locked.now_ms)
            await self._audit.record(connection, by, PersonSuspended(person_id, reason), path)
        else:
            await self._audit.record(connection, by, PersonRestored(person_id), path)

    async def _sign_out(
        self,
        connection: Transaction,
        permit: Permit,
        lost: Mapping[PersonId, LossReason],
        now_ms: int,
    ) -> None:
        """Sign out people who leave, and count them for the caller that lets them."""
        if not lost:
            return
        await self._accounts.people_lost(connection, lost)
        spender = spender_of(permit)
        if spender is not None:
            await budgets.count(connection, PEOPLE_LEAVING, spender, len(lost), now_ms)

    async def _compare(
        self,
        connection: AsyncConnection,
        bank: DataBank,
        remove_missing: bool,
        leaving_units: Collection[UnitId] | None,
        now_ms: int,
    ) -> Compared:
        stored = await edit_store.all_people(connection)
        organisation = await store.organisation(connection)
        former = changes.stored_words(organisation["units"], organisation["ranks"])
        posts = await post_store.all_posts(connection)
        found = changes.compare(
            bank,
            stored,
            posts,
            former,
            remove_missing=remove_missing,
            leaving_units=leaving_units,
        )
        clashes = changes.number_clashes(bank, stored, found.removed)
        if clashes:
            raise NumberInUse(clashes)
        read_ms = await store.people_version(connection)
        charged = await posting_store.charged(connection)
        return Compared(found, stored, organisation, read_ms, now_ms, charged)

    async def _write_people(
        self,
        connection: AsyncConnection,
        permit: Permit,
        found: PeopleChanges,
        now_ms: int,
        progress: OnPeopleWritten | None,
    ) -> None:
        await post_store.write(connection, permit, found.posts)
        await posting_store.keep_regular(connection, permit, sorted(found.leaving_place), now_ms)
        await edit_store.repost(connection, permit, sorted(found.taking_place), now_ms)
        await posting_store.end_all(connection, permit, sorted(found.removed), now_ms)
        total = len(found.insert) + len(found.update)
        done = 0
        anew = store.WORDS.made_anew(connection) if total >= INDEXED_ANEW else nullcontext()
        async with anew:
            update = partial(edit_store.update_people, followed=found.followed)
            for rows, write in ((found.insert, edit_store.insert_people), (found.update, update)):
                for part in chunks(rows, BATCH):
                    await write(connection, permit, part, now_ms)
                    done += len(part)
                    if progress is not None:
                        progress(done, total)
        await store.set_status(connection, permit, found.removed, "removed", now_ms)

    async def _write_organisation(
        self, connection: AsyncConnection, permit: Permit, bank: DataBank
    ) -> None:
        await edit_store.replace_vocabularies(connection, permit, changes.vocabulary_rows(bank))
        rows = changes.unit_rows(bank)
        rows += await self._kept_units(connection, {row["unit_id"] for row in rows}, len(rows))
        await edit_store.replace_units(connection, permit, rows)

    async def _kept_units(
        self, connection: AsyncConnection, named: set[str], position: int
    ) -> list[RowValues]:
        """Return the stored units that the file lacks but somebody still belongs to."""
        stored = await edit_store.stored_units(connection)
        kept: dict[str, RowValues] = {}
        used = {*await edit_store.used_units(connection)}
        for unit in used | await posting_store.units_in_charge(connection):
            for above in rules.units_above(stored[unit]["path"] if unit in stored else ""):
                if above not in named and above in stored:
                    kept[above] = stored[above]
        return [row | {"position": position + i} for i, row in enumerate(kept.values())]
