"""Legal holds: their two acts, and their list in the console.

A hold is the whole department's: an admin of one station does not learn whose messages a court
wants. The person who is held neither asks for such an act nor sees, approves or refuses it while it
waits, and does not find the hold in the list.
"""

from dataclasses import replace

from msgspec.structs import replace as replaced
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.admin.acts.kind import ActHandler, RequestedAct, Touched
from copconnect.admin.rights import RightsTable
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction
from copconnect.database.rows import of_row
from copconnect.delivery.log.holding import LegalHolds
from copconnect.delivery.rosters.department import DepartmentGroups
from copconnect.directory.postings.planning import Planning
from copconnect.directory.service import DirectoryService
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import Caller
from copconnect.rights import WHOLE

_RIGHT: wire.Right = "hold_messages"
_HoldAct = wire.HoldMessages | wire.LiftHold


class HoldKinds:
    """Their table, for :class:`copconnect.admin.acts.kinds.Kinds`."""

    def __init__(self, directory: DirectoryService, holds: LegalHolds) -> None:
        self._directory = directory
        self._holds = holds
        self.table: dict[type[wire.AdminAct], ActHandler] = {
            wire.HoldMessages: ActHandler(
                _RIGHT, self._touches_held, self._hold, allows=self._allows
            ),
            wire.LiftHold: ActHandler(_RIGHT, self._touches_known, self._lift, allows=self._allows),
        }

    async def _touches_held(self, connection: AsyncConnection, act: wire.HoldMessages) -> Touched:
        people = await self._holds.check(connection, act)
        touched = Touched(frozenset({WHOLE}), people, [])
        if act.person_id is None:
            return touched
        person_id = PersonId(act.person_id)
        if person_id not in await self._directory.rights_bases(connection, [person_id]):
            raise errors.NotFound
        return replace(touched, some=[person_id])

    async def _touches_known(self, connection: AsyncConnection, act: wire.LiftHold) -> Touched:
        row = await self._holds.of(connection, act)
        return Touched(frozenset({WHOLE}), 1, [] if row.person_id is None else [row.person_id])

    async def _allows(self, connection: AsyncConnection, by: PersonId, act: _HoldAct) -> None:
        """Raise NotFound for the person who is held: as if there were no hold."""
        held = act.person_id if isinstance(act, wire.HoldMessages) else None
        if isinstance(act, wire.LiftHold):
            held = (await self._holds.of(connection, act)).person_id
        if held == by:
            raise errors.NotFound

    async def _hold(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._holds.begin(connection, asked.by, asked.second, asked.act)

    async def _lift(self, connection: Transaction, asked: RequestedAct) -> None:
        await self._holds.lift(connection, asked.by, asked.act)


class HoldReading:
    """Reads for the page. Stateless."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        rights: RightsTable,
        directory: DirectoryService,
        groups: DepartmentGroups,
        holds: LegalHolds,
    ) -> None:
        self._database = database
        self._clock = clock
        self._rights = rights
        self._directory = directory
        self._groups = groups
        self._holds = holds
        self._planning = Planning()

    async def find(self, caller: Caller, body: wire.FindPeople) -> wire.FoundPeople:
        """Return the people whom a list means, of the whole department, removed ones too. Raises
        NotAllowed."""
        async with self._database.reading() as connection:
            held = await self._rights.having(connection, caller.person_id, _RIGHT)
            held.require(_RIGHT, [WHOLE])
            found = await self._planning.find(connection, body.given, removed=True)
            cards = await self._directory.cards(connection, set(found.values()), None)
        seen = {one: replaced(card, number="") for one, card in cards.items()}
        return wire.FoundPeople(
            people=[
                wire.FoundPerson(given=one, person=seen.get(found[one]) if one in found else None)
                for one in body.given
            ]
        )

    async def all(self, caller: Caller) -> wire.LegalHolds:
        """Return holds, the newest first, without those on the caller, and the groups that there
        are, also for an admin who manages none. Raises NotAllowed."""
        now_ms = self._clock.now_ms()
        async with self._database.reading() as connection:
            held = await self._rights.having(connection, caller.person_id, _RIGHT)
            held.require(_RIGHT, [WHOLE])
            rows = [
                row
                for row in await self._holds.listed(connection)
                if row.person_id != caller.person_id
            ]
            titles = {c: title for c, (_, title) in (await self._groups.rules(connection)).items()}
            named = {
                PersonId(one)
                for row in rows
                for one in (row.person_id, row.set_by, row.second_by, row.lifted_by)
                if one is not None
            }
            cards = await self._directory.cards(connection, named, caller.person_id)

        def title(conversation_id: str | None) -> wire.Names | None:
            return None if conversation_id is None else titles.get(ConversationId(conversation_id))

        return wire.LegalHolds(
            holds=[
                of_row(
                    wire.LegalHold,
                    row,
                    title=title(row.conversation_id),
                    person=cards.get(row.person_id),
                    by=cards.get(row.set_by),
                    second=cards.get(row.second_by),
                    lifted_by=cards.get(row.lifted_by),
                    in_force=row.lifted_ms is None
                    and (row.until_ms is None or row.until_ms > now_ms),
                )
                for row in rows
            ],
            groups=[
                wire.TitledGroup(conversation_id=c, title=title)
                for c, title in sorted(titles.items())
            ],
        )
