"""Conversations that admins make for the department, made, changed and ended by their acts.

Invariants: the policy's groups are the policy's, and no act changes them; a conversation that ended
has no people and keeps its log. The people of another rule come and go after the commit, when the
conversation is compared (:meth:`DepartmentGroups.settle`); a node that stops before that leaves it
to the comparison of everybody, ten minutes later at most.
"""

from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit.acts import AudienceConversationChanged, AudienceConversationEnded
from copconnect.bus import ConversationWakeup
from copconnect.database.engine import Transaction, chunks
from copconnect.delivery.dependencies import DeliveryDependencies
from copconnect.delivery.rosters.audiences import AudienceConversations, creating, require_people
from copconnect.delivery.rosters.conversations import apply_who_may_send
from copconnect.delivery.rosters.following import Following
from copconnect.delivery.store import audiences, conversations
from copconnect.delivery.store.audiences import AudienceRow
from copconnect.delivery.store.conversations import ConversationRow
from copconnect.ids import ConversationId, PostId
from copconnect.principals import Principal

_NOBODY = wire.Audience(include=[])


@dataclass(frozen=True, slots=True)
class DepartmentGroup:
    """A conversation of the department. ``by_policy``: the policy makes it."""

    conversation_id: ConversationId
    standing: wire.Standing
    rule: wire.Audience
    kind: wire.ConversationKind
    who_may_send: wire.WhoMaySend
    members: int

    @property
    def by_policy(self) -> bool:
        """Whether the policy makes it."""
        return self.standing.key is not None


def _group(held: ConversationRow, followed: AudienceRow) -> DepartmentGroup:
    if followed.standing is None:
        raise errors.NotFound
    return DepartmentGroup(
        held.conversation_id,
        followed.standing,
        followed.rule,
        held.kind,
        held.who_may_send,
        held.members,
    )


class DepartmentGroups:
    """Lists, makes, changes and ends them. Stateless."""

    def __init__(
        self, deps: DeliveryDependencies, making: AudienceConversations, following: Following
    ) -> None:
        self._deps = deps
        self._making = making
        self._following = following

    async def groups(self, connection: AsyncConnection) -> list[DepartmentGroup]:
        """Return all of them that have not ended. One statement for each 500."""
        followed = {
            c: one
            for c, one in (await audiences.groups(connection)).items()
            if one.standing is not None and one.rule != _NOBODY
        }
        found: list[DepartmentGroup] = []
        for some in chunks(sorted(followed)):
            for held in await conversations.read(connection, some):
                found.append(_group(held, followed[held.conversation_id]))
        return found

    async def group(
        self, connection: AsyncConnection, conversation_id: ConversationId
    ) -> DepartmentGroup:
        """Return a conversation that an admin made. Raises NotFound."""
        followed = await self._made(connection, conversation_id)
        (held,) = await conversations.read(connection, [conversation_id])
        return _group(held, followed)

    async def rules(
        self, connection: AsyncConnection
    ) -> dict[ConversationId, tuple[wire.Audience, wire.Names]]:
        """Return the rule and the name of each."""
        return {
            c: (one.rule, one.standing.title)
            for c, one in (await audiences.groups(connection)).items()
            if one.standing is not None
        }

    async def rule_of(
        self, connection: AsyncConnection, conversation_id: ConversationId
    ) -> wire.Audience:
        """Return the rule of a conversation that an admin made. Raises NotFound."""
        return (await self._made(connection, conversation_id)).rule

    async def count_with_post(self, connection: AsyncConnection, post_id: PostId) -> int:
        """Return how many conversations people have with a post."""
        return await audiences.count_with_post(connection, post_id)

    async def create(self, connection: Transaction, by: Principal, act: wire.CreateGroup) -> None:
        """Make a conversation. Raises AudienceInvalid, BadRequest."""
        await require_people(connection, self._deps, act.rule)
        body, standing = creating(
            ConversationId(act.conversation_id), act.rule, act.title, act.who_may_send
        )
        if not await self._making.create_in(connection, by, None, body, standing):
            raise errors.BadRequest(reason="conversation_id is taken")

    async def change(self, connection: Transaction, by: Principal, act: wire.ChangeGroup) -> None:
        """Give a conversation another name or audience, or another rule of who may send.
        Raises NotFound, AudienceInvalid."""
        c = ConversationId(act.conversation_id)
        await self._made(connection, c)
        await require_people(connection, self._deps, act.rule)
        _, standing = creating(c, act.rule, act.title, act.who_may_send)
        await self._write(connection, c, AudienceRow(act.rule, standing))
        held = await conversations.hold_one(connection, c)
        if held.who_may_send != act.who_may_send:
            await apply_who_may_send(
                connection, self._deps, replace(held, who_may_send=act.who_may_send)
            )
        done = AudienceConversationChanged(c, act.rule, act.title.en)
        await self._deps.audit.record(connection, by, done)

    async def end(
        self, connection: Transaction, by: Principal, conversation_id: ConversationId
    ) -> None:
        """Let everybody leave. Raises NotFound."""
        followed = await self._made(connection, conversation_id)
        await self._write(connection, conversation_id, AudienceRow(_NOBODY, followed.standing))
        name = "" if followed.standing is None else followed.standing.title.en
        done = AudienceConversationEnded(conversation_id, name)
        await self._deps.audit.record(connection, by, done)

    async def settle(self, conversation_id: ConversationId) -> None:
        """Bring the people up to date, after the act's commit."""
        await self._following.compare(conversation_id)

    async def _write(
        self, connection: Transaction, conversation_id: ConversationId, followed: AudienceRow
    ) -> None:
        await audiences.change(connection, {conversation_id: followed})
        await conversations.change(
            connection, [{"conversation_id": conversation_id, "info_number": 1}]
        )
        connection.after_commit(ConversationWakeup(conversation_id=conversation_id, person_ids=[]))

    async def _made(
        self, connection: AsyncConnection, conversation_id: ConversationId
    ) -> AudienceRow:
        """Return a conversation that an admin made and that has not ended."""
        found = await audiences.one(connection, conversation_id)
        if (
            found is None
            or found.standing is None
            or found.standing.key is not None
            or found.standing.about not in ("unit", "role")
            or found.rule == _NOBODY
        ):
            raise errors.NotFound
        return found
