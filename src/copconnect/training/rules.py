"""Courses, progress, and counts up the tree. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from copconnect import errors, wire
from copconnect.ids import LessonId, UnitId
from copconnect.training.lesson_text import LessonText
from copconnect.training.lessons_of import COURSES, Lesson, course_of

BEFORE_LARGE: wire.CourseName = "officer"
"""The course that opens large groups."""
PASS_PERCENT = 80
"""A try passes if at least this share of its questions is right at the first choice."""
DAY_MS = 86_400_000

DoneLessons = Mapping[LessonId, tuple[int, int]]


def courses(
    lessons: Mapping[LessonId, Lesson],
    mine: Collection[wire.CourseName],
    done: DoneLessons,
    completed: Mapping[str, int],
    language: wire.Language,
) -> list[wire.TrainingCourse]:
    """Return a person's courses with what the person has done of them. A course without lessons is
    left out."""
    found: list[wire.TrainingCourse] = []
    for course in COURSES:
        own = [one for one in lessons.values() if one.course == course]
        if course not in mine or not own:
            continue
        items = [_item(one, done.get(one.lesson_id), language) for one in own]
        found.append(
            wire.TrainingCourse(course=course, lessons=items, completed_ms=completed.get(course))
        )
    return found


def _item(
    lesson: Lesson, done: tuple[int, int] | None, language: wire.Language
) -> wire.TrainingItem:
    text = lesson.text(language)
    return wire.TrainingItem(
        lesson_id=lesson.lesson_id,
        title=text.title,
        minutes=text.minutes,
        version=lesson.version,
        digest=text.digest,
        done_version=None if done is None else done[0],
        done_ms=None if done is None else done[1],
    )


def page_of(lesson_id: LessonId, text: LessonText, version: int) -> wire.LessonPage:
    """Return a text as it crosses the wire. ``version``: of the lesson, in whichever language."""
    tried = asked(len(text.quizzes))
    return wire.LessonPage(
        lesson_id=lesson_id,
        course=course_of(lesson_id),
        title=text.title,
        minutes=text.minutes,
        version=version,
        digest=text.digest,
        language=text.language,
        practice=text.practice,
        screens=[list(one) for one in text.screens],
        asked=tried,
        needed=needed(tried),
    )


def completed(lessons: Mapping[LessonId, Lesson], done: Collection[LessonId]) -> list[str]:
    """Return the courses all of whose lessons are done. One that was completed before stays so,
    whatever is added to it: nobody loses a large group in the middle of duty."""
    return [
        course
        for course in COURSES
        if (own := [one.lesson_id for one in lessons.values() if one.course == course])
        and all(one in done for one in own)
    ]


def asked(questions: int) -> int:
    """Return how many of a lesson's questions a try asks: half of them, so that the next try has
    others, and at least two where there are two."""
    return max(min(questions, 2), (questions + 1) // 2)


def needed(answers: int) -> int:
    """Return how many of so many answers must be right."""
    return -(-answers * PASS_PERCENT // 100)


def passes(quizzes: Sequence[wire.Quiz], answers: Sequence[wire.QuizAnswer]) -> bool:
    """Return whether these first choices answer as many different questions as a try asks, and
    enough of them rightly."""
    chosen = {one.question: one.option for one in answers}
    if len(chosen) != len(answers) or len(answers) != asked(len(quizzes)):
        return False
    right = sum(
        question < len(quizzes)
        and option < len(options := quizzes[question].options)
        and options[option].right
        for question, option in chosen.items()
    )
    return right >= needed(len(answers))


def overdue(since_ms: int | None, now_ms: int, days: int) -> bool:
    """Return whether somebody who has not completed a course is to be reminded. ``days``: 0 for
    never."""
    return days > 0 and since_ms is not None and now_ms - since_ms >= days * DAY_MS


# --- Progress -------------------------------------------------------------------------------------

Counts = tuple[int, int, int]  # People, begun, done.


def tree(
    counts: Mapping[UnitId, Counts], paths: Mapping[UnitId, str], within: Collection[str], at: str
) -> tuple[wire.UnitTraining, wire.UnitTraining, list[wire.UnitTraining]]:
    """Return the counts at or below a unit path, those of the unit itself, and those of each unit
    right below. ``within``: the paths that the reader may see, "" for all; ``at``: one of them, a
    unit below one, or above them: then the nearest units that the reader may see stand below."""
    depth = len(at.split("/")) if at else 0
    total, own = [0, 0, 0], [0, 0, 0]
    below: dict[str, list[int]] = {}
    for unit_id, path in paths.items():
        if not at_or_below(path, [at]) or not at_or_below(path, within):
            continue
        found = counts.get(unit_id, (0, 0, 0))
        _add(total, found)
        if path == at:
            _add(own, found)
            continue
        child = "/".join(path.split("/")[: depth + 1])
        _add(below.setdefault(child, [0, 0, 0]), found)
    units = [_unit(path, one) for path, one in below.items() if one[0]]
    return _unit(at, total), _unit(at, own), sorted(units, key=lambda one: one.path)


def narrowed(within: Sequence[str], path: str) -> list[str]:
    """Return the part of ``within``, over which a trainer trains, that is at or below a path.
    Raises NotAllowed for none."""
    if any(not one or one == path or path.startswith(f"{one}/") for one in within):
        return [path]
    below = [one for one in within if not path or one.startswith(f"{path}/")]
    if not below:
        raise errors.NotAllowed(right="train", path=path)
    return below


def at_or_below(path: str, tops: Iterable[str]) -> bool:
    """Return whether a unit path is one of these or below one, "" for the whole department."""
    return any(not top or path == top or path.startswith(f"{top}/") for top in tops)


def _add(total: list[int], counts: Iterable[int]) -> None:
    for n, count in enumerate(counts):
        total[n] += count


def _unit(path: str, counts: list[int]) -> wire.UnitTraining:
    people, begun, done = counts
    return wire.UnitTraining(path=path, people=people, begun=begun, done=done)
