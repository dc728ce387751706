"""A sanction began or ended: leaves sign the right to send that its person has now. An order is
issued: its issuer's leaf signs the orders that the person may issue.

Runs in the transaction of the role that changed the sanction, in every conversation, however
large: once it commits, the server refuses what the person sends, and every client that has the new
head does (R2). Nothing is rekeyed, because the person continues reading.
"""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import Transaction, chunks
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters import name_locks
from copconnect.delivery.rosters.change import RosterEdit, change_rosters
from copconnect.delivery.rosters.drawing import barred_of, difference
from copconnect.delivery.rules.roster_plan import LeafEdit
from copconnect.delivery.store import conversations, leaves, members
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import Bar


class SendingRights:
    """Signs rights to send again. Stateless."""

    def __init__(self, deps: DeliveryDependencies) -> None:
        self._deps = deps

    async def apply(self, connection: Transaction, person_id: PersonId) -> None:
        """Bring the right to send of a person up to date in all rosters that list them. Only
        conversations where it differs are held."""
        await name_locks.claim(connection, [person_id])
        there = await members.places_of(connection, [person_id])
        for some in chunks(sorted({c for c, _ in there})):
            found = await self._edits(
                connection, person_id, await conversations.read(connection, some)
            )
            if not found:
                continue
            # Again: the person may have left, or the group have grown, while the rows were awaited.
            held = await conversations.hold(connection, sorted(found))
            edits = await self._edits(connection, person_id, held)
            changing = [one for one in held if one.conversation_id in edits]
            if changing:
                await change_rosters(connection, self._deps, changing, edits)

    async def sign_issuing(self, person_id: PersonId, conversation_id: ConversationId) -> None:
        """Sign in a person's leaves in one conversation the orders that the person may issue there
        now; no new head where they say so already."""
        async with self._deps.database.transaction() as connection:
            await name_locks.share(connection, [person_id])
            held = await conversations.hold(connection, [conversation_id])
            edits = {conversation_id: RosterEdit(issuers=[person_id])}
            await change_rosters(connection, self._deps, held, edits)

    async def repair(self, person_id: PersonId, conversation_id: ConversationId) -> bool:
        """Do the same where the person's leaf in one conversation says otherwise than holds now;
        return whether it did. A change of the conversation may have read a sanction that ended
        before its commit."""
        async with self._deps.database.reading() as connection:
            there = await conversations.read(connection, [conversation_id])
            if not await self._edits(connection, person_id, there):
                return False
        async with self._deps.database.transaction() as transaction:
            await self.apply(transaction, person_id)
        return True

    async def _edits(
        self, connection: AsyncConnection, person_id: PersonId, held: Collection[ConversationRow]
    ) -> dict[ConversationId, RosterEdit]:
        """Return the leaves that sign another right to send, by conversation. Devices that come or
        go are the business of others."""
        people, ids = [person_id], [one.conversation_id for one in held]
        places = await members.places_of(connection, people, ids)
        listed = await leaves.of_people(connection, people, ids)
        barred = await barred_of(connection, self._deps, people)
        edits: dict[ConversationId, RosterEdit] = {}
        for one in held:
            c = one.conversation_id
            own = {p: place for (at, p), place in places.items() if at == c}
            again = [leaves.device_of(leaf) for leaf in listed.get(c, [])]
            edit = difference(one, own, again, listed.get(c, []), barred)
            if edit.alter:
                edits[c] = RosterEdit(LeafEdit(alter=edit.alter), info=True, people=people)
        return edits

    async def bar_in(
        self, connection: AsyncConnection, person_id: PersonId, conversation_id: ConversationId
    ) -> Bar | None:
        """Return the sanction that takes a person's right to send in a conversation now."""
        barred = await barred_of(connection, self._deps, [person_id])
        for one in await conversations.read(connection, [conversation_id]):
            return barred.bar(person_id, one.kind, one.who_may_send, one.members)
        return None
