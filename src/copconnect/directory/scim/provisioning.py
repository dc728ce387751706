"""Changes of single people, judged and stored like rows of an import.

Invariants: the judge of rows is the data bank's own; a change is one transaction with its entry in
the audit log; in a day one system may sign out no more than 5% of the force.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.audit.acts import Act, PersonProvisioned
from copconnect.budgets import MOST_LEAVING
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction
from copconnect.directory import databank, rules, sources, store
from copconnect.directory.columns import COLUMNS
from copconnect.directory.databank import MAX_VALUE, BankProblem, DataBank
from copconnect.directory.editing import Compared, DirectoryEditor, left_today
from copconnect.directory.files import values
from copconnect.directory.files.matching.vocabularies import Vocabularies
from copconnect.directory.files.tables import Table, TableRow
from copconnect.directory.imports import exporting, keeping, previews, refusals
from copconnect.directory.imports.allowing import ImportView
from copconnect.directory.imports.exporting import FileRow
from copconnect.directory.ports import Grants
from copconnect.directory.scim import scim_store
from copconnect.directory.sources import StoredBank
from copconnect.ids import PersonId
from copconnect.principals import Operator
from copconnect.rights import Permit, PersonChange, decide_for_system

TRIES = 3


class PersonRefused(Exception):
    """A person cannot be stored as given. ``problems``: all that is wrong."""

    def __init__(self, problems: list[BankProblem]) -> None:
        super().__init__(", ".join(problem.code for problem in problems))
        self.problems = problems


class PersonUnknown(Exception):
    """There is no such person, or they were removed."""


class PersonExists(Exception):
    """A person with this code is in the data bank."""


class PersonChanged(Exception):
    """Somebody changed the person since they were read."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A person as a row of people.csv. ``external_id``: what a system calls them. ``version``
    changes whenever something of this does."""

    person_id: PersonId
    row: FileRow
    changed_ms: int
    external_id: str = ""

    @property
    def version(self) -> str:
        """A fingerprint of the row and the external id."""
        return _version(self.row, self.external_id)


def _version(row: FileRow, external_id: str) -> str:
    return keeping.fingerprint({**row, "external_id": external_id}).hex()


@dataclass(slots=True)
class _LoadedBank:
    version: str = ""
    bank: DataBank = field(default_factory=DataBank)
    known: Vocabularies = field(default_factory=Vocabularies)


class Provisioner:
    """Reads and changes people one by one."""

    def __init__(
        self, database: Database, clock: Clock, editor: DirectoryEditor, grants: Grants
    ) -> None:
        self._database = database
        self._clock = clock
        self._editor = editor
        self._grants = grants
        self._organisation = _LoadedBank()

    async def person(self, person_id: str) -> Provisioned:
        """Return a person. Raises PersonUnknown."""
        async with self._database.reading() as connection:
            rows = await store.by_id(connection, [PersonId(person_id)])
            named = await scim_store.external_ids_of(connection, [PersonId(person_id)])
        if not rows or rows[0].status == "removed":
            raise PersonUnknown
        return _provisioned(rows[0], named)

    async def page(
        self, where: Mapping[str, str], start: int, count: int
    ) -> tuple[int, list[Provisioned]]:
        """Return how many people there are, and ``count`` of them from the ``start``-th on (from
        1), by code. ``where``: exact values of ``code``, ``number``, ``person_id`` or
        ``external_id``."""
        async with self._database.reading() as connection:
            total, rows = await scim_store.page(connection, where, start - 1, count)
            named = await scim_store.external_ids_of(connection, [row.person_id for row in rows])
        return total, [_provisioned(row, named) for row in rows]

    async def add(self, system: str, row: Mapping[str, str], external_id: str) -> Provisioned:
        """Add a person. Raises PersonExists, PersonRefused, NumberInUse, TooManyLeave."""
        return await self._put(system, row, _Expected(external_id, new=True))

    async def change(
        self,
        system: str,
        person_id: str,
        row: Mapping[str, str],
        external_id: str,
        version: str | None,
    ) -> Provisioned:
        """Store a person's row in place of the one before; ``version``: which one that must be.

        Raises PersonUnknown, PersonChanged, PersonRefused, NumberInUse, TooManyLeave.
        """
        if rules.person_id(row.get("code", "")) != person_id:
            # The id is made of the code, which identifies a person for ever.
            raise PersonRefused([BankProblem("scim", 1, "code_invalid", "", "code")])
        return await self._put(system, row, _Expected(external_id, version=version))

    async def remove(self, system: str, person_id: str, version: str | None) -> None:
        """Remove a person and sign them out. Raises PersonUnknown, PersonChanged, TooManyLeave."""
        before = await self.person(person_id)
        row = exporting.removed_row(before.row["code"])
        await self._put(system, row, _Expected("", version=version))

    async def _put(self, system: str, row: Mapping[str, str], expected: "_Expected") -> Provisioned:
        if len(expected.external_id) > MAX_VALUE or "\0" in expected.external_id:
            raise PersonRefused([BankProblem("scim", 1, "value_malformed", "", "externalId")])
        for attempt in range(TRIES):
            organisation = await self._current()
            bank = _judged(row, organisation)
            (person_id,) = {person.person_id for person in bank.people} | bank.gone
            journal = _Journal(
                system, self._clock, self._grants, expected, organisation.version, person_id
            )
            try:
                await self._editor.edit_people(bank, journal)
                break
            except refusals.PreviewOutdated:  # Units or ranks changed meanwhile.
                if attempt == TRIES - 1:
                    raise
        async with self._database.reading() as connection:
            (stored,) = await store.by_id(connection, [person_id])
            named = await scim_store.external_ids_of(connection, [person_id])
        return _provisioned(stored, named)

    async def _current(self) -> _LoadedBank:
        """Return the stored organisation, judged again only when it has changed."""
        async with self._database.reading() as connection:
            version = await store.directory_version(connection)
            if version == self._organisation.version:
                return self._organisation
            rows = exporting.organisation_rows(await store.organisation(connection))
        stored = StoredBank(rows)
        tables = sources.tables_of([], stored)
        for name in COLUMNS.keys() - tables.keys():
            tables[name] = [Table(f"{name}.csv", list(COLUMNS[name]), [])]
        known = sources.known_of(tables, stored)
        self._organisation = _LoadedBank(version, databank.judge(tables), known)
        return self._organisation


def _judged(row: Mapping[str, str], organisation: _LoadedBank) -> DataBank:
    columns = COLUMNS["people"]
    typed = {
        column: values.typed(column, row.get(column, ""), organisation.known) for column in columns
    }
    table = Table("scim", list(columns), [TableRow(1, typed)])
    bank = databank.judge_people({"people": [table]}, organisation.bank)
    if bank.problems:
        raise PersonRefused(bank.problems)
    return bank


def _provisioned(row: Any, external_ids: Mapping[PersonId, str]) -> Provisioned:
    person_id = PersonId(row.person_id)
    file_row = exporting.person_row(row._asdict())
    return Provisioned(person_id, file_row, row.changed_ms, external_ids.get(person_id, ""))


@dataclass(frozen=True, slots=True)
class _Expected:
    """The person as they must be before a change: not there, or of a version; and what the system
    calls them."""

    external_id: str
    new: bool = False
    version: str | None = None


class _Journal:
    def __init__(
        self,
        system: str,
        clock: Clock,
        grants: Grants,
        expected: _Expected,
        organisation: str,
        person_id: PersonId,
    ) -> None:
        self._person_id = person_id
        self._system = system
        self._clock = clock
        self._grants = grants
        self._expected = expected
        self._organisation = organisation

    async def compared(self, connection: Transaction, compared: Compared) -> None:
        """Refuse what meets another state than the system saw, or signs out too many."""
        if await store.directory_version(connection) != self._organisation:
            raise refusals.PreviewOutdated
        found = compared.found
        changed = [row["person_id"] for row in found.update]
        touched = [PersonId(one) for one in (*changed, *found.removed)]
        rows = [compared.stored[one] for one in touched]
        there = [row for row in rows if row["status"] != "removed"]
        if self._expected.new and (there or found.unchanged):
            raise PersonExists
        if not self._expected.new and not (there or found.unchanged):
            raise PersonUnknown
        person_id = self._person_id
        named = await scim_store.external_ids_of(connection, [person_id])
        stored = compared.stored.get(person_id)
        if self._expected.version is not None and stored is not None:
            now = _version(exporting.person_row(stored), named.get(person_id, ""))
            if now != self._expected.version:
                raise PersonChanged
        if named.get(person_id, "") != self._expected.external_id:
            await scim_store.set_external_id(connection, person_id, self._expected.external_id)

    async def decide(self, connection: AsyncConnection, compared: Compared) -> Permit:
        """Return the system's permit. Raises PersonRefused."""
        found, stored = compared.found, compared.stored
        changed = [PersonId(row["person_id"]) for row in (*found.insert, *found.update)]
        changes = [
            PersonChange(
                one, frozenset(), frozenset(await self._grants.held_paths(connection, one))
            )
            for one in (*changed, *found.removed)
        ]
        taking_over = [
            PersonId(row["person_id"])
            for row in found.update
            if row["number"] != stored[row["person_id"]]["number"]
            or row["person_id"] in found.restored
        ]
        permit = decide_for_system(Operator(f"scim {self._system}"), changes, taking_over)
        if not isinstance(permit, str) and found.lost:
            left = await left_today(connection, permit, compared.now_ms)
            people = await store.count_people(connection, None)
            refusals.check_leaving(left + len(found.lost), people, MOST_LEAVING)
        if isinstance(permit, str):
            code = str(found.update[0]["code"])
            raise PersonRefused([BankProblem("scim", 1, permit, code, "code")])
        return permit

    async def written(
        self, connection: Transaction, compared: Compared, *, reorganised: bool
    ) -> Act:
        """Return what the audit log keeps."""
        del connection, reorganised
        (change,) = previews.people_changes(
            compared.found, compared.stored, DataBank(), ImportView()
        )
        return PersonProvisioned(
            rules.person_id(change.code),
            change.kinds,
            [value.column for value in change.values],
        )
