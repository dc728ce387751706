"""Reorganisations as an admin reads them: before one is signed, and those of the past.

The acts themselves are two kinds (:mod:`copconnect.admin.acts.kinds`). Grants name unit paths: one
over a path that a reorganisation takes away lapses, and the preview names it with the path over
which it may be given again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin import rules
from copconnect.admin.rights import RightsTable
from copconnect.auth_service.trust.administered import Administered
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.database.rows import of_row
from copconnect.directory.listing import Listing
from copconnect.directory.reorganising.service import Examined, Reorganiser
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId, UnitId
from copconnect.principals import Caller
from copconnect.rights import HeldRights

_PERSON = re.compile(r"person ([0-9a-f]{32}) ")


@dataclass(eq=False)
class Reorganising:
    """Reads for the page of units. Stateless."""

    _database: Database
    _clock: Clock
    _rights: RightsTable
    _directory: DirectoryService
    _reorganiser: Reorganiser
    _people: Listing
    _registered: Administered

    async def counts(self, caller: Caller) -> wire.UnitCounts:
        """Return how many people each unit of the caller's part has. Raises NotAllowed."""
        async with self._database.reading() as connection:
            held = await self._managing(connection, caller)
            paths = rules.narrowest(held.paths("manage_units"))
            counts = await self._people.count_by_unit(
                connection, paths, [self._registered.people_with()]
            )
        return wire.UnitCounts(
            units=[
                wire.UnitCount(
                    unit_id=UnitId(path.rpartition("/")[2]),
                    people=people,
                    registered=registered,
                )
                for path, (people, registered) in sorted(counts.items())
            ]
        )

    async def preview(
        self, caller: Caller | None, body: wire.PreviewReorganisation
    ) -> wire.ReorganisationPreview:
        """Return all that steps or an undo would do, or the problems of the steps. The caller is
        None for an operator.

        Raises ActInvalid for neither or both, NotAllowed, NotFound, ReorganisationChanged.
        """
        if bool(body.steps) == (body.undo is not None):
            raise errors.ActInvalid(reason="either steps or the number of one to undo")
        async with self._database.reading() as connection:
            held = None if caller is None else await self._managing(connection, caller)
            found = await self._reorganiser.examine(connection, body.steps, body.undo)
            if held is not None:
                held.require("manage_units", found.reach.paths)
            if found.preview.problems:
                return found.preview
            return await self._complete(connection, found)

    async def past(self, caller: Caller | None) -> wire.PastReorganisations:
        """Return the newest reorganisations over all of whose units the caller has the right; the
        caller is None for an operator. Raises NotAllowed."""
        async with self._database.reading() as connection:
            rows = await self._reorganiser.past(connection)
            if caller is not None:
                held = await self._managing(connection, caller)
                rows = [
                    (row, units)
                    for row, units in rows
                    if held.lacking("manage_units", row.paths.split("\n")) is None
                ]
            people = [one for row, _ in rows if (one := _signer(row.by)) is not None]
            cards = await self._cards(connection, people)
        return wire.PastReorganisations(
            reorganisations=[_past(row, units, cards) for row, units in rows]
        )

    async def _managing(self, connection: AsyncConnection, caller: Caller) -> HeldRights:
        """Return the rights of somebody who manages units. Raises NotAllowed for anybody else."""
        return await self._rights.having(connection, caller.person_id, "manage_units")

    async def _complete(
        self, connection: AsyncConnection, found: Examined
    ) -> wire.ReorganisationPreview:
        preview = found.preview
        lapsing = await self._lapsing(connection, found)
        named = {one for change in preview.places for one in change.some}
        for group in preview.groups:
            named |= {*group.joining, *group.leaving}
        cards = await self._cards(connection, sorted(named))
        force = await self._directory.count_people(connection)
        return msgspec.structs.replace(
            preview,
            lapsing=lapsing,
            needs_second=rules.needs_second(preview.people, force),
            cards=list(cards.values()),
        )

    async def _lapsing(
        self, connection: AsyncConnection, found: Examined
    ) -> list[wire.LapsingGrant]:
        gone = {path: now for path, now in found.paths.items() if path != now}
        if not gone:
            return []
        now_ms = self._clock.now_ms()
        rows = [
            row
            for row in await self._registered.grants_within(connection, rules.narrowest(gone))
            if row.path in gone and row.not_after_ms >= now_ms and row.not_after_ms > row.created_ms
        ]
        cards = await self._cards(connection, [row.person_id for row in rows])
        return [
            wire.LapsingGrant(
                person=cards[row.person_id],
                path=row.path,
                now=gone[row.path],
                not_after_ms=row.not_after_ms,
            )
            for row in rows
            if row.person_id in cards
        ]

    async def _cards(
        self, connection: AsyncConnection, person_ids: Sequence[PersonId]
    ) -> dict[PersonId, wire.Person]:
        """Return cards without numbers, which say nothing here."""
        cards = await self._directory.cards(connection, person_ids, None)
        return {one: msgspec.structs.replace(card, number="") for one, card in cards.items()}


def _signer(by: str) -> PersonId | None:
    match = _PERSON.match(by)
    return None if match is None else PersonId(match[1])


def _past(
    row: Any, units: list[wire.UnitChange], cards: dict[PersonId, wire.Person]
) -> wire.PastReorganisation:
    signer = _signer(row.by)
    return of_row(
        wire.PastReorganisation,
        row,
        by="" if signer is not None else row.by.removeprefix("operator "),
        person=None if signer is None else cards.get(signer),
        units=units,
    )
