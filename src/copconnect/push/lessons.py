"""Reminders of open lessons in the queue of pushes: rows about no conversation."""

from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.ids import ConversationId, PersonId
from copconnect.push.rules import LESSONS
from copconnect.push.store import QUEUE, SUBSCRIPTIONS, of_people, queue_for

_LESSONS = ConversationId(LESSONS)  # In a conversation's place.


async def remind_of_lessons(connection: AsyncConnection, people: Select[Any], now_ms: int) -> int:
    """Queue a reminder of open lessons for each subscribed device of the people of a statement;
    return how many. One statement."""
    return await queue_for(connection, _LESSONS, now_ms, of_people(people), LESSONS, now_ms, now_ms)


async def lessons_done(connection: AsyncConnection, person_id: PersonId) -> None:
    """Forget the reminders of open lessons for a person's devices."""
    own = select(SUBSCRIPTIONS.c.client_id).where(SUBSCRIPTIONS.c.person_id == person_id)
    await connection.execute(
        delete(QUEUE).where(QUEUE.c.conversation_id == _LESSONS, QUEUE.c.client_id.in_(own))
    )
