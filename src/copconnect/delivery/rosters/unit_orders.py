"""Conversations in which a head's post issues orders to a unit below the one that it heads.

Each post has one conversation with each unit. The first order makes it; later orders find it,
because its id is a hash of the post and the unit. Its members are the people of the unit and of all
units below it, and the holder of the post. The members follow the data bank: the next holder joins
within a round, reads the last 30 days and issues orders there, and the former holder is removed.
Heads alone write there (kind "announcement"). The head gets no access to the unit's own chat, nor
to the orders of another head.
"""

import hashlib

from copconnect import errors, wire
from copconnect.bus import ConversationWakeup
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters import showing
from copconnect.delivery.rosters.audiences import AudienceConversations
from copconnect.delivery.rosters.following import Following
from copconnect.delivery.store import audiences, conversations, members
from copconnect.delivery.store.audiences import AudienceRow
from copconnect.ids import ConversationId, PersonId, PostId, UnitId
from copconnect.principals import Caller

HISTORY_DAYS = 30


def conversation_of(post_id: PostId, unit_id: UnitId) -> ConversationId:
    """Return the id of the conversation in which a post issues orders to a unit."""
    content = f"copconnect unit orders v1\0{post_id}\0{unit_id}".encode()
    return ConversationId(hashlib.sha256(content).hexdigest()[:32])


class UnitOrders:
    """Opens such conversations. Stateless."""

    def __init__(
        self, deps: DeliveryDependencies, audiences: AudienceConversations, following: Following
    ) -> None:
        self._deps = deps
        self._audiences = audiences
        self._following = following

    async def open(self, caller: Caller, unit_id: UnitId) -> wire.Conversation:
        """Return the conversation for the caller's orders to a unit, which is made where there is
        none.

        Raises NotFound, MayNotIssue, NotAllowed, AudienceInvalid for a unit without people,
        RateLimited.
        """
        deps = self._deps
        async with deps.database.reading() as connection:
            post_id = await deps.orders.post_over(connection, caller.person_id, unit_id)
            title = (await deps.posts.posts_to_ask(connection, [post_id]))[post_id].title
            followed = _followed(post_id, unit_id, title)
            people = await deps.organisation.audience(connection, followed.rule)
            if not people.get(caller.person_id):
                raise errors.NotAllowed(right="send_large")
            if len(people) == 1:
                raise errors.AudienceInvalid(reason="nobody fits")
            c = conversation_of(post_id, unit_id)
            stored = await audiences.one(connection, c)
            belongs = await members.belongs_to_any(connection, [c], caller.person_id)
        if stored is None:
            await self._make(caller, c, followed)
        elif stored != followed:
            await self._rename(c, followed)
        if not belongs:
            # A person who took or left a post meanwhile is found by comparing.
            await self._following.compare(c)
        async with deps.database.reading() as connection:
            return await showing.conversation(connection, deps, caller, c)

    async def _make(self, caller: Caller, c: ConversationId, followed: AudienceRow) -> None:
        creating = wire.CreateConversation(
            conversation_id=c,
            kind="announcement",
            person_ids=[],
            who_may_send="admins",
            history_days=HISTORY_DAYS,
            audience=followed.rule,
        )
        creator: PersonId = caller.person_id
        async with self._deps.database.transaction() as connection:
            await self._audiences.create_in(
                connection, caller, creator, creating, followed.standing
            )

    async def _rename(self, c: ConversationId, followed: AudienceRow) -> None:
        """Write the title that the post has now."""
        async with self._deps.database.transaction() as connection:
            await audiences.change(connection, {c: followed})
            await conversations.change(connection, [{"conversation_id": c, "info_number": 1}])
            connection.after_commit(ConversationWakeup(conversation_id=c, person_ids=[]))


def _followed(post_id: PostId, unit_id: UnitId, title: wire.Names) -> AudienceRow:
    unit = wire.Clause(units=[unit_id], below=True)
    return AudienceRow(
        wire.Audience(include=[unit, wire.Clause(posts=[post_id])]),
        wire.Standing(key=None, title=title, unit_id=unit_id, about="orders", post_id=None),
    )
