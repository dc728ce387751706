"""The lessons in force: the console's stand over the folder's, those over the built-in ones.

The database has what the folder and the console gave, so that every node serves the same lessons
and a text that breaks in the folder leaves the former one in force, also across a restart. This
node keeps what it has read; each use compares digests, in one statement.
"""

import hashlib
from collections.abc import Mapping

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import wire
from copconnect.ids import LessonId
from copconnect.training import store
from copconnect.training.lesson_text import TextProblem
from copconnect.training.lessons_of import COURSES, Lesson, Written, built_in, read_lesson

log = structlog.get_logger()
_OVER = ("folder", "console")  # The later one wins.


def digest_of(written: Written) -> str:
    """Return a hash of everything that is stored of a lesson."""
    parts: dict[str, bytes] = {f"text {name}": one.encode() for name, one in written.texts.items()}
    parts |= {f"image {name}": data for name, data in written.images.items()}
    found = hashlib.sha256(f"{written.lesson_id} {written.place}".encode())
    for name in sorted(parts):
        found.update(f"\n{name} {len(parts[name])}\n".encode() + parts[name])
    return found.hexdigest()


class Catalogue:
    """Lessons in force. Safe for concurrent use by tasks of one event loop."""

    def __init__(self) -> None:
        """Read the built-in lessons. Raises ValueError for a broken one."""
        self.built_in = built_in()
        self._digests: dict[store.LessonLanguage, str] = {}
        self._read: dict[store.LessonLanguage, Lesson] = {}

    async def lessons(self, connection: AsyncConnection) -> Mapping[LessonId, Lesson]:
        """Return the lessons in force by id, in the order of courses and places."""
        digests = await store.lesson_digests(connection)
        if digests != self._digests:
            for key in digests.keys() - {
                one for one, digest in self._digests.items() if digests.get(one) == digest
            }:
                await self._load(connection, key)
            self._read = {key: one for key, one in self._read.items() if key in digests}
            self._digests = digests
        found = dict(self.built_in)
        for source in _OVER:
            found |= {key[0]: one for key, one in self._read.items() if key[1] == source}
        places = {one.lesson_id: (COURSES.index(one.course), one.place) for one in found.values()}
        return {one: found[one] for one in sorted(found, key=lambda each: (*places[each], each))}

    async def _load(self, connection: AsyncConnection, key: store.LessonLanguage) -> None:
        self._read.pop(key, None)
        written = await store.load_lesson(connection, key)
        if written is None:
            return
        source: wire.LessonSource = "console" if key[1] == "console" else "folder"
        lesson, problems = read_lesson(written, source)
        if lesson is None:
            # Another version of the program took it.
            log.warning("lesson_not_read", lesson=key[0], source=source, problems=len(problems))
            return
        self._read[key] = lesson


def problem_of(one: TextProblem) -> wire.LessonProblem:
    """Return a problem as it crosses the wire."""
    return wire.LessonProblem(
        language=one.language, line=one.line, code=one.code, detail=one.detail, serious=one.serious
    )


_PROBLEMS = msgspec.json.Decoder(list[wire.LessonProblem])


def packed(problems: tuple[TextProblem, ...]) -> str:
    """Return problems as the database has them."""
    return msgspec.json.encode([problem_of(one) for one in problems]).decode()


def unpacked(text: str) -> list[wire.LessonProblem]:
    """Return what :func:`packed` wrote."""
    return _PROBLEMS.decode(text)
