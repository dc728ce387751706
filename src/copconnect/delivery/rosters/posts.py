"""Conversations with a post: between the person who asks and the person who holds the post.

There is one for each person and post, and asking again finds it. A post that goes to another unit
takes its conversations along (:meth:`PostConversations.go_on`), so that a person may have two with
a post into which others were merged. A conversation whose post was abolished stays with its asker.
The rule of a conversation names the asker and the post: a holder who leaves is taken out within a
round, and the next one is added and reads the last 30 days, because messages to the post are the
post's business. The conversation has no admin. Holders see the asker's name and the post to which
the messages come.
"""

import hashlib
from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.bus import ConversationWakeup
from copconnect.database.engine import Transaction, chunks
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters import name_locks, showing
from copconnect.delivery.rosters.conversations import found, require_size
from copconnect.delivery.rosters.following import Following
from copconnect.delivery.rules.history import history_from
from copconnect.delivery.store import audiences, conversations
from copconnect.delivery.store.audiences import AudienceRow
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.delivery.store.members import NewMember
from copconnect.ids import ConversationId, PersonId, PostId
from copconnect.principals import Caller, PostToAsk

HISTORY_DAYS = 30


def conversation_of(asker: PersonId, post_id: PostId, at: int) -> ConversationId:
    """Return the id of a person's conversation with a post: the first (``at`` 0), or the next where
    the ones before went elsewhere with the post of that time."""
    content = f"copconnect post conversation v1\0{asker}\0{post_id}\0{at}".encode()
    return ConversationId(hashlib.sha256(content).hexdigest()[:32])


class PostConversations:
    """Opens such conversations. Stateless."""

    def __init__(self, deps: DeliveryDependencies, following: Following) -> None:
        self._deps = deps
        self._following = following

    async def open(self, caller: Caller, post_id: PostId) -> wire.Conversation:
        """Return the caller's conversation with a post, which is made where there is none.

        Raises NotFound, PostVacant, BadRequest for the caller's own post, GroupTooLarge,
        RateLimited.
        """
        deps, asker = self._deps, caller.person_id
        async with deps.database.reading() as connection:
            post = (await deps.posts.posts_to_ask(connection, [post_id])).get(post_id)
            if post is None:
                raise errors.NotFound
            followed = _followed(asker, post_id, post)
            people = await deps.organisation.audience(connection, followed.rule)
            others = people.keys() - {asker}
            if not others:
                holds = wire.Audience(include=followed.rule.include)
                if await deps.organisation.audience(connection, holds):
                    raise errors.BadRequest(reason="the caller alone holds this post")
                raise await self._vacant(connection, post_id, post)
            c = await _conversation_with(connection, asker, post_id)
        if await self._make(caller, c, followed):
            # A person who took or left the post meanwhile is found by comparing.
            await self._following.compare(c)
        async with deps.database.reading() as connection:
            return await showing.conversation(connection, deps, caller, c)

    async def asked(
        self, connection: AsyncConnection, post_ids: Collection[PostId]
    ) -> dict[ConversationId, PostId]:
        """Return the conversations with these posts."""
        return await audiences.posts_asked(connection, post_ids)

    async def go_on(self, connection: Transaction, posts: Mapping[ConversationId, PostId]) -> None:
        """Let each of these conversations continue with another post, its post's successor. Holders
        come and go within a round. A constant number of statements for each 500."""
        titles = await self._deps.posts.posts_to_ask(connection, set(posts.values()))
        changed: dict[ConversationId, AudienceRow] = {}
        for some in chunks(sorted(posts)):
            for one in await conversations.read(connection, some):
                post_id, c = posts[one.conversation_id], one.conversation_id
                if post_id in titles and one.created_by is not None:
                    changed[c] = _followed(one.created_by, post_id, titles[post_id])
        await audiences.change(connection, changed)
        await conversations.change(
            connection, [{"conversation_id": c, "info_number": 1} for c in changed]
        )
        connection.after_commit(
            *(ConversationWakeup(conversation_id=c, person_ids=[]) for c in changed)
        )

    async def _make(self, caller: Caller, c: ConversationId, followed: AudienceRow) -> bool:
        """Make the conversation, or write the post's title of today; return whether it is new."""
        deps, now_ms, asker = self._deps, self._deps.clock.now_ms(), caller.person_id
        creating = wire.CreateConversation(
            conversation_id=c,
            kind="unit",
            person_ids=[],
            who_may_send="everyone",
            history_days=HISTORY_DAYS,
            audience=followed.rule,
        )
        held = ConversationRow.new(creating, asker, deps.options.kem)
        async with deps.database.transaction() as connection:
            people = await deps.organisation.audience(connection, followed.rule)
            await name_locks.share(connection, sorted(people))
            if not await conversations.add(connection, held, now_ms):
                if await audiences.one(connection, c) != followed:
                    await audiences.change(connection, {c: followed})
                    change = {"conversation_id": c, "info_number": 1}
                    await conversations.change(connection, [change])
                return False
            await require_size(connection, deps, asker, people)
            limit = deps.options.limits.conversations_per_hour
            await conversations.require_not_too_many(connection, asker, limit, now_ms)
            await audiences.add(connection, {c: followed})
            from_ms = history_from(held.kind, held.history_days, now_ms, returned=False)
            new = [NewMember(person, False, from_ms) for person in sorted(people)]
            await found(connection, deps, {held: new}, asker)
            return True

    async def _vacant(
        self, connection: AsyncConnection, post_id: PostId, post: PostToAsk
    ) -> errors.PostVacant:
        above = await self._deps.posts.head_above(connection, post.unit_id, post_id)
        if above is None:
            return errors.PostVacant(post_id=post_id)
        asked, person_id = above
        return errors.PostVacant(post_id=post_id, ask_post_id=asked, ask_person_id=person_id)


def _followed(asker: PersonId, post_id: PostId, post: PostToAsk) -> AudienceRow:
    return AudienceRow(
        wire.Audience(include=[wire.Clause(posts=[post_id])], people=[asker]),
        wire.Standing(
            key=None, title=post.title, unit_id=post.unit_id, about="post", post_id=post_id
        ),
    )


async def _conversation_with(
    connection: AsyncConnection, asker: PersonId, post_id: PostId
) -> ConversationId:
    """Return a person's conversation with a post, or the id of the one to make."""
    found = await audiences.with_post_of(connection, post_id, asker)
    at = 0
    while found is None:
        free = conversation_of(asker, post_id, at)
        found = free if await audiences.one(connection, free) is None else None
        at += 1
    return found
