"""Training: courses, lessons in blocks, completions, progress, and the console's lessons.

A lesson crosses the wire as blocks of plain text with marks: never as Markdown or HTML.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from copconnect.ids import LessonId
from copconnect.limits import LESSON_NAME, LESSON_PICTURES, MAX_LESSON_BYTES
from copconnect.wire.base import Language, Wire, snake_case
from copconnect.wire.directory import Person

CourseName = Literal["officer", "head", "admin", "moderator"]
Practice = Literal["message", "group", "order", "guard", "report", "place"]
LessonSource = Literal["built_in", "folder", "console"]
LESSON_ID = Meta(pattern=LESSON_NAME)
_LessonText = Annotated[str, Meta(max_length=MAX_LESSON_BYTES)]


class LessonSpan(Wire, frozen=True, kw_only=True):
    """Text of one kind within a line."""

    text: str
    bold: bool = False
    italic: bool = False


class LessonBlock(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    tag_field="type",
    tag=snake_case,
):
    """Base of every block; the tag is the class name in snake case."""


class Heading(LessonBlock, frozen=True, kw_only=True):
    """``level``: 2 or 3; the lesson's title is the first."""

    level: Literal[2, 3]
    line: list[LessonSpan]


class Paragraph(LessonBlock, frozen=True, kw_only=True):
    line: list[LessonSpan]


class ListBlock(LessonBlock, frozen=True, kw_only=True, tag="list"):
    ordered: bool
    items: list[list[LessonSpan]]


class Image(LessonBlock, frozen=True, kw_only=True):
    """A picture of the lesson's folder, whole."""

    alt: str
    media_type: Literal["image/png", "image/jpeg", "image/webp"]
    data: bytes


class QuizOption(Wire, frozen=True, kw_only=True):
    """``why``: the explanation for a person who chooses it."""

    text: str
    right: bool
    why: str


class Quiz(LessonBlock, frozen=True, kw_only=True):
    """Exactly one option is right."""

    question: str
    options: list[QuizOption]


class LessonPage(Wire, frozen=True, kw_only=True):
    """A lesson. ``language``: of the text, English where the lesson has none in the one that was
    asked for; ``digest``: of all that is here, so that a device knows what it holds; ``screens``:
    one after another, each of blocks; ``asked``: of its questions in a try, ``needed``: how many of
    these must be answered rightly at the first choice."""

    lesson_id: LessonId
    course: CourseName
    title: str
    minutes: int
    version: int
    digest: str
    language: Language
    practice: Practice | None
    screens: list[list[Heading | Paragraph | ListBlock | Image | Quiz]]
    asked: int
    needed: int


class TrainingItem(Wire, frozen=True, kw_only=True):
    """A lesson in a list. ``done_version``: that the caller did last, None: none."""

    lesson_id: LessonId
    title: str
    minutes: int
    version: int
    digest: str
    done_version: int | None
    done_ms: int | None


class TrainingCourse(Wire, frozen=True, kw_only=True):
    """``completed_ms``: when the caller had done every lesson that there was; None: not yet."""

    course: CourseName
    lessons: list[TrainingItem]
    completed_ms: int | None


class Training(Wire, frozen=True, kw_only=True):
    """The caller's courses. ``closed_from``: groups of at least so many members take nothing from
    the caller before the officer course is done; None: all do. ``remind``: a course is overdue, or
    somebody asked for it."""

    courses: list[TrainingCourse]
    closed_from: int | None
    remind: bool


class QuizAnswer(Wire, frozen=True, kw_only=True):
    """The first choice of a person. ``question``: its place among the lesson's questions,
    ``option``: its place among the question's options, both from 0."""

    question: Annotated[int, Meta(ge=0, le=1_000)]
    option: Annotated[int, Meta(ge=0, le=100)]


