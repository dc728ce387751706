"""A sanction began or ended: leaves sign the right to send that its person has now. An order is
issued: its issuer's leaf signs the orders that the person may issue. A message is refused for want
of a right: its device learns why, or that the leaf has the right now.

A sanction applies in the transaction of the role that changed it, in every conversation, however
large: once that commits, the server refuses what the person sends, and every client that has the
new head does (R2). Nothing is rekeyed, because the person continues reading.
"""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
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

    async def explain_sending(self, person_id: PersonId, conversation_id: ConversationId) -> None:
        """Raise Sanctioned where a sanction is why a person's leaf lacks the right to send; where
        the leaf lacks it without a reason, as after a sanction's end, sign the leaf again and raise
        StaleHead, so that the device signs its message again."""
        deps = self._deps
        async with deps.database.reading() as connection:
            bar = await self._bar_in(connection, person_id, conversation_id)
        if bar is not None:
            raise errors.Sanctioned(kind=bar.kind, until_ms=bar.until_ms)
        ended = await deps.sanctions.end_over(person_id)
        if await self._repair(person_id, conversation_id) or ended:
            async with deps.database.reading() as connection:
                await _refuse_head(connection, conversation_id)

    async def explain_issuing(
        self, person_id: PersonId, conversation_id: ConversationId, priority: wire.OrderPriority
    ) -> None:
        """Sign in a person's leaves in one conversation the orders that the person may issue there
        now. Raises StaleHead where this one is among them, so that the device signs it again, else
        MayNotIssue with details."""
        deps = self._deps
        async with deps.database.transaction() as transaction:
            await name_locks.share(transaction, [person_id])
            held = await conversations.hold(transaction, [conversation_id])
            # No new head where the leaves say so already.
            edits = {conversation_id: RosterEdit(issuers=[person_id])}
            await change_rosters(transaction, deps, held, edits)
        async with deps.database.reading() as connection:
            await deps.orders.require(connection, conversation_id, person_id, priority)
            await _refuse_head(connection, conversation_id)

    async def _repair(self, person_id: PersonId, conversation_id: ConversationId) -> bool:
        """Bring the right up to date where the person's leaf in one conversation says otherwise
        than holds now; return whether it did. A change of the conversation may have read a sanction
        that ended before its commit."""
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

    async def _bar_in(
        self, connection: AsyncConnection, person_id: PersonId, conversation_id: ConversationId
    ) -> Bar | None:
        """Return the sanction that takes a person's right to send in a conversation now."""
        barred = await barred_of(connection, self._deps, [person_id])
        for one in await conversations.read(connection, [conversation_id]):
            return barred.bar(person_id, one.kind, one.who_may_send, one.members)
        return None


async def _refuse_head(connection: AsyncConnection, conversation_id: ConversationId) -> None:
    """Raise StaleHead with the newest head of a conversation."""
    for one in await conversations.read(connection, [conversation_id]):
        raise errors.StaleHead(epoch=one.epoch)
