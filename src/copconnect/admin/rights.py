"""The rights table and the rights of people, read in the caller's transaction: a demotion counts
from its commit on."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin import rules, store
from copconnect.audit import Audit
from copconnect.audit.acts import RightsSet
from copconnect.auth_service.trust.granting import Granting
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction
from copconnect.directory.editing import DirectoryEditor
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId, UnitId
from copconnect.principals import Holder, Operator, Principal
from copconnect.reports.registry import SanctionRegistry
from copconnect.rights import WHOLE, HeldRights, ImportingAdmin, covers

_TABLE = msgspec.json.Decoder(list[wire.RightRule])


def parse(content: bytes) -> list[wire.RightRule]:
    """Return the lines of a rights table's file, a JSON list of wire.RightRule. Raises
    ActInvalid."""
    try:
        return _TABLE.decode(content)
    except msgspec.DecodeError as error:
        raise errors.ActInvalid(reason=str(error)) from error


@dataclass(frozen=True, slots=True)
class RightHolders:
    """The people who gain and who lose a right."""

    gaining: list[PersonId] = field(default_factory=list)
    losing: list[PersonId] = field(default_factory=list)


class _Compared(NamedTuple):
    """Two tables, and what rights by them rest on."""

    former: Sequence[wire.RightRule]
    table: Sequence[wire.RightRule]
    holders: Mapping[PersonId, Holder]
    granted: Mapping[PersonId, Sequence[str]]
    ranks: Mapping[str, int]


@dataclass(eq=False)
class RightsTable:
    """The rights table, and the rights of people by it. Stateless."""

    _database: Database
    _clock: Clock
    _audit: Audit
    _directory: DirectoryService
    _editor: DirectoryEditor
    _grants: Granting
    _sanctions: SanctionRegistry

    async def in_force(self) -> list[wire.RightRule]:
        """Return the rights table in force."""
        async with self._database.reading() as connection:
            return await self.table(connection)

    async def replace(self, by: Operator, table: Sequence[wire.RightRule]) -> None:
        """Write a rights table in place of the one in force. Raises ActInvalid for one that could
        not hold."""
        async with self._database.transaction() as connection:
            await self._editor.hold(connection)
            await self.set(connection, by, table)

    async def set(
        self, connection: Transaction, by: Principal, table: Sequence[wire.RightRule]
    ) -> None:
        """Write a rights table in place of the one in force, while nobody else changes the data
        bank; rosters sign who may write by it, and are compared again. Raises ActInvalid."""
        await self.check(connection, table)
        text = msgspec.json.encode(table).decode()
        await store.set_rules(connection, text, self._clock.now_ms())
        await self._editor.compare_anew(connection)
        await self._audit.record(connection, by, RightsSet(list(table)))

    async def check(self, connection: AsyncConnection, table: Sequence[wire.RightRule]) -> None:
        """Raise ActInvalid for a table that could not hold."""
        levels, roles = await self._directory.vocabulary(connection)
        ranks = await self._directory.seniorities(connection)
        rules.check_rules(table, rules.Codes(frozenset(levels), ranks, frozenset(roles)))

    async def table(self, connection: AsyncConnection) -> list[wire.RightRule]:
        """Return the rights table in force."""
        stored = await store.rules(connection)
        return list(rules.DEFAULT_RULES) if stored is None else _TABLE.decode(stored)

    async def of(self, connection: AsyncConnection, person_id: PersonId) -> HeldRights:
        """Return the rights of a person. A moderator who is sanctioned moderates nothing
        meanwhile."""
        holders = await self._directory.holders(connection, [person_id])
        held = rules.held(
            await self.table(connection),
            holders.get(person_id),
            await self._grants.held_paths(connection, person_id),
            await self._directory.seniorities(connection),
        )
        if not held.has("moderate") or not await self._sanctions.bars(connection, [person_id]):
            return held
        return HeldRights(tuple(one for one in held.rights if one.right != "moderate"))

    async def holders_over(
        self, connection: AsyncConnection, right: wire.Right, path: str
    ) -> dict[PersonId, list[str]]:
        """Return who has a right over a unit, and the paths at or above it over which each holds it
        with all units below. It looks at people with grants, and at those posted to the unit and to
        the units above it."""
        granted = await self._grants.everybody_granted(connection)
        units = [UnitId(one) for one in path.split("/") if one]
        above = wire.Audience(include=[wire.Clause(units=units, below=False)])
        posted = await self._directory.audience(connection, above) if units else {}
        holders = await self._directory.holders(connection, {*granted, *posted})
        table = [one for one in await self.table(connection) if one.right == right]
        ranks = await self._directory.seniorities(connection)
        found: dict[PersonId, list[str]] = {}
        for person, holder in holders.items():
            held = rules.held(table, holder, granted.get(person, ()), ranks)
            if paths := [one for one in held.paths(right) if covers(one, path)]:
                found[person] = paths
        barred = await self._sanctions.bars(connection, list(found))
        return {person: paths for person, paths in found.items() if person not in barred}

    async def importing(self, connection: AsyncConnection, person_id: PersonId) -> ImportingAdmin:
        """Return a person as one for whom files are read, with the grants of everybody."""
        held = await self.of(connection, person_id)
        path = rules.common(held.paths("import_people"))
        granted = await self._grants.everybody_granted(connection)
        return ImportingAdmin(person_id, held, path, granted)

    async def having(
        self, connection: AsyncConnection, person_id: PersonId, right: wire.Right
    ) -> HeldRights:
        """Return the rights of a person who has this one over something. Raises NotAllowed for
        anybody else."""
        held = await self.of(connection, person_id)
        if not held.paths(right):
            raise errors.NotAllowed(right=right, path=WHOLE)
        return held

    async def made_by(
        self, connection: AsyncConnection, person_id: PersonId
    ) -> frozenset[PersonId]:
        """Return whom a person confirmed, granted or made by acts within 30 days."""
        since_ms = self._clock.now_ms() - rules.MADE_MS
        granted = await self._grants.made_since(connection, person_id, since_ms)
        return frozenset(granted | await store.made_since(connection, person_id, since_ms))

    async def granted(self, connection: AsyncConnection, person_id: PersonId) -> Sequence[str]:
        """Return the unit paths over which a person has a grant in force; "" for a root admin."""
        return await self._grants.held_paths(connection, person_id)

    async def everybody_granted(
        self, connection: AsyncConnection
    ) -> Mapping[PersonId, Sequence[str]]:
        """Return the unit paths of all grants in force, by who holds them."""
        return await self._grants.everybody_granted(connection)

    async def changes(
        self, connection: AsyncConnection, table: Sequence[wire.RightRule]
    ) -> dict[wire.Right, RightHolders]:
        """Return who would gain and who would lose which right by another table. It looks at
        everybody."""
        compared = _Compared(
            await self.table(connection),
            table,
            await self._directory.holders(connection, None),
            await self._grants.everybody_granted(connection),
            await self._directory.seniorities(connection),
        )
        return await asyncio.to_thread(_compare, compared)


def _compare(compared: _Compared) -> dict[wire.Right, RightHolders]:
    changed = {one.right for one in set(compared.former) ^ set(compared.table)}
    former = [one for one in compared.former if one.right in changed]
    table = [one for one in compared.table if one.right in changed]
    found: dict[wire.Right, RightHolders] = {
        right: RightHolders() for right in rules.RIGHTS if right in changed
    }
    known: dict[Holder, tuple[set[wire.Right], set[wire.Right]]] = {}
    for person_id, holder in compared.holders.items():
        granted = compared.granted.get(person_id, ())
        verdict = None if granted else known.get(holder)
        if verdict is None:
            before = rules.held(former, holder, granted, compared.ranks)
            after = rules.held(table, holder, granted, compared.ranks)
            verdict = rules.beyond(after, before), rules.beyond(before, after)
            if not granted:
                known[holder] = verdict
        _add(found, person_id, *verdict)
    return found


def _add(
    found: Mapping[wire.Right, RightHolders],
    person_id: PersonId,
    gains: Iterable[wire.Right],
    losses: Iterable[wire.Right],
) -> None:
    for right in gains:
        found[right].gaining.append(person_id)
    for right in losses:
        found[right].losing.append(person_id)
