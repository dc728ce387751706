"""Sanctions in force, and reported messages, as other roles ask about them.

It depends on no other role, so that ``app.py`` hands it to roles that reports themselves depend on.
Every answer is judged by the time, in the caller's transaction: a sanction ends although no job has
run.
"""

from collections.abc import Collection
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.clock import Clock
from copconnect.ids import ConversationId, PersonId
from copconnect.principals import Bar
from copconnect.reports import sanction_store, store


class Ending(Protocol):
    """Ends sanctions; it depends on roles that are built later."""

    async def end_over(self, person_id: PersonId) -> bool:
        """Give a person whose sanction has ended the right to send back; return whether there was
        one."""


class GuardThreshold(Protocol):
    """The guard's policy; the role of conduct knows it."""

    async def large_from_in(self, connection: AsyncConnection) -> int:
        """Return from how many members on a group is large."""


class SanctionRegistry:
    """Looks sanctions up."""

    def __init__(self, clock: Clock, guard: GuardThreshold) -> None:
        self._clock = clock
        self._guard = guard
        self._ending: Ending | None = None

    def attach(self, ending: Ending) -> None:
        """Let this end what is over."""
        self._ending = ending

    async def large_from(self, connection: AsyncConnection) -> int:
        """Return from how many members on a group is large."""
        return await self._guard.large_from_in(connection)

    async def bars(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> dict[PersonId, list[Bar]]:
        """Return the sanctions in force that take the right to send, of those of these people who
        have any. One statement."""
        return await sanction_store.bars(connection, person_ids, self._clock.now_ms())

    async def sanctioned(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return those of these people who have a sanction in force or unread. One statement."""
        return await sanction_store.sanctioned(connection, person_ids, self._clock.now_ms())

    async def reported_since(
        self, connection: AsyncConnection, conversation_id: ConversationId, from_ms: int
    ) -> bool:
        """Return whether a message of this conversation was reported at or after a time."""
        return await store.reported_since(connection, conversation_id, from_ms)

    async def end_over(self, person_id: PersonId) -> bool:
        """Give a person whose sanction has ended the right to send back; return whether there was
        one."""
        return self._ending is not None and await self._ending.end_over(person_id)
