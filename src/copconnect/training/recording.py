"""Courses that an operator records: done in a classroom, or for the account of a program."""

from collections.abc import Sequence

from copconnect import wire
from copconnect.audit import Audit
from copconnect.audit.acts import TrainingRecorded
from copconnect.bus import AccountWakeup
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.ids import PersonId
from copconnect.principals import Operator
from copconnect.training import store


class Recording:
    """Stateless."""

    def __init__(self, database: Database, clock: Clock, audit: Audit) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit

    async def record(
        self, by: Operator, people: Sequence[PersonId], course: wire.CourseName
    ) -> None:
        """Record a course as completed by these people. One who completed it before keeps that
        time."""
        now = self._clock.now_ms()
        async with self._database.transaction() as connection:
            for person_id in people:
                await store.complete(connection, person_id, [course], now)
            connection.after_commit(
                AccountWakeup(event="clients", person_ids=list(people), client_ids=[])
            )
            await self._audit.record(connection, by, TrainingRecorded(course, list(people)))
