"""Refuse sentences that begin without a noun (Who, What, Where, Of, Among), and phrases
with too many meanings, such as ``let in``.

Most readers of this project learned English second. A sentence whose subject is "Who was moved"
or "Of these" makes them search for the noun; a conditional "Where a proxy is, ..." reads like
a place. The check reads the comments and docstrings of Python, the comments of TypeScript, Svelte
and CSS, and the paragraphs, list items and table cells of Markdown. Questions, headings, header
rows and code pass. Run it as a module: `python -m make.language`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from make.tracked_files import ROOT, tracked

OPENING = re.compile(r"(Who|What|Where|Of|Among)\b")
REMEDY = "begin with the noun that the sentence is about"
PHRASES = (
    (r"takes? up|took up|taken up|taking up", r" to\b", "add, apply, read or continue"),
    (r"what waits", "", "the noun: messages, tasks"),
    (r"let(?:s|ting)?(?: \w+){0,2} in", r" (?:an?|the|its|turn)\b", "admit, list or confirm"),
    (r"as (?:it|they) should be", "", "right or wrong"),
    (r"each one's", "", "the noun"),
    (r"nobody without", "", "a sentence about the person who has it"),
    (r"for company", "", "the size of the batch"),
    (r"it is the turn of", "", "the rule that chooses"),
    (r"goes on", r" (?:the|a|top)\b", "continues, resumes, runs or lasts"),
    (
        r"(?:is|are|was|were|be|been|being) told",
        r" in person\b",
        "learns, gets, reports or notifies, with the device, person or server as the subject",
    ),
    (r"told of", "", "learns of, or the event that informs"),
    (r"those,? (?:that|who|whose|which)", "", "the noun: messages, people, the ones"),
    (r"whoever", "", "the person or device, or no matter who"),
    (r"(?:[:;,]|and|but|because) what (?:is|was|are|were)", "", "the noun"),
    (r"by (?:itself|themselves)", "", "automatically, alone, or the event that causes it"),
    (r"of (?:its|their) own", "", "its, its own or separate"),
    (r"anew", "", "again"),
    (r"stands", r" (?:still|out|before you)\b", "is, counts, replaces or means"),
)
"""Phrases that no sentence has, what may follow them all the same, and what to write instead."""
REFUSED = tuple(
    (re.compile(rf"\b(?:{phrase})\b" + (f"(?!{unless})" if unless else ""), re.IGNORECASE), instead)
    for phrase, unless, instead in PHRASES
)
CODE = re.compile(r"`+[^`]*`+")
CONDITION = "write If for a condition, else " + REMEDY

SCRIPTS = frozenset({".ts", ".js", ".svelte", ".css"})
READ = SCRIPTS | {".py", ".md"}

BLANK = re.compile(r"\s*")
ITEM = re.compile(r"\s*(?:[-*+]|\d+\.)\s+")
SENTENCE_END = re.compile(r"(?<=[.!?])[)\"'*_`]*\s+")
# Strings and comments: tokenize takes fifteen times as long.
PYTHON_TOKEN = re.compile(
    r'''("""|\'\'\')(?:\\.|(?!\1).)*\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#[^\n]*''', re.DOTALL
)
SCRIPT_COMMENT = re.compile(r"/\*+(.*?)\*/|<!--(.*?)-->|(?<![:\w\"'`])//([^\n]*)", re.DOTALL)
STAR = re.compile(r"\s*\*(?!\*)\s?")
FENCE = re.compile(r"\s*(?:```|~~~)")
DELIMITER_ROW = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*\|[\s:|-]*")


@dataclass(frozen=True)
class Line:
    """A line of prose without its comment marks, and its number in the file."""

    number: int
    text: str


@dataclass(frozen=True)
class Sentence:
    """A sentence on one line, and the number of the line on which it begins."""

    number: int
    text: str


def findings(path: str, text: str) -> Iterator[str]:
    """Yield one line for each sentence of this file that breaks a rule."""
    for block in blocks(path, text):
        for sentence in sentences(block):
            opening = OPENING.match(sentence.text)
            if opening and not sentence.text.rstrip(")\"'*_`").endswith("?"):
                remedy = CONDITION if opening[1] == "Where" else REMEDY
                yield f"{path}:{sentence.number}: {sentence.text!r}: {remedy}"
            words = CODE.sub("``", sentence.text)
            for phrase, instead in REFUSED:
                if found := phrase.search(words):
                    remedy = f"in place of {found[0]!r} write {instead}"
                    yield f"{path}:{sentence.number}: {sentence.text!r}: {remedy}"


