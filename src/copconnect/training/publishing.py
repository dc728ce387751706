"""Lessons that trainers edit in the console: the list, the texts and pictures, previews, and the
signed act.

A text is judged as one of the folder: a lesson with a serious problem in any language is refused
and the one in force stays. The act names each picture by its hash; its bytes are those of the
lesson in force, or were kept for it before.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import errors, wire
from copconnect.audit import Audit
from copconnect.audit.acts import LessonPublished
from copconnect.clock import Clock
from copconnect.database.engine import Database, Transaction
from copconnect.ids import LessonId
from copconnect.limits import LESSON_PICTURE_BYTES
from copconnect.principals import Caller, Principal
from copconnect.rights import WHOLE
from copconnect.training import rules, store
from copconnect.training.catalogue import Catalogue, digest_of, problem_of, unpacked
from copconnect.training.lesson_text import picture_type, read_text
from copconnect.training.lessons_of import Lesson, Written, course_of, read_lesson
from copconnect.training.ports import CourseAudiences

SOURCE: wire.LessonSource = "console"


class Publishing:
    """The console's lessons. Stateless."""

    def __init__(
        self, database: Database, clock: Clock, catalogue: Catalogue, audiences: CourseAudiences
    ) -> None:
        self._database = database
        self._clock = clock
        self._catalogue = catalogue
        self._audiences = audiences

    async def states(self, caller: Caller) -> wire.LessonStates:
        """Return every lesson with what is missing. Raises NotAllowed."""
        async with self._database.reading() as connection:
            await self._require(connection, caller)
            lessons = await self._catalogue.lessons(connection)
            refused = await store.folder_problems(connection)
        states = [_state(one, refused.get(one.lesson_id)) for one in lessons.values()]
        # A lesson of the folder that was never taken has no former one.
        states += [
            wire.LessonState(
                lesson_id=one,
                course=course_of(one),
                place=0,
                titles={},
                version=0,
                missing=[],
                source="folder",
                problems=unpacked(text),
            )
            for one, text in refused.items()
            if one not in lessons
        ]
        return wire.LessonStates(lessons=states)

    async def written(self, caller: Caller, lesson_id: LessonId) -> wire.WrittenLesson:
        """Return a lesson as it was written. Raises NotAllowed, NotFound."""
        async with self._database.reading() as connection:
            await self._require(connection, caller)
            lessons = await self._catalogue.lessons(connection)
        lesson = lessons.get(lesson_id)
        if lesson is None:
            raise errors.NotFound
        texts, images = lesson.written.texts, lesson.written.images
        return wire.WrittenLesson(
            texts=wire.LessonTexts(**{one: texts.get(one, "") for one in wire.LANGUAGES}),
            pictures=[
                wire.LessonFile(name=name, digest=_hash(data), media_type=kind, data=data)
                for name, data in sorted(images.items())
                if (kind := picture_type(data)) is not None
            ],
        )

    async def keep_picture(
        self, caller: Caller, body: wire.SubmitLessonPicture
    ) -> wire.LessonPictureKept:
        """Keep a picture for a day, so that previews and the act can name it. Raises NotAllowed,
        LessonPictureInvalid."""
        async with self._database.transaction() as connection:
            held = await self._audiences.rights_of(connection, caller.person_id)
            held.require("train", [WHOLE])
            if picture_type(body.data) is None:
                raise errors.LessonPictureInvalid(limit=LESSON_PICTURE_BYTES)
            digest, now_ms = _hash(body.data), self._clock.now_ms()
            await store.keep_upload(connection, digest, body.data, now_ms, now_ms - rules.DAY_MS)
        return wire.LessonPictureKept(digest=digest)

    async def preview(self, caller: Caller, body: wire.PreviewLesson) -> wire.LessonPreview:
        """Return what the app would show of a text, and its problems. Raises NotAllowed."""
        async with self._database.reading() as connection:
            await self._require(connection, caller)
            lessons = await self._catalogue.lessons(connection)
            lesson_id = LessonId(body.lesson_id)
            images = await _images(connection, lessons.get(lesson_id), body.pictures)
        # Beside the event loop: a long text takes a while.
        text, problems = await asyncio.to_thread(read_text, body.text, body.language, images)
        return wire.LessonPreview(
            lesson=None if text is None else rules.page_of(lesson_id, text, text.version),
            problems=[problem_of(one) for one in problems],
        )

    async def _require(self, connection: AsyncConnection, caller: Caller) -> None:
        held = await self._audiences.rights_of(connection, caller.person_id)
        if not held.has("train"):
            raise errors.NotAllowed(right="train", path=WHOLE)


