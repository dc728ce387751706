"""Answers to admins before they move people or make groups, and the groups that there are.

Invariants: a person outside the caller's part is as if they were not in the data bank; of a rule
that reaches beyond the part, only people of the part are counted and named.
"""

from collections.abc import Collection

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin.rights import RightsTable
from copconnect.database.engine import Database
from copconnect.database.rows import of_row
from copconnect.delivery.rosters.department import DepartmentGroup, DepartmentGroups
from copconnect.directory.postings.planned import PlannedTransfers
from copconnect.directory.postings.planning import Planning
from copconnect.directory.service import DirectoryService
from copconnect.ids import PersonId
from copconnect.principals import Caller
from copconnect.rights import HeldRights

SAMPLE = 20
_MOVE: wire.Right = "manage_people"
_GROUP: wire.Right = "manage_groups"


class Organising:
    """Stateless."""

    def __init__(
        self,
        database: Database,
        rights: RightsTable,
        directory: DirectoryService,
        groups: DepartmentGroups,
        planned: PlannedTransfers,
    ) -> None:
        self._database = database
        self._rights = rights
        self._directory = directory
        self._planning = Planning()
        self._groups = groups
        self._planned = planned

    # --- Moves ----------------------------------------------------------------------------------

    async def find(self, caller: Caller, body: wire.FindPeople) -> wire.FoundPeople:
        """Return the people whom a list means, of the caller's part. Raises NotAllowed."""
        async with self._database.reading() as connection:
            held = await self._rights.having(connection, caller.person_id, _MOVE)
            found = await self._planning.find(connection, body.given)
            seen = await self._cards(connection, held, list(found.values()), _MOVE)
        return wire.FoundPeople(
            people=[
                wire.FoundPerson(
                    given=one,
                    person=seen.get(found[one]) if one in found else None,
                )
                for one in body.given
            ]
        )

    async def postings(
        self, caller: Caller, person_id: PersonId, at_ms: int | None
    ) -> wire.PersonPostings:
        """Return the post, the charges and the former posts of a person of the caller's part.
        Raises NotAllowed, NotFound."""
        async with self._database.reading() as connection:
            held = await self._rights.of(connection, caller.person_id)
            bases = await self._directory.rights_bases(connection, [person_id])
            if person_id not in bases:
                raise errors.NotFound
            held.require(_MOVE, [bases[person_id].path])
            postings = await self._planning.history(connection, person_id, at_ms)
        return wire.PersonPostings(postings=postings)

    async def preview_moves(self, caller: Caller, body: wire.PreviewMoves) -> wire.MovesPreview:
        """Return which groups people would join and leave. Raises NotAllowed, PlaceInvalid."""
        people = list(dict.fromkeys(PersonId(one) for one in body.person_ids))
        async with self._database.reading() as connection:
            held = await self._rights.having(connection, caller.person_id, _MOVE)
            bases = await self._directory.rights_bases(connection, people)
            mine = [
                one
                for one in people
                if one in bases and held.lacking(_MOVE, [bases[one].path]) is None
            ]
            groups = await self._groups.rules(connection)
            audiences = {c: rule for c, (rule, _) in groups.items()}
            moved = await self._planning.moved(connection, audiences, mine, body.place, body.rank)
        titles = {c: title for c, (_, title) in groups.items()}
        moves: list[wire.MovePreview] = []
        for one in people:
            before, after = moved.get(one, (set(), set()))
            moves.append(
                wire.MovePreview(
                    person_id=one,
                    allowed=one in mine and one != caller.person_id,
                    joins=[titles[c] for c in sorted(after - before)],
                    leaves=[titles[c] for c in sorted(before - after)],
                )
            )
        return wire.MovesPreview(moves=moves)

    async def planned(self, caller: Caller) -> wire.PlannedTransfers:
        """Return the planned transfers of people of the caller's part, and into it. Raises
        NotAllowed."""
        async with self._database.reading() as connection:
            held = await self._rights.having(connection, caller.person_id, _MOVE)
            rows = await self._planned.listed(connection)
            people = [PersonId(row.person_id) for row in rows]
            bases = await self._directory.rights_bases(connection, people)
            mine = []
            for row in rows:
                to = await self._directory.path_of(connection, row.unit_id)
                paths = [bases[row.person_id].path, *([] if to is None else [to])]
                if any(held.lacking(_MOVE, [path]) is None for path in paths):
                    mine.append(row)
            named = [PersonId(row.person_id) for row in mine]
            cards = await self._directory.cards(connection, named, caller.person_id)
            shown = [(row, *await self._planned.shown(connection, row)) for row in mine]
        return wire.PlannedTransfers(
            transfers=[
                of_row(
                    wire.PlannedTransfer,
                    row,
                    person=cards[PersonId(row.person_id)],
                    post=title,
                    on=day,
                )
                for row, title, day in shown
            ]
        )

    # --- Groups ---------------------------------------------------------------------------------

    async def preview_audience(
        self, caller: Caller, body: wire.PreviewAudience
    ) -> wire.AudiencePreview:
        """Return how many people a rule takes, none beyond the part. Raises NotAllowed,
        AudienceInvalid."""
        async with self._database.reading() as connection:
            held = await self._rights.having(connection, caller.person_id, _GROUP)
            await self._directory.require_valid(connection, body.rule)
            paths = await self._planning.paths_of(connection, body.rule)
            allowed = held.lacking(_GROUP, paths) is None
            if allowed:
                count = await self._planning.count(connection, body.rule)
            else:
                within = self._directory.people_below(held.paths(_GROUP))
                count = await self._planning.count_within(connection, body.rule, within)
            people = await self._planning.sample(connection, body.rule, SAMPLE)
            cards = await self._cards(connection, held, people, _GROUP)
        return wire.AudiencePreview(
            people=count,
            sample=[cards[one] for one in people if one in cards],
            allowed=count > 0 and allowed,
        )

    async def all_groups(self, caller: Caller) -> wire.AdminGroups:
        """Return the groups of the caller's part, by policy and by hand. Raises NotAllowed."""
        async with self._database.reading() as connection:
            held = await self._rights.having(connection, caller.person_id, _GROUP)
            groups = []
            for one in await self._groups.groups(connection):
                paths = await self._planning.paths_of(connection, one.rule)
                if held.lacking(_GROUP, paths) is None:
                    groups.append(_shown(one))
            policy = await self._directory.group_policy(connection)
        return wire.AdminGroups(groups=groups, policy=policy)

    async def _cards(
        self,
        connection: AsyncConnection,
        held: HeldRights,
        people: Collection[PersonId],
        right: wire.Right,
    ) -> dict[PersonId, wire.Person]:
        """Return the cards of those over whose units the right holds, without numbers."""
        bases = await self._directory.rights_bases(connection, people)
        mine = [one for one in bases if held.lacking(right, [bases[one].path]) is None]
        cards = await self._directory.cards(connection, mine, None)
        return {one: msgspec.structs.replace(card, number="") for one, card in cards.items()}


def _shown(one: DepartmentGroup) -> wire.AdminGroup:
    return wire.AdminGroup(
        conversation_id=one.conversation_id,
        title=one.standing.title,
        unit_id=one.standing.unit_id,
        rule=one.rule,
        kind=one.kind,
        who_may_send=one.who_may_send,
        members=one.members,
        by_policy=one.by_policy,
    )
