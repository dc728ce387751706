"""Answers the console: what needs doing, people, devices, grants, the audit log.

Invariants: an admin learns of their part of the tree alone, by the grants in force when they
ask; numbers only with the right to see them over the person's unit. An admin who may read a part
of the audit log gets its whole chain, without the content of entries that touch anything else.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.admin import rules
from copconnect.admin.parts import ABOUT_PEOPLE, ConsoleScope, Parts, unit_below
from copconnect.admin.rights import RightsTable
from copconnect.audit import Audit, exported
from copconnect.audit.filters import AuditFilter
from copconnect.audit.rules import Entry
from copconnect.auth_service.trust.administered import Administered, DeviceState
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.directory.listing import Listing
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId, UnitId
from copconnect.principals import Caller, PeopleQuery
from copconnect.push.reach import PushReachReader

ENDING_MS = 14 * 86_400_000
PAGE = 100
MAX_PAGE = 500
LINKS = 1_000
DeviceShown = Literal[DeviceState, "unreached"]
PeopleState = Literal["registered", "unregistered", "unconfirmed", "silent"]
_PERSON = re.compile(r"\b[0-9a-f]{32}\b")


class ConsoleReads:
    """Reads for the console. Stateless."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        audit: Audit,
        rights: RightsTable,
        parts: Parts,
        directory: DirectoryService,
        people: Listing,
        registered: Administered,
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._rights = rights
        self._parts = parts
        self._directory = directory
        self._people = people
        self._registered = registered
        self._reach = PushReachReader(clock)

    async def rights(self, caller: Caller) -> wire.AdminRights:
        """Return the caller's rights and the table that gives them."""
        async with self._database.reading() as connection:
            held = await self._rights.of(connection, caller.person_id)
            table = await self._rights.table(connection)
        console = any(one.right in rules.BY_GRANT_ALONE for one in held.rights)
        return wire.AdminRights(console=console, rights=list(held.rights), rules=table)

    async def overview(self, caller: Caller, waiting: int) -> wire.AdminOverview:
        """Return what needs doing in the caller's part. ``waiting``: acts that wait. Raises
        NotAllowed."""
        async with self._database.reading() as connection:
            part = await self._parts.of(connection, caller, ABOUT_PEOPLE)
            below = self._parts.below(part)
            by_unit = await self._people.count_by_unit(
                connection, part.paths, [self._registered.people_with()]
            )
            counts = [
                await self._registered.count(connection, state, below)
                for state in (None, "unconfirmed", "silent", "locked")
            ]
            unreached = await self._registered.count(
                connection, None, below, self._reach.unreached()
            )
            suspended = await self._people.page(
                connection, part.paths, PeopleQuery(status="suspended", limit=1), part.viewer
            )
            now = self._clock.now_ms()
            grants = await self._registered.grants_within(connection, part.paths)
        ending = [
            one
            for one in grants
            if _state(one, now) == "in_force" and one.not_after_ms < now + ENDING_MS
        ]
        return wire.AdminOverview(
            people=sum(people for people, _ in by_unit.values()),
            registered=sum(registered for _, registered in by_unit.values()),
            suspended=suspended.total,
            devices=counts[0],
            unconfirmed=counts[1],
            silent=counts[2],
            locked=counts[3],
            unreached=unreached,
            grants_ending=len(ending),
            waiting_acts=waiting,
            parts=_parts(part.paths, by_unit),
        )

    async def people(
        self, caller: Caller, query: PeopleQuery, state: PeopleState | None
    ) -> wire.AdminPeople:
        """Return a page of the people of the caller's part. Raises NotAllowed, BadRequest."""
        async with self._database.reading() as connection:
            part = await self._parts.of(connection, caller, ABOUT_PEOPLE)
            among, without = self._narrowing(state)
            found = await self._people.page(
                connection, part.paths, query, part.viewer, among, without
            )
            ids = [one.person_id for one in found.people]
            clients = await self._registered.clients_of(connection, ids)
            granted = await self._registered.granted_paths(connection, ids)
        return wire.AdminPeople(
            people=[
                wire.AdminPerson(
                    person=one,
                    clients=clients.get(one.person_id, []),
                    grants=granted.get(one.person_id, []),
                )
                for one in found.people
            ],
            next=found.next,
            total=found.total,
        )

    async def devices(
        self, caller: Caller, state: DeviceShown | None, after: str | None, limit: int = PAGE
    ) -> wire.AdminDevices:
        """Return a page of the devices of the caller's part, the newest first. Raises NotAllowed,
        BadRequest."""
        limit = max(1, min(limit, MAX_PAGE))
        async with self._database.reading() as connection:
            part = await self._parts.of(connection, caller, ABOUT_PEOPLE)
            page, following, total = await self._registered.page(
                connection,
                None if state == "unreached" else state,
                self._parts.below(part),
                after,
                limit,
                self._reach.unreached() if state == "unreached" else None,
            )
            owners = await self._cards(connection, part, [person_id for person_id, _ in page])
            reach = await self._reach.reach_of(connection, [one.client_id for _, one in page])
        return wire.AdminDevices(
            devices=[
                wire.AdminDevice(
                    person=owners[person_id], client=client, push=reach.get(client.client_id)
                )
                for person_id, client in page
                if person_id in owners
            ],
            next=following,
            total=total,
        )

    async def grants(self, caller: Caller) -> wire.AdminGrants:
        """Return the grants over units of the caller's part. Raises NotAllowed."""
        now = self._clock.now_ms()
        async with self._database.reading() as connection:
            part = await self._parts.of(connection, caller, ["give_grants"])
            rows = await self._registered.grants_within(connection, part.paths)
            named = {row.person_id for row in rows} | {row.grantor_person_id for row in rows}
            cards = await self._cards(connection, part, [PersonId(one) for one in named])
        return wire.AdminGrants(
            grants=[
                wire.AdminGrant(
                    person=cards[row.person_id],
                    path=row.path,
                    by=cards.get(row.grantor_person_id),
                    created_ms=row.created_ms,
                    not_after_ms=row.not_after_ms,
                    state=_state(row, now),
                )
                for row in rows
                if row.person_id in cards
            ]
        )

    # --- The audit log ------------------------------------------------------------------------

    async def audit(
        self, caller: Caller, wanted: AuditFilter, before: int | None, limit: int
    ) -> wire.AuditPage:
        """Return the newest entries of the caller's part that a filter finds. Raises NotAllowed."""
        async with self._database.reading() as connection:
            part = await self._parts.of(connection, caller, ["read_audit"])
            if not part.whole:
                wanted = replace(wanted, paths=part.paths)
            found = await self._audit.found(connection, wanted, before, limit + 1)
            page = found[:limit]
            newest, newest_hash = await self._audit.head(connection)
            named = {match for one in page for match in _PERSON.findall(_text(one))}
            people = await self._cards(connection, part, [PersonId(one) for one in named])
        return wire.AuditPage(
            entries=[exported.shown(one, readable=True) for one in page],
            next=page[-1].number if len(found) > limit else None,
            newest=newest,
            newest_hash=newest_hash,
            people=list(people.values()),
        )

    async def chain(self, caller: Caller, after: int = 0) -> wire.AuditPage:
        """Return the entries after a number, the oldest first, for verifying the chain; the content
        of entries that touch anything outside the caller's part is left out. Raises NotAllowed."""
        async with self._database.reading() as connection:
            part = await self._parts.of(connection, caller, ["read_audit"])
            found = await self._audit.after(connection, after, LINKS)
            newest, newest_hash = await self._audit.head(connection)
        return wire.AuditPage(
            entries=[
                exported.shown(
                    one,
                    readable=part.rights.lacking("read_audit", [one.content.path]) is None,
                )
                for one in found
            ],
            next=found[-1].number if len(found) == LINKS else None,
            newest=newest,
            newest_hash=newest_hash,
            people=[],
        )

    # --- Parts of the tree --------------------------------------------------------------------

    def _narrowing(
        self, state: PeopleState | None
    ) -> tuple[list[Select[tuple[PersonId]]], list[Select[tuple[PersonId]]]]:
        match state:
            case None:
                return [], []
            case "registered":
                return [self._registered.people_with()], []
            case "unregistered":
                return [], [self._registered.people_with()]
            case _:
                return [self._registered.people_with(state)], []

    async def _cards(
        self, connection: AsyncConnection, part: ConsoleScope, person_ids: Collection[PersonId]
    ) -> dict[PersonId, wire.Person]:
        return await self._directory.cards(connection, set(person_ids), part.viewer)


def _state(row: Any, now_ms: int) -> Literal["in_force", "ended", "withdrawn"]:
    if row.created_ms == row.not_after_ms:
        return "withdrawn"
    return "in_force" if row.not_after_ms >= now_ms else "ended"


def _parts(paths: Sequence[str], by_unit: Mapping[str, tuple[int, ...]]) -> list[wire.PartCount]:
    """Return the counts of the units right below these paths, with all that is below them."""
    found: dict[str, tuple[int, int]] = {}
    for path, (people, registered) in by_unit.items():
        below = unit_below(paths, path)
        before = found.get(below, (0, 0))
        found[below] = (before[0] + people, before[1] + registered)
    return [
        wire.PartCount(unit_id=UnitId(unit), people=people, registered=registered)
        for unit, (people, registered) in sorted(found.items())
    ]


def _text(entry: Entry) -> str:
    return f"{entry.content.by} {entry.content.act}"