def blocks(path: str, text: str) -> Iterator[list[Line]]:
    """Yield the comments, docstrings or paragraphs of a file, by the ending of its name."""
    suffix = PurePath(path).suffix
    if suffix == ".py":
        yield from python_docstrings(text)
        yield from python_comments(text)
    elif suffix in SCRIPTS:
        yield from script_comments(text)
    elif suffix == ".md":
        yield from markdown_blocks(text)


def python_docstrings(text: str) -> Iterator[list[Line]]:
    """Yield every string that is a statement, as docstrings do."""
    for statement in statements(ast.parse(text)):
        match statement:
            case ast.Expr(value=ast.Constant(value=str(docstring))):
                yield numbered(docstring, statement.lineno)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements in a node. To walk the expressions too takes ten times as long."""
    for field in ("body", "handlers", "orelse", "finalbody", "cases"):
        within = getattr(node, field, None)
        if isinstance(within, list):  # The body of a lambda is an expression.
            for one in within:
                yield one
                yield from statements(one)


def python_comments(text: str) -> Iterator[list[Line]]:
    """Yield comments; comments on adjacent lines that start in the same column are one block."""
    block: list[Line] = []
    column = 0
    for found in PYTHON_TOKEN.finditer(text):
        if not found[0].startswith("#"):
            continue
        number = text.count("\n", 0, found.start()) + 1
        start = found.start() - text.rfind("\n", 0, found.start())
        if block and (number != block[-1].number + 1 or start != column):
            yield block
            block = []
        column = start
        block.append(Line(number, found[0].lstrip("#!: ")))
    yield block


def script_comments(text: str) -> Iterator[list[Line]]:
    """Yield block comments, and runs of line comments on adjacent lines."""
    run: list[Line] = []
    for found in SCRIPT_COMMENT.finditer(text):
        number = text.count("\n", 0, found.start()) + 1
        if found[3] is not None:
            if run and number != run[-1].number + 1:
                yield run
                run = []
            run.append(Line(number, found[3]))
        else:
            lines = numbered(found[1] or found[2] or "", number)
            yield [Line(line.number, STAR.sub("", line.text, count=1)) for line in lines]
    yield run


def markdown_blocks(text: str) -> Iterator[list[Line]]:
    """Yield paragraphs, list items and each cell of a table's body."""
    block: list[Line] = []
    lines = numbered(text, 1)
    in_code = False
    for line, following in zip(lines, [*lines[1:], Line(0, "")], strict=True):
        if FENCE.match(line.text):
            in_code = not in_code
        is_row = line.text.lstrip().startswith("|")
        if in_code or is_row or FENCE.match(line.text) or line.text.startswith("#"):
            yield block
            block = []
            is_header = DELIMITER_ROW.fullmatch(following.text) is not None
            if is_row and not in_code and not is_header:
                yield from ([Line(line.number, cell)] for cell in line.text.split("|"))
        else:
            block.append(Line(line.number, line.text.lstrip("> ")))
    yield block


def numbered(text: str, first: int) -> list[Line]:
    """Return the lines of a text, of which the first has the given number."""
    return [Line(first + index, line) for index, line in enumerate(text.split("\n"))]


def sentences(block: list[Line]) -> Iterator[Sentence]:
    """Yield the sentences of a block. A blank line and a list item's mark end a sentence."""
    paragraph: list[Line] = []
    for line in block:
        item = ITEM.match(line.text)
        if item or BLANK.fullmatch(line.text):
            yield from sentences_of_paragraph(paragraph)
            paragraph = []
        paragraph.append(Line(line.number, line.text[item.end() :] if item else line.text))
    yield from sentences_of_paragraph(paragraph)


def sentences_of_paragraph(paragraph: list[Line]) -> Iterator[Sentence]:
    """Yield the sentences of adjacent lines."""
    text = "\n".join(line.text for line in paragraph)
    start = 0
    for end in [*SENTENCE_END.finditer(text), None]:
        sentence = text[start : end.start() if end else len(text)]
        skipped = len(sentence) - len(sentence.lstrip("(*_ \n"))
        first = paragraph[text.count("\n", 0, start + skipped)].number if paragraph else 0
        yield Sentence(first, " ".join(sentence[skipped:].split()))
        start = end.end() if end else len(text)


def main() -> int:
    """Print the findings of all tracked files; return 1 when there are any."""
    wrong: list[str] = []
    for path in tracked():
        file = ROOT / path
        if file.suffix in READ and file.is_file():
            wrong.extend(findings(path, file.read_text(encoding="utf-8")))
    print("\n".join(wrong) or "every sentence begins with its subject and has no refused phrase")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
