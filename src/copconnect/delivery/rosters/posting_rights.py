"""A sanction began or ended: leaves sign the right to post that its person has now.

Runs in the transaction of the role that changed the sanction, in every conversation, however
large: once it commits, the server refuses what the person posts, and every client that has the new
head does (R2). Nothing is rekeyed, because the person goes on reading.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.engine import Transaction, chunks
from copconnect.delivery.dependencies import Dependencies
from copconnect.delivery.rosters import name_locks
from copconnect.delivery.rosters.change import RosterEdit, change_rosters
from copconnect.delivery.rosters.drawing import barred_of, difference
from copconnect.delivery.rules.roster_plan import LeafEdit
from copconnect.delivery.store import conversations, leaves, members
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import Bar


class PostingRights:
    """Signs them anew. Holds no state of its own."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps

    async def apply(self, connection: Transaction, person_id: PersonId) -> None:
        """Bring the right to post of a person up to date in all rosters that list them."""
        people = [person_id]
        await name_locks.claim(connection, people)
        there = await members.places_of(connection, people)
        for some in chunks(sorted({c for c, _ in there})):
            held = await conversations.hold(connection, some)
            # Again: the person may have left while the rows were awaited.
            places = await members.places_of(connection, people, some)
            listed = await leaves.of_people(connection, people, some)
            barred = await barred_of(connection, self._deps, people)
            edits: dict[ConversationId, RosterEdit] = {}
            for one in held:
                c = one.conversation_id
                own = {p: place for (at, p), place in places.items() if at == c}
                again = [leaves.device_of(leaf) for leaf in listed.get(c, [])]
                edit = difference(one, own, again, listed.get(c, []), barred)
                if edit.alter:
                    # Devices that come or go are the business of others.
                    edits[c] = RosterEdit(LeafEdit(alter=edit.alter), info=True, people=people)
            changing = [one for one in held if one.conversation_id in edits]
            if changing:
                await change_rosters(connection, self._deps, changing, edits)

    async def bar_in(
        self, connection: AsyncConnection, person_id: PersonId, conversation_id: ConversationId
    ) -> Bar | None:
        """Return the sanction that takes a person's right to post in a conversation now."""
        barred = await barred_of(connection, self._deps, [person_id])
        for one in await conversations.read(connection, [conversation_id]):
            return barred.bar(person_id, one.kind, one.who_may_post, one.members)
        return None
