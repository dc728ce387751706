"""Conversations whose people follow the data bank: everyone, or units with those below.

Here they are created; following.py keeps them up to date. People belong whether or not they have
registered; a person who administers all of the audience is an admin.
"""

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit.acts import AudienceConversationCreated
from copconnect.delivery.dependencies import Dependencies
from copconnect.delivery.rosters import showing
from copconnect.delivery.rosters.conversations import found
from copconnect.delivery.rosters.following import Following, wanted_people
from copconnect.delivery.rules.history import history_from
from copconnect.delivery.rules.membership import rule_of
from copconnect.delivery.store import audiences, conversations
from copconnect.delivery.store.conversations import Held
from copconnect.delivery.store.members import NewMember
from copconnect.ids import ConversationId, PersonId, new_id
from copconnect.principals import Caller, Operator, Principal


class NobodyLeads(Exception):
    """The data bank knows no admin of these units."""


class Audiences:
    """Creates such conversations. Holds no state of its own."""

    def __init__(self, deps: Dependencies, following: Following) -> None:
        self._deps = deps
        self._following = following

    async def create(self, caller: Caller, body: wire.CreateConversation) -> wire.Conversation:
        """Create a conversation for an audience that the caller administers.

        Raises BadRequest, NotUnitAdmin, RateLimited.
        """
        rule = rule_of(body)
        deps = self._deps
        async with deps.database.reading() as connection:
            if not await deps.organisation.administers(connection, caller.person_id, rule):
                raise errors.NotUnitAdmin
        await self._create(caller, caller.person_id, body)
        async with deps.database.reading() as connection:
            return await showing.conversation(
                connection, deps, caller, ConversationId(body.conversation_id), even_if_left=True
            )

    async def create_as_operator(
        self, by: Operator, rule: wire.Audience, *, talk: bool
    ) -> tuple[ConversationId, int, int]:
        """Create a conversation in the name of the units' first admin. ``talk``: everybody may
        write there.

        Returns its id, and how many people and listed devices it has. Raises NobodyLeads.
        """
        organisation = self._deps.organisation
        async with self._deps.database.reading() as connection:
            for leader in await organisation.leaders(connection, rule):
                if await organisation.administers(connection, leader, rule):
                    break
            else:
                raise NobodyLeads
        body = wire.CreateConversation(
            conversation_id=ConversationId(new_id()),
            kind="unit" if talk else "announcement",
            person_ids=[],
            who_may_post="everyone" if talk else "admins",
            history_days=30,
            audience=rule,
        )
        people, devices = await self._create(by, leader, body)
        return ConversationId(body.conversation_id), people, devices

    async def _create(
        self, by: Principal, creator: PersonId, body: wire.CreateConversation
    ) -> tuple[int, int]:
        """Create a conversation in the name of ``creator``, who belongs to it as an admin while
        they administer the audience. A person's conversations are limited.

        Returns how many people and devices it has.
        """
        rule = rule_of(body)
        deps = self._deps
        held = Held.new(body, creator, deps.options.kem)
        now_ms = deps.clock.now_ms()
        async with deps.database.transaction() as connection:
            if not await conversations.add(connection, held, now_ms):
                if await conversations.created_by(connection, held.conversation_id) != creator:
                    raise errors.BadRequest(reason="conversation_id is taken")
                return await self._size(connection, held.conversation_id)
            if isinstance(by, Caller):
                limit = deps.options.limits.conversations_per_hour
                await conversations.require_not_too_many(connection, creator, limit, now_ms)
            await audiences.add(connection, held.conversation_id, rule)
            wanted = await wanted_people(connection, deps, rule, creator, None)
            from_ms = history_from(held.kind, held.history_days, now_ms, returned=False)
            new = [NewMember(person, admin, from_ms) for person, admin in sorted(wanted.items())]
            await found(connection, deps, held, new)
            act = AudienceConversationCreated(held.conversation_id, rule, creator)
            await deps.audit.record(connection, by, act)
        # A device that was revoked or came while so many were read is found by comparing.
        await self._following.compare(held.conversation_id)
        async with deps.database.reading() as connection:
            return await self._size(connection, held.conversation_id)

    async def rules(self) -> Collection[wire.Audience]:
        """Return the rules of all conversations that have one."""
        async with self._deps.database.reading() as connection:
            return (await audiences.all_rules(connection)).values()

    async def _size(
        self, connection: AsyncConnection, conversation_id: ConversationId
    ) -> tuple[int, int]:
        (held,) = await conversations.read(connection, [conversation_id])
        return held.members, held.devices
