"""Whole lessons of several texts, and folders of lessons. Reading files is all the I/O here.

A folder of lessons has a folder for each course and in it one for each lesson, ``<NN>-<name>``: the
number gives the order, the name with the course the id, so that a lesson keeps its id when others
are put before it. A lesson's folder has ``en.md``, ``te.md``, ``ur.md``, ``hi.md`` and pictures.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import get_args

from copconnect import wire
from copconnect.ids import LessonId
from copconnect.limits import LESSON_PICTURES
from copconnect.training.lesson_text import LessonText, TextProblem, read_text

COURSES: tuple[wire.CourseName, ...] = get_args(wire.CourseName)
_FOLDER = re.compile(r"^(\d{1,4})-([a-z0-9]+(?:-[a-z0-9]+)*)$")
_IMAGES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True, slots=True)
class Written:
    """A lesson as it was written: texts by language and pictures by name. ``place``: its order."""

    lesson_id: LessonId
    place: int
    texts: Mapping[wire.Language, str]
    images: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson that was read whole. ``version``: the highest of its texts'."""

    lesson_id: LessonId
    place: int
    texts: Mapping[wire.Language, LessonText]
    version: int
    source: wire.LessonSource
    problems: tuple[TextProblem, ...]
    written: Written

    @property
    def course(self) -> wire.CourseName:
        """The course that it belongs to."""
        return course_of(self.lesson_id)

    def text(self, language: wire.Language) -> LessonText:
        """Return the text in a language, in English where there is none."""
        return self.texts.get(language) or self.texts["en"]


def course_of(lesson_id: LessonId) -> wire.CourseName:
    """Return the course that a lesson's id names."""
    name = lesson_id.split(".", 1)[0]
    return next(one for one in COURSES if one == name)


def read_lesson(
    written: Written, source: wire.LessonSource
) -> tuple[Lesson | None, tuple[TextProblem, ...]]:
    """Return a lesson with its problems; None where one of them is serious, in whichever language:
    a lesson is taken whole or not at all."""
    texts: dict[wire.Language, LessonText] = {}
    problems: list[TextProblem] = []
    for language in wire.LANGUAGES:
        if language not in written.texts:
            # English replaces a missing language, so it must be there.
            problems.append(
                TextProblem(language, 0, "missing", "there is no text", serious=language == "en")
            )
            continue
        read, found = read_text(written.texts[language], language, written.images)
        problems += found
        if read is not None:
            texts[language] = read
    if any(one.serious for one in problems):
        return None, tuple(problems)
    version = max(one.version for one in texts.values())
    problems += _behind(texts, version)
    noted = tuple(problems)
    lesson = Lesson(written.lesson_id, written.place, texts, version, source, noted, written)
    return lesson, noted


def _behind(texts: Mapping[wire.Language, LessonText], version: int) -> Iterator[TextProblem]:
    quizzes = len(texts["en"].quizzes)
    for language, text in texts.items():
        if text.version < version:
            detail = f"it is of version {text.version}, another language of {version}"
            yield TextProblem(language, 1, "behind", detail, serious=False)
        if len(text.quizzes) != quizzes:
            detail = f"it has {len(text.quizzes)} questions, the English text {quizzes}"
            yield TextProblem(language, 0, "differs", detail, serious=False)
        if text.practice != texts["en"].practice:
            yield TextProblem(language, 1, "differs", "it has another practice", serious=False)


@dataclass(frozen=True, slots=True)
class Stray:
    """A file or folder that is no lesson's. ``path``: below the folder of lessons."""

    path: str
    detail: str


def read_folder(folder: Path) -> tuple[list[Written], list[Stray]]:
    """Return the lessons of a folder, in order, and what else lies there. Raises OSError."""
    lessons: dict[LessonId, Written] = {}
    stray: list[Stray] = []
    for course in sorted(folder.iterdir()):
        if course.name.startswith(".") or course.is_file():
            continue
        if course.name not in COURSES:
            stray.append(Stray(course.name, f"a course is one of {', '.join(COURSES)}"))
            continue
        for place in sorted(course.iterdir()):
            if place.name.startswith("."):
                continue
            named = _FOLDER.match(place.name)
            path = f"{course.name}/{place.name}"
            if named is None or not place.is_dir():
                stray.append(Stray(path, "a lesson is a folder such as 01-first-message"))
                continue
            lesson_id = LessonId(f"{course.name}.{named[2]}")
            if lesson_id in lessons:
                stray.append(Stray(path, "another folder of this course has the same name"))
                continue
            lessons[lesson_id], more = _read_lesson_folder(place, path, lesson_id, int(named[1]))
            stray += more
    return list(lessons.values()), stray


def _read_lesson_folder(
    folder: Path, path: str, lesson_id: LessonId, place: int
) -> tuple[Written, list[Stray]]:
    texts: dict[wire.Language, str] = {}
    images: dict[str, bytes] = {}
    stray: list[Stray] = []
    for file in sorted(folder.iterdir()):
        language = next((one for one in wire.LANGUAGES if file.name == f"{one}.md"), None)
        if language is not None:
            # Bytes that are no UTF-8 are seen in the text; they are no error of the folder.
            texts[language] = file.read_bytes().decode("utf-8", "replace")
        elif file.suffix.lower() in _IMAGES and len(images) < LESSON_PICTURES:
            images[file.name] = file.read_bytes()
        elif not file.name.startswith("."):
            stray.append(Stray(f"{path}/{file.name}", "neither a text such as te.md nor a picture"))
    return Written(lesson_id, place, texts, images), stray


@cache
def built_in() -> Mapping[LessonId, Lesson]:
    """Return the lessons that come with this version, read once in a process. Raises ValueError for
    a broken one."""
    with as_file(files("copconnect.training") / "lessons") as folder:
        written, stray = read_folder(folder)
    if stray:
        raise ValueError(f"{stray[0].path}: {stray[0].detail}")
    found: dict[LessonId, Lesson] = {}
    for one in written:
        lesson, problems = read_lesson(one, "built_in")
        if lesson is None:
            worst = next(each for each in problems if each.serious)
            raise ValueError(f"{one.lesson_id} {worst.language}:{worst.line} {worst.detail}")
        found[one.lesson_id] = lesson
    return found
