"""A lesson's text in one language, from Markdown with front matter into blocks. Pure.

A text begins with YAML between lines of ``---``: ``title``, ``minutes``, ``version`` and, where the
lesson lets one try something, ``practice``. The body is a part of CommonMark: headings of level 2
and 3, paragraphs, lists, emphasis, pictures of the lesson's folder. A line of ``---`` begins
another screen, and a fenced block ``quiz`` holds one question in YAML (docs/trainer-guide.md).
Everything else is a problem with its line, never left out in silence.

The text is a trainer's, so it is judged like any bytes from outside: bounded in size, no HTML, no
links, and nothing but :class:`TextProblem` comes of a wrong one.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from markdown_it import MarkdownIt
from markdown_it.token import Token
from yaml.nodes import Node

from copconnect import wire
from copconnect.limits import LESSON_PICTURE_BYTES, MAX_LESSON_BYTES
from copconnect.training.quiz import Wrong, fields_of, read_quiz, text_of

MAX_SCREENS = 16
MAX_BLOCKS = 20
MAX_TITLE = 120
PRACTICES: tuple[wire.Practice, ...] = get_args(wire.Practice)
_FENCE = "---"
PictureType = Literal["image/png", "image/jpeg", "image/webp"]
ScreenBlock = wire.Heading | wire.Paragraph | wire.ListBlock | wire.Image | wire.Quiz
_MARKDOWN = MarkdownIt("commonmark", {"html": False})


@dataclass(frozen=True, slots=True)
class TextProblem:
    """A fault of one text. ``line``: from 1, 0 for the whole text; ``serious``: it keeps the lesson
    from being taken."""

    language: wire.Language
    line: int
    code: str
    detail: str
    serious: bool = True


@dataclass(frozen=True, slots=True)
class LessonText:
    """A text that was read whole. ``digest``: of the text and its pictures."""

    language: wire.Language
    title: str
    minutes: int
    version: int
    practice: wire.Practice | None
    screens: tuple[tuple[ScreenBlock, ...], ...]
    digest: str

    @property
    def quizzes(self) -> list[wire.Quiz]:
        """Its questions, in their order."""
        return [one for screen in self.screens for one in screen if isinstance(one, wire.Quiz)]


def read_text(
    text: str, language: wire.Language, images: Mapping[str, bytes]
) -> tuple[LessonText | None, list[TextProblem]]:
    """Return a text in blocks and its problems; None where one is serious. ``images``: the files of
    the lesson's folder by name."""
    reader = _LessonParser(language, images)
    try:
        found = reader.read(text)
    except Wrong as wrong:
        reader.problem(wrong.line, wrong.code, wrong.detail)
        found = None
    serious = any(one.serious for one in reader.problems)
    return None if serious else found, reader.problems


def picture_type(data: bytes) -> PictureType | None:
    """Return what a picture is, by its first bytes; None for anything that a lesson may not show,
    and for more than LESSON_PICTURE_BYTES."""
    if len(data) > LESSON_PICTURE_BYTES:
        return None
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/webp" if (data[:4], data[8:12]) == (b"RIFF", b"WEBP") else None


