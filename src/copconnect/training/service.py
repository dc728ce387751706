"""Training, put together: a person's courses, lessons, progress. app.py makes one for each
process.

Invariants: a lesson is done once its questions are answered well enough; it stays done, in
whichever order and however often devices say so; a completed course stays completed; nothing of a
practice conversation ever reaches this code.
"""

from collections.abc import Collection
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.background import Periodic
from copconnect.bus import AccountWakeup
from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.ids import LessonId, PersonId
from copconnect.leases import Leases
from copconnect.principals import Caller, Requirement
from copconnect.records.primitives.signed import RosterSigner
from copconnect.settings import Settings
from copconnect.training import rules, store
from copconnect.training.catalogue import Catalogue
from copconnect.training.certificates import Certificates
from copconnect.training.folder import LessonFolder
from copconnect.training.ports import (
    CourseAudiences,
    LargeFrom,
    Listed,
    TrainingDirectory,
    TrainingPushes,
)
from copconnect.training.progress import ProgressReader
from copconnect.training.publishing import Publishing
from copconnect.training.recording import Recording
from copconnect.training.reminders import store as reminders
from copconnect.training.reminders.reminding import Reminding

FOLDER_PERIOD_S = 30.0


class TrainingService:
    """Training."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        audit: Audit,
        catalogue: Catalogue,
        people: TrainingDirectory,
        listed: Listed,
        audiences: CourseAudiences,
        large_from: LargeFrom,
        signer: RosterSigner,
        department: str,
        pushes: TrainingPushes,
        leases: Leases,
    ) -> None:
        self._database = database
        self._clock = clock
        self._audiences = audiences
        self._large_from = large_from
        self._remind_days = settings.training_remind_days
        self._pushes = pushes
        self.catalogue = catalogue
        self.progress = ProgressReader(database, catalogue, people, listed, audiences)
        self.publishing = Publishing(database, clock, catalogue, audiences)
        self.certificates = Certificates(
            database, people, signer, department, settings.effective_public_url
        )
        self.recording = Recording(database, clock, audit)
        self.reminding = Reminding(
            database,
            clock,
            audit,
            people,
            audiences,
            pushes,
            leases,
            settings.training_remind_days,
        )
        self.folder: LessonFolder | None = None
        if settings.training_folder:
            self.folder = LessonFolder(database, clock, Path(settings.training_folder))
        self._reading = (
            None
            if self.folder is None
            else Periodic("training_folder", self.folder.read, FOLDER_PERIOD_S, soon=True)
        )

    async def start(self) -> None:
        """Begin to remind, and to read the department's folder, if the settings name one."""
        await self.reminding.rounds.start()
        if self._reading is not None:
            await self._reading.start()

    async def close(self) -> None:
        """Stop."""
        await self.reminding.rounds.close()
        if self._reading is not None:
            await self._reading.close()

    # --- Routes -------------------------------------------------------------------------------

    async def training(self, caller: Caller, language: wire.Language = "en") -> wire.Training:
        """Return the caller's courses, and remember when the caller first saw them."""
        async with self._database.reading() as connection:
            since = await store.since(connection, caller.person_id)
        if since is None:
            async with self._database.transaction() as writing:
                await store.begin(writing, caller.person_id, self._clock.now_ms())
        async with self._database.reading() as connection:
            return await self._training(connection, caller, language)

    async def _training(
        self, connection: AsyncConnection, caller: Caller, language: wire.Language
    ) -> wire.Training:
        lessons = await self.catalogue.lessons(connection)
        mine = await self._audiences.courses_of(connection, caller.person_id)
        done = await store.done_by(connection, caller.person_id)
        completed = await store.completed_by(connection, caller.person_id)
        since = await store.since(connection, caller.person_id)
        asked = await reminders.asked_of(connection, caller.person_id)
        closed = Requirement.TRAINING in caller.outstanding and rules.BEFORE_LARGE not in completed
        owed = mine - completed.keys()
        overdue = rules.overdue(since, self._clock.now_ms(), self._remind_days)
        return wire.Training(
            courses=rules.courses(lessons, mine, done, completed, language),
            closed_from=self._large_from() if closed else None,
            remind=asked in owed or (overdue and bool(owed)),
        )

    async def lesson(self, lesson_id: LessonId, language: wire.Language = "en") -> wire.LessonPage:
        """Return a lesson in a language, in English where it has none. Raises NotFound."""
        async with self._database.reading() as connection:
            lessons = await self.catalogue.lessons(connection)
        lesson = lessons.get(lesson_id)
        if lesson is None:
            raise errors.NotFound
        return rules.page_of(lesson.lesson_id, lesson.text(language), lesson.version)

    async def done(
        self, caller: Caller, body: wire.SubmitLessonsDone, language: wire.Language = "en"
    ) -> wire.Training:
        """Record the lessons that were passed as done and return the caller's courses. A lesson
        that is there no more, or in another version, is left out: a phone may have kept it for
        weeks, and its answers belong to other questions."""
        now = self._clock.now_ms()
        async with self._database.transaction() as connection:
            lessons = await self.catalogue.lessons(connection)
            await store.begin(connection, caller.person_id, now)
            passed = {
                one.lesson_id: one.version
                for one in body.lessons
                if (lesson := lessons.get(one.lesson_id)) is not None
                and lesson.version == one.version
                and rules.passes(lesson.text(one.language).quizzes, one.answers)
            }
            if passed:
                await store.record(connection, caller.person_id, passed, now)
            done = await store.done_by(connection, caller.person_id)
            before = await store.completed_by(connection, caller.person_id)
            new = set(rules.completed(lessons, done)) - before.keys()
            if new:
                await store.complete(connection, caller.person_id, new, now)
            mine = await self._audiences.courses_of(connection, caller.person_id)
            if new and not mine - before.keys() - new:
                await self._pushes.lessons_done(connection, caller.person_id)
            if rules.BEFORE_LARGE in new:
                # Nodes keep callers with what they owe.
                connection.after_commit(
                    AccountWakeup(event="clients", person_ids=[caller.person_id], client_ids=[])
                )
            return await self._training(connection, caller, language)


class Outstanding:
    """Tells the Authentication Service who still owes the officer course."""

    def __init__(self, settings: Settings) -> None:
        self._required = settings.training_before_large == "yes"

    async def untrained(
        self, connection: AsyncConnection, person_ids: Collection[PersonId]
    ) -> set[PersonId]:
        """Return those of these people who owe it. One statement; none where the department does
        not ask for it."""
        if not self._required:
            return set()
        done = await store.completed_among(connection, person_ids, rules.BEFORE_LARGE)
        return set(person_ids) - done
