"""Lessons that people have done, and the department's versions of the built-in ones: tables,
statements.

Done is a row for each person and lesson, and one for each person and begun course, which says when
it was completed, so that posting and progress never look at single lessons.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect.database.among import among
from copconnect.database.engine import METADATA, upsert_for
from copconnect.database.upserts import add_missing, put
from copconnect.ids import LessonId, PersonId, UnitId
from copconnect.training.lessons_of import Written, course_of

_Person = String(32)
_Lesson = String(80)

DONE = Table(
    "training_done",
    METADATA,
    Column("person_id", _Person, primary_key=True),
    Column("lesson_id", _Lesson, primary_key=True),
    Column("course", String(16), nullable=False),
    Column("version", Integer, nullable=False),  # The newest that the person did.
    Column("done_ms", BigInteger, nullable=False),  # The first time.
)
BEGUN = Table(
    "training_begun",
    METADATA,
    Column("person_id", _Person, primary_key=True),
    Column("course", String(16), primary_key=True),
    Column("completed_ms", BigInteger, nullable=True),  # NULL: not yet.
    # Counting and listing people reads this index and not the table.
    Index("ix_training_begun_by_course", "course", "person_id", "completed_ms"),
)
# People whose app has shown the courses. Reminders count from then on.
TRAINEES = Table(
    "trainees",
    METADATA,
    Column("person_id", _Person, primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
)
LESSONS = Table(
    "lessons",
    METADATA,
    Column("lesson_id", _Lesson, primary_key=True),
    Column("source", String(8), primary_key=True),  # folder or console.
    Column("place", Integer, nullable=False),
    Column("digest", String(64), nullable=False),  # A hash of all that is stored of it.
    Column("changed_ms", BigInteger, nullable=False),
)
LESSON_TEXTS = Table(
    "lesson_texts",
    METADATA,
    Column("lesson_id", _Lesson, primary_key=True),
    Column("source", String(8), primary_key=True),
    Column("language", String(2), primary_key=True),
    Column("text", Text, nullable=False),
)
LESSON_IMAGES = Table(
    "lesson_images",
    METADATA,
    Column("lesson_id", _Lesson, primary_key=True),
    Column("source", String(8), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
# Pictures for lessons that are being written in the console, for a day.
LESSON_UPLOADS = Table(
    "lesson_uploads",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("kept_ms", BigInteger, nullable=False),
    Index(None, "kept_ms"),
)
# The folder's lessons that were refused, and why: one row.
FOLDER_PROBLEMS = Table(
    "lesson_problems",
    METADATA,
    Column("lesson_id", _Lesson, primary_key=True),
    Column("problems", Text, nullable=False),  # JSON of wire.LessonProblem.
)


# --- Done ---------------------------------------------------------------------------------------


async def begin(connection: AsyncConnection, person_id: PersonId, now_ms: int) -> None:
    """Record that a person's app shows the courses, unless it did before; hold the person's row, so
    that two devices of the same person are recorded one after the other."""
    # Whether the row is new or not, the statement holds it.
    row = {"person_id": person_id, "since_ms": now_ms}
    await put(connection, TRAINEES, row, "person_id")


async def since(connection: AsyncConnection, person_id: PersonId) -> int | None:
    """Return when a person's app showed the courses first."""
    found = select(TRAINEES.c.since_ms).where(TRAINEES.c.person_id == person_id)
    value: int | None = await connection.scalar(found)
    return value


async def record(
    connection: AsyncConnection,
    person_id: PersonId,
    done: Mapping[LessonId, int],
    now_ms: int,
) -> None:
    """Record lessons as done, each in a version, and their courses as begun. Lessons that were
    done before keep their time. Two statements."""
    statement = upsert_for(connection.dialect.name, DONE).values(
        [
            {
                "person_id": person_id,
                "lesson_id": lesson_id,
                "course": course_of(lesson_id),
                "version": version,
                "done_ms": now_ms,
            }
            for lesson_id, version in done.items()
        ]
    )
    newer = statement.excluded.version > DONE.c.version
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["person_id", "lesson_id"],
            set_={"version": statement.excluded.version},
            where=newer,
        )
    )
    courses = sorted({course_of(one) for one in done})
    rows = [{"person_id": person_id, "course": one, "completed_ms": None} for one in courses]
    await add_missing(connection, BEGUN, rows)


