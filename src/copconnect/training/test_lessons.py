"""Texts of lessons: which are read, and which are refused with its line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from copconnect import wire
from copconnect.training import rules
from copconnect.training.lesson_text import read_text
from copconnect.training.lessons_of import COURSES, built_in

HEAD = "---\ntitle: Orders\nminutes: 3\nversion: 1\n---\n\n"
QUIZ = "```quiz\nquestion: What?\noptions:\n  - text: A\n    right: true\n    why: W\n"
RIGHT = QUIZ + "  - text: B\n    why: W\n```\n"


def test_every_course_is_there_in_every_language_without_a_note() -> None:
    lessons = built_in()
    assert {one.course for one in lessons.values()} == set(COURSES)
    for lesson in lessons.values():
        assert lesson.texts.keys() == set(wire.LANGUAGES)
        assert lesson.problems == ()
        shapes = {
            tuple(tuple(type(one) for one in screen) for screen in text.screens)
            for text in lesson.texts.values()
        }
        assert len(shapes) == 1, lesson.lesson_id


def test_a_second_try_of_a_built_in_lesson_has_other_questions() -> None:
    for lesson in built_in().values():
        questions = len(lesson.text("en").quizzes)
        assert 2 * rules.asked(questions) <= questions, lesson.lesson_id


def a_quiz(options: int = 2) -> wire.Quiz:
    made = [wire.QuizOption(text=str(n), right=n == 1, why="w") for n in range(options)]
    return wire.Quiz(question="?", options=made)


@pytest.mark.parametrize(
    ("questions", "options", "passes"),
    [
        (0, [], True),
        (1, [1], True),
        (1, [0], False),
        (4, [1, 1], True),
        (4, [1, 0], False),
        (4, [1, 1, 1], False),
        (10, [1, 1, 1, 1, 0], True),
        (10, [1, 1, 1, 0, 0], False),
    ],
)
def test_a_try_passes_with_four_fifths_of_half_the_questions(
    questions: int, options: list[int], passes: bool
) -> None:
    answers = [wire.QuizAnswer(question=n, option=one) for n, one in enumerate(options)]
    assert rules.passes([a_quiz() for _ in range(questions)], answers) == passes


def test_no_reason_begins_with_the_word_that_the_screen_puts_before_it() -> None:
    for lesson in built_in().values():
        for text in lesson.texts.values():
            for option in [option for quiz in text.quizzes for option in quiz.options]:
                first = re.split(r"[.।۔,:]", option.why)[0]
                assert first not in {"Right", "No", "సరైనది", "కాదు", "درست", "نہیں", "सही", "नहीं"}


def test_a_text_becomes_screens_of_blocks() -> None:
    body = "## One **two**\n\n- a\n- *b*\n\n---\n\nLast\nline.\n\n" + RIGHT
    text, problems = read_text(HEAD + body, "en", {})
    assert problems == []
    assert text is not None
    heading, listed = text.screens[0]
    assert isinstance(heading, wire.Heading)
    assert [(one.text, one.bold) for one in heading.line] == [("One ", False), ("two", True)]
    assert isinstance(listed, wire.ListBlock)
    assert listed.items[1] == [wire.LessonSpan(text="b", italic=True)]
    (last,) = text.screens[1]
    assert last == wire.Paragraph(line=[wire.LessonSpan(text="Last line.")])
    (quiz,) = text.screens[2]
    assert isinstance(quiz, wire.Quiz)
    assert [one.right for one in quiz.options] == [True, False]


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        ("", 1, "front_matter"),
        ("---\ntitle: x\n", 1, "front_matter"),
        ("---\ntitle: a: b\n---\n\nText\n", 2, "yaml"),
        ("---\n" + "[" * 9_000 + "\n---\nText\n", 2, "yaml"),
        (HEAD + "```quiz\nquestion: " + "- " * 3_000 + "\n```\n", 8, "yaml"),
        (HEAD + "```quiz\nquestion: " + "x" * 9_000 + "\n```\n", 8, "yaml"),
        (HEAD.replace("3", "2020-13-45") + "Text\n", 1, "front_matter"),
        (HEAD, 0, "empty"),
        (HEAD + "# Large\n", 7, "unsupported"),
        (HEAD + "Text\n---\n", 8, "unsupported"),
        (HEAD + "See [this](https://example.org).\n", 7, "unsupported"),
        (HEAD + "A <b>bold</b> word\n\n> said\n", 9, "unsupported"),
        (HEAD + "![post](post.png)\n", 7, "image"),
        (HEAD + QUIZ + "```\n", 7, "quiz"),
        (HEAD + RIGHT.replace("    right: true\n", ""), 7, "quiz"),
        (HEAD + RIGHT.replace("text: B\n", "text: B\n    right: true\n"), 13, "quiz"),
        (HEAD + RIGHT.replace("    why: W\n", "", 1), 10, "quiz"),
        (HEAD + RIGHT.replace("why: W", "why: No: it is", 1), 12, "yaml"),
        (HEAD + RIGHT.replace("text: B", "text: A"), 7, "quiz"),
        (HEAD + "x" * 25_000, 0, "too_large"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text: str, line: int, code: str) -> None:
    read, problems = read_text(text, "te", {})
    assert read is None
    assert (problems[0].line, problems[0].code) == (line, code)


@given(some.text(max_size=400))
def test_nothing_but_problems_comes_of_any_text(body: str) -> None:
    for text in (body, HEAD + body, HEAD + "```quiz\n" + body + "\n```\n", f"---\n{body}\n---\nx"):
        read, problems = read_text(text, "en", {"post.png": body.encode()})
        assert (read is None) == any(one.serious for one in problems)