class _LessonParser:
    def __init__(self, language: wire.Language, images: Mapping[str, bytes]) -> None:
        self.problems: list[TextProblem] = []
        self._language = language
        self._images = images
        self._used: dict[str, bytes] = {}

    def problem(self, line: int, code: str, detail: str, *, serious: bool = True) -> None:
        self.problems.append(TextProblem(self._language, line, code, detail, serious))

    def read(self, text: str) -> LessonText:
        """Read; raises Wrong where nothing more can be said."""
        if len(text.encode()) > MAX_LESSON_BYTES:
            raise Wrong(0, "too_large", f"more than {MAX_LESSON_BYTES} bytes")
        lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
        front, below = _front_matter(lines)
        screens = self._screens("\n".join(lines[below:]), below)
        if not screens and not self.problems:
            raise Wrong(0, "empty", "there is no text below the front matter")
        digest = hashlib.sha256(text.encode())
        for name in sorted(self._used):
            digest.update(hashlib.sha256(self._used[name]).digest())
        lesson = LessonText(
            language=self._language,
            title=self._title(front),
            minutes=self._number(front, "minutes", 60),
            version=self._number(front, "version", 1_000_000),
            practice=self._practice(front),
            screens=tuple(tuple(one) for one in screens),
            digest=digest.hexdigest()[:16],
        )
        for name in sorted(front.keys() - {"title", "minutes", "version", "practice"}):
            self.problem(1, "front_matter", f"`{name}` means nothing here")
        if not lesson.quizzes and not self.problems:
            self.problem(0, "no_quiz", "the lesson asks no question", serious=False)
        return lesson

    def _title(self, front: Mapping[str, Node]) -> str:
        title = text_of(front.get("title"))
        if title is not None and 0 < len(title) <= MAX_TITLE:
            return title
        self.problem(1, "front_matter", f"`title` takes 1 to {MAX_TITLE} characters")
        return ""

    def _number(self, front: Mapping[str, Node], name: str, most: int) -> int:
        value = text_of(front.get(name)) or ""
        if value.isascii() and value.isdigit() and len(value) < 8 and 1 <= int(value) <= most:
            return int(value)
        self.problem(1, "front_matter", f"`{name}` takes a whole number from 1 to {most}")
        return 1

    def _practice(self, front: Mapping[str, Node]) -> wire.Practice | None:
        value = text_of(front.get("practice"))
        found = next((one for one in PRACTICES if one == value), None)
        if "practice" in front and found is None:
            self.problem(1, "front_matter", f"`practice` is one of {', '.join(PRACTICES)}")
        return found

    # --- The body -----------------------------------------------------------------------------

    def _screens(self, body: str, below: int) -> list[list[ScreenBlock]]:
        """Return the screens. ``below``: lines before the body."""
        screens: list[list[ScreenBlock]] = [[]]
        for tokens in _top_level(_MARKDOWN.parse(body)):
            first = tokens[0]
            line = below + 1 + (first.map[0] if first.map else 0)
            if first.type == "hr":
                screens.append([])
                continue
            block = self._block(tokens, line)
            if block is None:
                continue
            if isinstance(block, wire.Quiz):
                screens += [[block], []]  # A question has its own screen.
            else:
                screens[-1].append(block)
        whole = [one for one in screens if one]
        if len(whole) > MAX_SCREENS or any(len(one) > MAX_BLOCKS for one in whole):
            self.problem(0, "too_large", f"at most {MAX_SCREENS} screens of {MAX_BLOCKS} blocks")
        return whole

    def _block(self, tokens: list[Token], line: int) -> ScreenBlock | None:
        first = tokens[0]
        match first.type:
            case "heading_open":
                if first.markup in ("-", "="):
                    self.problem(line + 1, "unsupported", "leave a line empty above ---")
                    return None
                if first.tag not in ("h2", "h3"):
                    self.problem(line, "unsupported", "headings begin with ## or ###")
                    return None
                level: Literal[2, 3] = 2 if first.tag == "h2" else 3
                return wire.Heading(level=level, line=self._line(tokens[1], line))
            case "paragraph_open":
                return self._paragraph(tokens[1], line)
            case "bullet_list_open" | "ordered_list_open":
                return self._list(tokens, line)
            case "fence" if first.info.strip() == "quiz":
                try:
                    return read_quiz(first.content, line)
                except Wrong as wrong:
                    self.problem(wrong.line, wrong.code, wrong.detail)
                    return None
            case _:
                self.problem(line, "unsupported", f"{_NAMES.get(first.type, first.type)}")
                return None

    def _paragraph(self, inline: Token, line: int) -> ScreenBlock | None:
        children = inline.children or []
        if len(children) == 1 and children[0].type == "image":
            return self._image(children[0], line)
        return wire.Paragraph(line=self._line(inline, line))

    def _image(self, token: Token, line: int) -> wire.Image | None:
        name = str(token.attrs.get("src", ""))
        data = self._images.get(name)
        if data is None:
            self.problem(line, "image", f"there is no file {name} beside the text")
            return None
        kind = picture_type(data)
        if kind is None:
            limit = LESSON_PICTURE_BYTES // 1024
            self.problem(line, "image", f"{name} is no PNG, JPEG or WebP of at most {limit} KiB")
            return None
        alt = token.content.strip()
        if not alt:
            self.problem(line, "image", f"{name} has no text in [ ] for people who cannot see it")
        self._used[name] = data
        return wire.Image(alt=alt, media_type=kind, data=data)

    def _list(self, tokens: list[Token], line: int) -> wire.ListBlock:
        items: list[list[wire.LessonSpan]] = []
        for token in tokens[1:-1]:
            at = line if token.map is None else token.map[0] + line - (tokens[0].map or [0])[0]
            if token.type == "inline":
                items.append(self._line(token, at))
            elif token.type.endswith("list_open") or token.type in ("fence", "code_block"):
                self.problem(at, "unsupported", "a list within a list, or a block within one")
        return wire.ListBlock(ordered=tokens[0].type == "ordered_list_open", items=items)

    def _line(self, inline: Token, line: int) -> list[wire.LessonSpan]:
        spans: list[wire.LessonSpan] = []
        bold = italic = 0
        for token in inline.children or []:
            match token.type:
                case "strong_open" | "strong_close":
                    bold += token.nesting
                case "em_open" | "em_close":
                    italic += token.nesting
                case "text":
                    _append(spans, token.content, bold > 0, italic > 0)
                case "softbreak" | "hardbreak":
                    _append(spans, " ", bold > 0, italic > 0)
                case "link_close":
                    continue
                case other:
                    self.problem(line, "unsupported", _NAMES.get(other, other))
        return spans


_NAMES = {
    "image": "a picture needs lines without other text",
    "link_open": "links lead out of the app and are not shown",
    "code_inline": "text between backticks",
    "code_block": "indented text; begin it at the margin",
    "fence": "a fenced block that is no quiz",
    "blockquote_open": "a quotation",
    "html_block": "HTML",
    "html_inline": "HTML",
}


def _append(spans: list[wire.LessonSpan], text: str, bold: bool, italic: bool) -> None:
    last = spans[-1] if spans else None
    if last is not None and (last.bold, last.italic) == (bold, italic):
        spans[-1] = wire.LessonSpan(text=last.text + text, bold=bold, italic=italic)
    elif text:
        spans.append(wire.LessonSpan(text=text, bold=bold, italic=italic))


def _top_level(tokens: list[Token]) -> Iterator[list[Token]]:
    """Yield the tokens of one block after another."""
    block: list[Token] = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []


def _front_matter(lines: list[str]) -> tuple[Mapping[str, Node], int]:
    """Return the values, and how many lines the front matter has. Raises Wrong."""
    if lines[0].strip() != _FENCE:
        raise Wrong(1, "front_matter", "the first line must be ---")
    end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == _FENCE), None)
    if end is None:
        raise Wrong(1, "front_matter", "a second line --- is missing")
    return fields_of("\n".join(lines[1:end]), 2), end + 1
