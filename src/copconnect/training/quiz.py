"""One question of a lesson, from the YAML of its fenced block. Pure.

YAML is only composed into nodes, never constructed into objects: every value is text with a line.
"""

from collections.abc import Mapping

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from copconnect import wire

FEWEST, MOST = 2, 6
MAX_TEXT = 400
MAX_BLOCK = 8_000
MAX_DEPTH = 4


class Wrong(Exception):
    """A text that is wrong at a line (from 1; 0: anywhere). ``code``: docs/trainer-guide.md."""

    def __init__(self, line: int, code: str, detail: str) -> None:
        super().__init__(line, code, detail)
        self.line = line
        self.code = code
        self.detail = detail


def fields_of(text: str, first: int) -> Mapping[str, Node]:
    """Return the values of a mapping in YAML by name. ``first``: the line that it begins at. Raises
    Wrong."""
    if len(text) > MAX_BLOCK:
        raise Wrong(first, "yaml", f"it is longer than {MAX_BLOCK} characters")
    try:
        _require_shallow(text, first)
        node = yaml.compose(text, yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = first + (mark.line if mark is not None else 0)
        said = str(getattr(error, "problem", None) or error)[:200]
        raise Wrong(line, "yaml", said) from error
    return _mapping(node, first, "expected lines such as `name: value`")


def _require_shallow(text: str, first: int) -> None:
    """Raise Wrong for nesting that no lesson has: composing takes a time that grows with its
    square."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        if isinstance(event, CollectionStartEvent):
            depth += 1
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or isinstance(event, AliasEvent):
            raise Wrong(first + event.start_mark.line, "yaml", "it is nested too deeply")


def text_of(node: Node | None) -> str | None:
    """Return the text of a scalar; None for anything else."""
    return " ".join(str(node.value).split()) if isinstance(node, ScalarNode) else None


def read_quiz(content: str, fence: int) -> wire.Quiz:
    """Return the question of a block whose fence is at a line. Raises Wrong."""
    first = fence + 1
    found = fields_of(content, first)
    extra = sorted(found.keys() - {"question", "options"})
    if extra:
        raise Wrong(fence, "quiz", f"`{extra[0]}` means nothing in a quiz")
    question = _text(found, "question", fence)
    options = found.get("options")
    if not isinstance(options, SequenceNode) or not FEWEST <= len(options.value) <= MOST:
        raise Wrong(fence, "quiz", f"a question has {FEWEST} to {MOST} options")
    lines = [first + one.start_mark.line for one in options.value]
    read = [_option(one, line) for one, line in zip(options.value, lines, strict=True)]
    right = [n for n, one in enumerate(read) if one.right]
    if len(right) != 1:
        at = lines[right[1]] if right else fence
        raise Wrong(at, "quiz", f"{len(right)} options are right; exactly one must be")
    if len({one.text for one in read}) != len(read):
        raise Wrong(fence, "quiz", "two options are the same")
    return wire.Quiz(question=question, options=read)


def _option(node: Node, line: int) -> wire.QuizOption:
    expected = "an option has `text:`, `why:` and, if it is right, `right: true`"
    option = _mapping(node, line, expected)
    if option.keys() - {"text", "right", "why"}:
        raise Wrong(line, "quiz", expected)
    right = text_of(option.get("right")) or "false"
    if right not in ("true", "false"):
        raise Wrong(line, "quiz", "`right` is true or false")
    return wire.QuizOption(
        text=_text(option, "text", line), right=right == "true", why=_text(option, "why", line)
    )


def _mapping(node: Node | None, line: int, expected: str) -> Mapping[str, Node]:
    if not isinstance(node, MappingNode):
        raise Wrong(line, "quiz" if expected.startswith("an option") else "yaml", expected)
    found: dict[str, Node] = {}
    for key, value in node.value:
        name = text_of(key)
        if name is None or name in found:
            raise Wrong(line, "yaml", f"`{name}` is there twice" if name else expected)
        found[name] = value
    return found


def _text(fields: Mapping[str, Node], name: str, line: int) -> str:
    value = text_of(fields.get(name))
    if value is not None and 0 < len(value) <= MAX_TEXT:
        return value
    shown = "is missing" if not value else f"takes text of 1 to {MAX_TEXT} characters"
    raise Wrong(line, "quiz", f"`{name}` {shown}")