class LessonDone(Wire, frozen=True, kw_only=True):
    """A try. ``language``: of the text that was asked for; ``answers``: one for each question of
    the try."""

    lesson_id: Annotated[LessonId, LESSON_ID]
    version: Annotated[int, Meta(ge=1)]
    language: Language
    answers: Annotated[list[QuizAnswer], Meta(max_length=1_000)]


class SubmitLessonsDone(Wire, frozen=True, kw_only=True):
    """Idempotent: a lesson that was done stays done. A try that does not pass changes nothing."""

    lessons: Annotated[list[LessonDone], Meta(min_length=1, max_length=100)]


class UnitTraining(Wire, frozen=True, kw_only=True):
    """People at or below a unit: how many, how many have begun a course, how many have done it.
    ``path`` as cards write it."""

    path: str
    people: int
    begun: int
    done: int


class TrainingProgress(Wire, frozen=True, kw_only=True):
    """``own``: people of the unit itself; ``units``: right below it."""

    course: CourseName
    total: UnitTraining
    own: UnitTraining
    units: list[UnitTraining]


class RemindOfTraining(Wire, frozen=True, kw_only=True):
    """``path``: of a unit, as cards write it; "" for the whole department."""

    course: CourseName
    path: Annotated[str, Meta(max_length=1_100)]


class TrainingReminded(Wire, frozen=True, kw_only=True):
    """``people``: who are reminded; ``recent``: who have not done the course either and were
    reminded, or asked for, within a week."""

    people: int
    recent: int


class UntrainedPerson(Wire, frozen=True, kw_only=True):
    """``done``: how many lessons of the course."""

    person: Person
    done: int


class Untrained(Wire, frozen=True, kw_only=True):
    people: list[UntrainedPerson]
    next: str | None


class LessonProblem(Wire, frozen=True, kw_only=True):
    """``line``: from 1, 0 for the whole text; ``code``: docs/trainer-guide.md has them;
    ``serious``: the lesson is not taken before it is mended."""

    language: Language
    line: int
    code: str
    detail: str
    serious: bool


class LessonState(Wire, frozen=True, kw_only=True):
    """A lesson in the console. ``place``: in its course, lowest first."""

    lesson_id: LessonId
    course: CourseName
    place: int
    titles: dict[str, str]
    version: int
    missing: list[Language]
    source: LessonSource
    problems: list[LessonProblem]


class LessonStates(Wire, frozen=True, kw_only=True):
    lessons: list[LessonState]


class LessonTexts(Wire, frozen=True, kw_only=True):
    """Markdown with front matter in each language; "" where there is none."""

    en: _LessonText
    te: _LessonText
    ur: _LessonText
    hi: _LessonText


class LessonPicture(Wire, frozen=True, kw_only=True):
    """A picture that texts show by its name. ``digest``: SHA-256 in hex."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


LessonPictures = Annotated[list[LessonPicture], Meta(max_length=LESSON_PICTURES)]


class LessonFile(LessonPicture, frozen=True, kw_only=True):
    """A picture, whole."""

    media_type: Literal["image/png", "image/jpeg", "image/webp"]
    data: bytes


class WrittenLesson(Wire, frozen=True, kw_only=True):
    """A lesson as it was written. ``pictures``: by name."""

    texts: LessonTexts
    pictures: list[LessonFile]


class SubmitLessonPicture(Wire, frozen=True, kw_only=True):
    """PNG, JPEG or WebP, at most LESSON_PICTURE_BYTES. The same again changes nothing."""

    data: bytes


class LessonPictureKept(Wire, frozen=True, kw_only=True):
    """``digest``: by which previews and `publish_lesson` name the picture, for a day."""

    digest: str


class PreviewLesson(Wire, frozen=True, kw_only=True):
    """``pictures``: that the lesson is to have."""

    lesson_id: Annotated[LessonId, LESSON_ID]
    language: Language
    text: _LessonText
    pictures: LessonPictures


class LessonPreview(Wire, frozen=True, kw_only=True):
    """``lesson``: None where a problem is serious."""

    lesson: LessonPage | None
    problems: list[LessonProblem]