class Publisher:
    """Puts lessons in force by an admin's act."""

    def __init__(self, clock: Clock, audit: Audit) -> None:
        """Read the built-in lessons. Raises ValueError for a broken one."""
        self._clock = clock
        self._audit = audit
        self.catalogue = Catalogue()

    async def publish(
        self, connection: Transaction, by: Principal, act: wire.PublishLesson
    ) -> None:
        """Put a lesson in force over the folder's and the built-in one; without a text in any
        language, take the console's away again. Raises ActInvalid for a lesson with a serious
        problem, an unknown picture or an older version than the one in force, NotFound."""
        lesson_id = LessonId(act.lesson_id)
        former = (await self.catalogue.lessons(connection)).get(lesson_id)
        texts = _texts(act.texts)
        if not texts:
            if former is None or former.source != SOURCE:
                raise errors.NotFound
            if act.pictures:
                raise errors.ActInvalid(reason="pictures without a text")
            await store.drop_lesson(connection, (lesson_id, SOURCE))
            await self._audit.record(connection, by, LessonPublished(lesson_id, 0, [], []))
            return
        images = await _images(connection, former, act.pictures)
        if unknown := [one.name for one in act.pictures if one.name not in images]:
            raise errors.ActInvalid(reason=f"the picture {unknown[0]} is kept no more")
        if len(images) < len(act.pictures):
            raise errors.ActInvalid(reason="two pictures have the same name")
        written = Written(lesson_id, act.place, texts, images)
        lesson, problems = read_lesson(written, SOURCE)
        if lesson is None:
            worst = next(one for one in problems if one.serious)
            place = f"{worst.language}, line {worst.line}" if worst.line else worst.language
            raise errors.ActInvalid(reason=f"{place}: {worst.detail}")
        if former is not None and lesson.version < former.version:
            reason = f"version {lesson.version} is older than {former.version}, which is in force"
            raise errors.ActInvalid(reason=reason)
        digest = digest_of(written)
        await store.keep_lesson(connection, written, SOURCE, digest, self._clock.now_ms())
        done = LessonPublished(lesson_id, lesson.version, sorted(texts), act.pictures)
        await self._audit.record(connection, by, done)


async def _images(
    connection: AsyncConnection, former: Lesson | None, pictures: Sequence[wire.LessonPicture]
) -> dict[str, bytes]:
    """Return pictures by name: those of the lesson in force, and the kept ones. Others are
    left out."""
    images = {} if former is None else former.written.images
    found = {_hash(data): data for data in images.values()}
    if wanted := {one.digest for one in pictures} - found.keys():
        found |= await store.uploads(connection, wanted)
    return {one.name: found[one.digest] for one in pictures if one.digest in found}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _texts(texts: wire.LessonTexts) -> Mapping[wire.Language, str]:
    given = {language: str(getattr(texts, language)) for language in wire.LANGUAGES}
    return {language: text for language, text in given.items() if text.strip()}


def _state(lesson: Lesson, refused: str | None) -> wire.LessonState:
    problems = [problem_of(one) for one in lesson.problems]
    return wire.LessonState(
        lesson_id=lesson.lesson_id,
        course=lesson.course,
        place=lesson.place,
        titles={language: text.title for language, text in lesson.texts.items()},
        version=lesson.version,
        missing=[one for one in wire.LANGUAGES if one not in lesson.texts],
        source=lesson.source,
        problems=problems if refused is None else unpacked(refused),
    )
