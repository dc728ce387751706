"""One question of a lesson, from the YAML of its fenced block. Pure."""

from typing import Any

import yaml

from copconnect import wire

FEWEST, MOST = 2, 6
MAX_TEXT = 400


class Wrong(Exception):
    """A text that is wrong at a line (from 1; 0: anywhere)."""

    def __init__(self, line: int, code: str, detail: str) -> None:
        super().__init__(line, code, detail)
        self.line = line
        self.code = code
        self.detail = detail


def yaml_line(error: yaml.YAMLError, first: int) -> int:
    """Return the line of an error in YAML whose first line is line ``first`` of the text."""
    mark = getattr(error, "problem_mark", None)
    return first + (mark.line if mark is not None else 0)


def read_quiz(content: str, fence: int) -> wire.Quiz:
    """Return the question of a block whose fence is at a line. Raises Wrong."""
    try:
        node = yaml.compose(content, yaml.SafeLoader)
        found = yaml.safe_load(content)
    except yaml.YAMLError as error:
        said = str(getattr(error, "problem", None) or error)[:200]
        raise Wrong(yaml_line(error, fence + 1), "yaml", said) from error
    if not isinstance(found, dict):
        raise Wrong(fence, "quiz", "expected `question:` and `options:`")
    extra = sorted(str(one) for one in found.keys() - {"question", "options"})
    if extra:
        raise Wrong(fence, "quiz", f"`{extra[0]}` means nothing in a quiz")
    question = _text(found.get("question"), "question", fence)
    options = found.get("options")
    if not isinstance(options, list) or not FEWEST <= len(options) <= MOST:
        raise Wrong(fence, "quiz", f"a question has {FEWEST} to {MOST} options")
    lines = _option_lines(node, fence)
    read = [_option(one, lines[n]) for n, one in enumerate(options)]
    right = [n for n, one in enumerate(read) if one.right]
    if len(right) != 1:
        at = lines[right[1]] if right else fence
        raise Wrong(at, "quiz", f"{len(right)} options are right; exactly one must be")
    if len({one.text for one in read}) != len(read):
        raise Wrong(fence, "quiz", "two options are the same")
    return wire.Quiz(question=question, options=read)


def _option(option: Any, line: int) -> wire.QuizOption:
    if not isinstance(option, dict) or option.keys() - {"text", "right", "why"}:
        raise Wrong(line, "quiz", "an option has `text:`, `why:` and, if it is right, `right: true`")
    right = option.get("right", False)
    if not isinstance(right, bool):
        raise Wrong(line, "quiz", "`right` is true or false")
    return wire.QuizOption(
        text=_text(option.get("text"), "text", line),
        right=right,
        why=_text(option.get("why"), "why", line),
    )


def _text(value: Any, name: str, line: int) -> str:
    if isinstance(value, str) and 0 < len(value.strip()) <= MAX_TEXT:
        return " ".join(value.split())
    shown = "is missing" if value is None else f"takes text of 1 to {MAX_TEXT} characters"
    raise Wrong(line, "quiz", f"`{name}` {shown}")


def _option_lines(node: Any, fence: int) -> list[int]:
    """Return the line of each option."""
    for key, value in node.value:
        if key.value == "options":
            return [fence + 1 + one.start_mark.line for one in value.value]
    return []
