"""Wakes the devices of people who still owe a course of theirs, at most once a week each.

People are due some days after their app first showed the courses, or when somebody with the right
*train* over their unit asks for a course. One node does it for all, in the hours in which most
people are on duty, a batch at a time so that the devices do not all fetch at once. A round records
the people and queues their pushes in one transaction, so a second node, or one that starts again,
wakes nobody twice. A push says nothing: the device finds that lessons are open and writes the
notice itself. The people whom each course is for are looked up once an hour: that looks at
everybody.
"""

from datetime import datetime

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.audit.acts import TrainingReminded
from copconnect.clock import INDIA, Clock
from copconnect.database.engine import Database
from copconnect.leases import Leases
from copconnect.principals import Caller
from copconnect.rights import WHOLE
from copconnect.training import rules
from copconnect.training.ports import CourseAudiences, TrainingDirectory, TrainingPushes
from copconnect.training.reminders import store

PERIOD_S = 300.0
BATCH = 2_000  # People whom one round reminds.
WEEK_MS = 7 * rules.DAY_MS
HOURS = range(10, 18)
AUDIENCES_MS = 3_600_000  # How long the people whom courses are for are kept.


class Reminding:
    """Reminds of open courses."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        audit: Audit,
        people: TrainingDirectory,
        audiences: CourseAudiences,
        pushes: TrainingPushes,
        leases: Leases,
        days: int,
    ) -> None:
        """``days``: after which people are reminded unasked; 0 for never."""
        self._database = database
        self._clock = clock
        self._audit = audit
        self._people = people
        self._audiences = audiences
        self._pushes = pushes
        self._days = days
        self._for: store.For = {}
        self._for_ms = 0
        self.rounds = leases.periodic("training_reminders", self.round, PERIOD_S, 3 * PERIOD_S)

    async def round(self) -> int:
        """Remind a batch of people who are due; return how many people. Two statements, and once an
        hour those of the people whom courses are for."""
        now_ms = self._clock.now_ms()
        if datetime.fromtimestamp(now_ms / 1000, INDIA).hour not in HOURS:
            return 0
        overdue_ms = now_ms - self._days * rules.DAY_MS if self._days else None
        if not self._for or now_ms - self._for_ms >= AUDIENCES_MS:
            async with self._database.reading() as reading:
                self._for = await self._audiences.everybody(reading)
            self._for_ms = now_ms
        async with self._database.transaction() as connection:
            people = await store.remind(
                connection,
                self._people.serving(),
                self._for,
                now_ms,
                overdue_ms,
                now_ms - WEEK_MS,
                BATCH,
            )
            if people:
                await self._pushes.remind_of_lessons(connection, store.reminded_at(now_ms))
        return people

    async def ask(self, caller: Caller, body: wire.RemindOfTraining) -> wire.TrainingReminded:
        """Let those at or below a unit path be reminded who have not completed a course, but for
        people who were reminded within a week, of whichever course. Raises NotAllowed. The
        statements are the same for any number of people."""
        path, course = body.path, body.course
        now_ms = self._clock.now_ms()
        async with self._database.transaction() as connection:
            held = await self._audiences.rights_of(connection, caller.person_id)
            within = held.paths("train")
            if not within:
                raise errors.NotAllowed(right="train", path=WHOLE)
            tops = rules.narrowed(within, path)
            paths = await self._people.unit_paths(connection)
            units = [one for one, at in paths.items() if rules.at_or_below(at, tops)]
            serving = self._people.serving()
            only = await self._audiences.people_of(connection, course)
            people = await store.ask(
                connection, serving, units, course, only, now_ms, now_ms - WEEK_MS
            )
            owing = await store.owing(connection, serving, units, course, only)
            if people:
                # Again within a week asks for nobody, so the log cannot be flooded.
                done = TrainingReminded(path, course, people)
                await self._audit.record(connection, caller, done, path)
        return wire.TrainingReminded(people=people, recent=owing - people)