async def done_by(
    connection: AsyncConnection, person_id: PersonId
) -> dict[LessonId, tuple[int, int]]:
    """Return the version and the time of each lesson that a person has done."""
    found = await connection.execute(
        select(DONE.c.lesson_id, DONE.c.version, DONE.c.done_ms).where(
            DONE.c.person_id == person_id
        )
    )
    return {LessonId(row.lesson_id): (row.version, row.done_ms) for row in found}


async def complete(
    connection: AsyncConnection, person_id: PersonId, courses: Collection[str], now_ms: int
) -> None:
    """Record courses as completed. Lessons that were done before keep their time."""
    rows = [{"person_id": person_id, "course": one, "completed_ms": now_ms} for one in courses]
    await put(connection, BEGUN, rows, "completed_ms", where=BEGUN.c.completed_ms.is_(None))


async def completed_by(connection: AsyncConnection, person_id: PersonId) -> dict[str, int]:
    """Return when a person completed which course."""
    found = await connection.execute(
        select(BEGUN.c.course, BEGUN.c.completed_ms).where(
            BEGUN.c.person_id == person_id, BEGUN.c.completed_ms.is_not(None)
        )
    )
    return {row.course: row.completed_ms for row in found}


async def completed_among(
    connection: AsyncConnection, person_ids: Collection[PersonId], course: str
) -> set[PersonId]:
    """Return those of these people who have completed a course."""
    found = await connection.execute(
        _COMPLETED_AMONG, {"p_course": course, "p_ids": list(person_ids)}
    )
    return {PersonId(row.person_id) for row in found}


def completed(course: str | BindParameter[str]) -> Select[tuple[PersonId]]:
    """Return a statement of everybody who has completed a course."""
    return select(BEGUN.c.person_id).where(
        BEGUN.c.course == course, BEGUN.c.completed_ms.is_not(None)
    )


_COMPLETED_AMONG = completed(bindparam("p_course", type_=String())).where(
    among(BEGUN.c.person_id, "p_ids")
)


def owes(person_id: ColumnElement[Any], course: str) -> ColumnElement[bool]:
    """Return whether a person has not completed a course."""
    return ~completed(course).where(BEGUN.c.person_id == person_id).exists()


async def count_done(
    connection: AsyncConnection, person_ids: Collection[PersonId], course: str
) -> dict[PersonId, int]:
    """Return how many lessons of a course each of these people has done."""
    found = await connection.execute(
        select(DONE.c.person_id, func.count().label("lessons"))
        .where(DONE.c.course == course, among(DONE.c.person_id, person_ids))
        .group_by(DONE.c.person_id)
    )
    return {PersonId(row.person_id): row.lessons for row in found}


async def by_unit(
    connection: AsyncConnection,
    people: Select[Any],
    course: str,
    only: Collection[PersonId] | None,
) -> dict[UnitId, tuple[int, int, int]]:
    """Return for each unit how many people it has itself, how many of them have begun a course and
    how many have completed it. ``people``: a statement of ``person_id`` and ``unit_id``; ``only``:
    of these people alone. One statement, however many people there are."""
    placed, begun = people.subquery(), BEGUN.c
    same = and_(begun.course == course, begun.person_id == placed.c.person_id)
    statement = (
        select(
            placed.c.unit_id,
            func.count().label("people"),
            func.count(begun.person_id).label("begun"),
            func.count(begun.completed_ms).label("done"),
        )
        .select_from(placed)
        .outerjoin(BEGUN, same)
        .group_by(placed.c.unit_id)
    )
    if only is not None:
        statement = statement.where(among(placed.c.person_id, only))
    found = await connection.execute(statement)
    return {row.unit_id: (row.people, row.begun, row.done) for row in found}


