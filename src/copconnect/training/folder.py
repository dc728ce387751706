"""The department's own folder of lessons: read again and again, taken lesson by lesson.

A lesson without a serious problem is stored, one with such a problem changes nothing but the list
of problems: the former one stays in force. A lesson that left the folder is forgotten, and the
built-in one of the same name returns. Nodes with the same folder store the same; a node without
one touches nothing.
"""

import asyncio
from pathlib import Path

import structlog

from copconnect.clock import Clock
from copconnect.database.engine import Database
from copconnect.ids import LessonId
from copconnect.training import store
from copconnect.training.catalogue import digest_of, packed
from copconnect.training.lessons_of import Written, read_folder, read_lesson

log = structlog.get_logger()
SOURCE = "folder"


class LessonFolder:
    """Takes the lessons of a folder."""

    def __init__(self, database: Database, clock: Clock, folder: Path) -> None:
        self._database = database
        self._clock = clock
        self._folder = folder
        self._seen: dict[LessonId, str] | None = None

    async def read(self) -> None:
        """Take what has changed. Raises OSError where the folder cannot be read: then nothing is
        forgotten."""
        written, stray = await asyncio.to_thread(read_folder, self._folder)
        digests = {one.lesson_id: digest_of(one) for one in written}
        if digests == self._seen:
            return
        for one in stray:
            log.warning("training_folder_stray", path=one.path, reason=one.detail)
        await self._store(written, digests)
        self._seen = digests

    async def _store(self, written: list[Written], digests: dict[LessonId, str]) -> None:
        sound: list[Written] = []
        problems: dict[LessonId, str] = {}
        for one in written:
            lesson, found = await asyncio.to_thread(read_lesson, one, "folder")
            if lesson is not None:
                sound.append(one)
                continue
            problems[one.lesson_id] = packed(found)
            worst = next(each for each in found if each.serious)
            log.warning(
                "lesson_refused",
                lesson=one.lesson_id,
                language=worst.language,
                line=worst.line,
                reason=worst.detail,
            )
        now = self._clock.now_ms()
        async with self._database.transaction() as connection:
            stored = await store.lesson_digests(connection)
            for one in sound:
                if stored.get((one.lesson_id, SOURCE)) != digests[one.lesson_id]:
                    await store.keep_lesson(connection, one, SOURCE, digests[one.lesson_id], now)
            for lesson_id, source in stored:
                if source == SOURCE and lesson_id not in digests:
                    await store.drop_lesson(connection, (lesson_id, source))
            await store.keep_folder_problems(connection, problems)
