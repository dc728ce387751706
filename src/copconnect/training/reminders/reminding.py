"""Wakes the devices of people who still owe the officer course, at most once a week each.

People are due some days after their app first showed the courses, or when somebody with the right
*train* over their unit asks. One node does it for all, in the hours in which most people are on
duty, a batch at a time so that the devices do not all fetch at once. A round records the people and
queues their pushes in one transaction, so a second node, or one that starts again, wakes nobody
twice. A push says nothing: the device finds that lessons are open and writes the notice itself.
"""

from datetime import datetime

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.audit.acts import TrainingReminded
from copconnect.background import Periodic
from copconnect.clock import INDIA, Clock
from copconnect.database.engine import Database
from copconnect.leases import Leases
from copconnect.principals import Caller
from copconnect.rights import WHOLE
from copconnect.training import rules
from copconnect.training.ports import Audiences, People, Pushes
from copconnect.training.reminders import store

PERIOD_S = 300.0
BATCH = 2_000  # People whom one round reminds.
WEEK_MS = 7 * rules.DAY_MS
HOURS = range(10, 18)
_COURSE = rules.BEFORE_LARGE


class Reminding:
    """Reminds of the officer course."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        audit: Audit,
        people: People,
        audiences: Audiences,
        pushes: Pushes,
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
        self._rounds = Periodic(
            "training_reminders",
            leases.in_turn("training_reminders", self.round, 3 * PERIOD_S),
            PERIOD_S,
        )

    async def start(self) -> None:
        """Begin."""
        await self._rounds.start()

    async def close(self) -> None:
        """Stop."""
        await self._rounds.close()

    async def round(self) -> int:
        """Remind a batch of those who are due; return how many people. Two statements."""
        now_ms = self._clock.now_ms()
        if datetime.fromtimestamp(now_ms / 1000, INDIA).hour not in HOURS:
            return 0
        overdue_ms = now_ms - self._days * rules.DAY_MS if self._days else None
        async with self._database.transaction() as connection:
            people = await store.remind(
                connection,
                self._people.serving(),
                _COURSE,
                now_ms,
                overdue_ms,
                now_ms - WEEK_MS,
                BATCH,
            )
            if people:
                await self._pushes.remind_of_lessons(connection, store.reminded_at(now_ms))
        return people

    async def ask(self, caller: Caller, path: str) -> wire.TrainingReminded:
        """Let those at or below a unit path be reminded who have not completed the course, but for
        those who were within a week. Raises NotAllowed. The statements are the same for any number
        of people."""
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
            people = await store.ask(connection, serving, units, _COURSE, now_ms, now_ms - WEEK_MS)
            owing = await store.owing(connection, serving, units, _COURSE)
            if people:
                # Again within a week asks for nobody, so the log cannot be flooded.
                await self._audit.record(connection, caller, TrainingReminded(path, people), path)
        return wire.TrainingReminded(people=people, recent=owing - people)