# --- Lessons ------------------------------------------------------------------------------------

LessonLanguage = tuple[LessonId, str]


async def lesson_digests(connection: AsyncConnection) -> dict[LessonLanguage, str]:
    """Return the digest of each stored lesson, by id and source."""
    found = await connection.execute(
        select(LESSONS.c.lesson_id, LESSONS.c.source, LESSONS.c.digest)
    )
    return {(LessonId(row.lesson_id), row.source): row.digest for row in found}


async def load_lesson(connection: AsyncConnection, key: LessonLanguage) -> Written | None:
    """Return a stored lesson as it was written. Three statements."""
    lesson_id, source = key
    place = await connection.scalar(
        select(LESSONS.c.place).where(LESSONS.c.lesson_id == lesson_id, LESSONS.c.source == source)
    )
    if place is None:
        return None
    text, image = LESSON_TEXTS.c, LESSON_IMAGES.c
    texts = await connection.execute(
        select(text.language, text.text).where(text.lesson_id == lesson_id, text.source == source)
    )
    images = await connection.execute(
        select(image.name, image.data).where(image.lesson_id == lesson_id, image.source == source)
    )
    return Written(
        lesson_id,
        place,
        {row.language: row.text for row in texts},
        {row.name: row.data for row in images},
    )


async def keep_lesson(
    connection: AsyncConnection, written: Written, source: str, digest: str, now_ms: int
) -> None:
    """Store a lesson in place of the former one of the same source."""
    await drop_lesson(connection, (written.lesson_id, source))
    key = {"lesson_id": written.lesson_id, "source": source}
    await connection.execute(
        insert(LESSONS).values(**key, place=written.place, digest=digest, changed_ms=now_ms)
    )
    texts = [{**key, "language": name, "text": text} for name, text in written.texts.items()]
    images = [{**key, "name": name, "data": data} for name, data in written.images.items()]
    for table, rows in ((LESSON_TEXTS, texts), (LESSON_IMAGES, images)):
        if rows:
            await connection.execute(insert(table), rows)


async def drop_lesson(connection: AsyncConnection, key: LessonLanguage) -> None:
    """Remove a stored lesson."""
    lesson_id, source = key
    for table in (LESSONS, LESSON_TEXTS, LESSON_IMAGES):
        await connection.execute(
            delete(table).where(table.c.lesson_id == lesson_id, table.c.source == source)
        )


async def keep_upload(
    connection: AsyncConnection, digest: str, data: bytes, now_ms: int, since_ms: int
) -> None:
    """Keep a picture, and remove pictures that were kept before ``since_ms``."""
    row = LESSON_UPLOADS.c
    await connection.execute(delete(LESSON_UPLOADS).where(row.kept_ms < since_ms))
    await put(
        connection,
        LESSON_UPLOADS,
        {"digest": digest, "data": data, "kept_ms": now_ms},
        "kept_ms",
    )


async def uploads(connection: AsyncConnection, digests: Collection[str]) -> dict[str, bytes]:
    """Return those of these pictures that are kept, by digest."""
    row = LESSON_UPLOADS.c
    found = await connection.execute(
        select(row.digest, row.data).where(row.digest.in_(list(digests)))
    )
    return {one.digest: one.data for one in found}


async def folder_problems(connection: AsyncConnection) -> dict[LessonId, str]:
    """Return the problems of the folder's lessons, as JSON."""
    found = await connection.execute(select(FOLDER_PROBLEMS))
    return {LessonId(row.lesson_id): row.problems for row in found}


async def keep_folder_problems(
    connection: AsyncConnection, problems: Mapping[LessonId, str]
) -> None:
    """Replace the problems of the folder's lessons."""
    await connection.execute(delete(FOLDER_PROBLEMS).where(literal(True)))
    if problems:
        rows = [{"lesson_id": one, "problems": text} for one, text in problems.items()]
        await connection.execute(insert(FOLDER_PROBLEMS), rows)
