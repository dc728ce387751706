"""Creates conversations whose people follow the data bank; following.py keeps them up to date.

People belong whether or not they have registered; a person who heads a unit of the audience, or one
above, is an admin. A conversation that an operator makes is the department's, and no officer's.
"""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit.acts import AudienceConversationCreated
from copconnect.database.engine import Transaction
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters import showing
from copconnect.delivery.rosters.conversations import found
from copconnect.delivery.rosters.following import Following
from copconnect.delivery.rules.history import history_from
from copconnect.delivery.rules.membership import rule_of
from copconnect.delivery.store import audiences, conversations
from copconnect.delivery.store.audiences import AudienceRow
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.delivery.store.members import NewMember
from copconnect.ids import ConversationId, PersonId, new_id
from copconnect.principals import Caller, Principal


class AudienceConversations:
    """Creates such conversations. Stateless."""

    def __init__(self, deps: DeliveryDependencies, following: Following) -> None:
        self._deps = deps
        self._following = following

    async def create(self, caller: Caller, body: wire.CreateConversation) -> wire.Conversation:
        """Create a conversation for an audience whose groups the caller manages.

        Raises BadRequest, AudienceInvalid, NotAllowed, RateLimited.
        """
        rule = rule_of(body)
        deps = self._deps
        async with deps.database.reading() as connection:
            await deps.organisation.require_valid(connection, rule)
            if not await deps.organisation.manages_audience(connection, caller.person_id, rule):
                raise errors.NotAllowed(right="manage_groups")
        await self._create(caller, caller.person_id, body, None)
        async with deps.database.reading() as connection:
            return await showing.conversation(
                connection, deps, caller, ConversationId(body.conversation_id), even_if_left=True
            )

    async def create_for_department(
        self, by: Principal, rule: wire.Audience, title: wire.Names, *, talk: bool
    ) -> tuple[ConversationId, int, int]:
        """Create a conversation that the department makes. ``talk``: everybody may write there.

        Returns its id, and how many people and listed devices it has. Raises AudienceInvalid.
        """
        async with self._deps.database.reading() as connection:
            await require_people(connection, self._deps, rule)
        c = ConversationId(new_id())
        body, standing = creating(c, rule, title, "everyone" if talk else "admins")
        people, devices = await self._create(by, None, body, standing)
        return c, people, devices

    async def _create(
        self,
        by: Principal,
        creator: PersonId | None,
        body: wire.CreateConversation,
        standing: wire.Standing | None,
    ) -> tuple[int, int]:
        """Create a conversation; ``creator`` belongs to it as an admin while they manage the
        groups of the audience. A person's conversations are limited.

        Returns how many people and devices it has.
        """
        c = ConversationId(body.conversation_id)
        async with self._deps.database.transaction() as connection:
            if not await self.create_in(connection, by, creator, body, standing):
                return await self._size(connection, c)
        # A device that was revoked or came while so many were read is found by comparing.
        await self._following.compare(c)
        async with self._deps.database.reading() as connection:
            return await self._size(connection, c)

    async def create_in(
        self,
        connection: Transaction,
        by: Principal,
        creator: PersonId | None,
        body: wire.CreateConversation,
        standing: wire.Standing | None,
    ) -> bool:
        """Create a conversation in the caller's transaction; return whether it is new. The caller
        compares it afterwards. Raises BadRequest, RateLimited."""
        rule, deps = rule_of(body), self._deps
        held = ConversationRow.new(body, creator, deps.options.kem)
        c, now_ms = held.conversation_id, deps.clock.now_ms()
        if not await conversations.add(connection, held, now_ms):
            if await conversations.created_by(connection, c) != creator:
                raise errors.BadRequest(reason="conversation_id is taken")
            return False
        if isinstance(by, Caller) and creator is not None:
            limit = deps.options.limits.conversations_per_hour
            await conversations.require_not_too_many(connection, creator, limit, now_ms)
        await audiences.add(connection, {c: AudienceRow(rule, standing)})
        wanted = await deps.organisation.audience(connection, rule)
        if creator is not None:
            wanted[creator] = True
        from_ms = history_from(held.kind, held.history_days, now_ms, returned=False)
        new = [NewMember(person, admin, from_ms) for person, admin in sorted(wanted.items())]
        await found(connection, deps, {held: new}, None)
        await deps.audit.record(connection, by, AudienceConversationCreated(c, rule, creator))
        return True

    async def groups(self) -> Mapping[ConversationId, AudienceRow]:
        """Return every conversation that follows the data bank, but those with posts."""
        async with self._deps.database.reading() as connection:
            return await audiences.groups(connection)

    async def followed_by_hand(
        self, connection: AsyncConnection
    ) -> dict[str, tuple[wire.Audience, wire.Names | None]]:
        """Return the rules and titles of the groups that follow the data bank, without groups of
        the policy and conversations for orders. The server does not know a title that an officer
        chose."""
        return {
            c: (one.rule, None if one.standing is None else one.standing.title)
            for c, one in (await audiences.groups(connection)).items()
            if one.standing is None or (one.standing.key is None and one.standing.about != "orders")
        }

    async def _size(
        self, connection: AsyncConnection, conversation_id: ConversationId
    ) -> tuple[int, int]:
        (held,) = await conversations.read(connection, [conversation_id])
        return held.members, held.devices


async def require_people(
    connection: AsyncConnection, deps: DeliveryDependencies, rule: wire.Audience
) -> None:
    """Raise AudienceInvalid for a rule that could not hold or that takes nobody."""
    await deps.organisation.require_valid(connection, rule)
    if not await deps.organisation.audience(connection, rule):
        raise errors.AudienceInvalid(reason="nobody fits")


def creating(
    conversation_id: ConversationId,
    rule: wire.Audience,
    title: wire.Names,
    who_may_send: wire.WhoMaySend,
) -> tuple[wire.CreateConversation, wire.Standing]:
    """Return how the department makes a conversation. Its place is the unit that the rule names, if
    it names one."""
    body = wire.CreateConversation(
        conversation_id=conversation_id,
        kind="unit" if who_may_send == "everyone" else "announcement",
        person_ids=[],
        who_may_send=who_may_send,
        history_days=30,
        audience=rule,
    )
    units = [unit for clause in rule.include for unit in clause.units]
    standing = wire.Standing(
        key=None,
        title=title,
        unit_id=units[0] if len(units) == 1 else None,
        about="role" if any(one.roles or one.ranks for one in rule.include) else "unit",
        post_id=None,
    )
    return body, standing
