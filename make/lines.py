"""Count the lines of code and of comments outside tests, corpora, locales and generated files.

Usage: python -m make.lines [COMMIT]

A line of more than 100 characters counts once for each 100. A docstring is a comment, and a
blank line does not count.
"""

import io
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from pygments.lexer import Lexer
from pygments.lexers.css import CssLexer
from pygments.lexers.html import HtmlLexer
from pygments.lexers.javascript import TypeScriptLexer
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, String, Whitespace

LEXERS: dict[str, type[Lexer]] = {
    ".py": PythonLexer,
    ".ts": TypeScriptLexer,
    ".js": TypeScriptLexer,
    ".svelte": HtmlLexer,
    ".css": CssLexer,
}
TESTS = re.compile(r"(^|/)tests?/|(^|/)test_[^/]*\.py$|\.test\.ts$")
TEXTS = re.compile(r"(^|/)(locales|corpus|public)/")
GENERATED = re.compile(r"^// Generated from")
WIDTH = 100


def sources(commit: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each source file of a commit."""
    tree = subprocess.run(("git", "archive", commit), check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
        for member in archive:
            path = member.name
            if PurePosixPath(path).suffix not in LEXERS or TESTS.search(path) or TEXTS.search(path):
                continue
            file = archive.extractfile(member)
            text = file.read().decode() if file else ""
            if not GENERATED.match(text):
                yield path, text


def counted(lexer: Lexer, text: str) -> tuple[int, int]:
    """Return how many lines of a text have code, and how many have only a comment."""
    code, comments, number = set[int](), set[int](), 0
    for kind, value in lexer.get_tokens(text):
        said = comments if kind in Comment or kind in String.Doc else code
        for offset, part in enumerate(value.split("\n")):
            if part.strip() and kind not in Whitespace:
                said.add(number + offset)
        number += value.count("\n")
    lines = text.split("\n")

    def long(numbers: set[int]) -> int:
        return sum(-(-len(lines[at]) // WIDTH) for at in numbers)

    return long(code), long(comments - code)


def main() -> int:
    """Print code and comment lines for each top folder, and their sums."""
    commit = sys.argv[1] if len(sys.argv) == 2 else "HEAD"
    code, comments, files = Counter[str](), Counter[str](), Counter[str]()
    lexers = {ending: lexer(stripnl=False, ensurenl=False) for ending, lexer in LEXERS.items()}
    for path, text in sources(commit):
        parts = PurePosixPath(path).parts
        folder = "/".join(parts[:2] if len(parts) > 2 else parts[:-1]) or "."
        here, said = counted(lexers[PurePosixPath(path).suffix], text)
        code[folder] += here
        comments[folder] += said
        files[folder] += 1
    print(f"{'folder':24}{'files':>7}{'code':>9}{'comments':>10}")
    for folder, lines in code.most_common():
        print(f"{folder:24}{files[folder]:7}{lines:9,}{comments[folder]:10,}")
    print(f"{'all':24}{files.total():7}{code.total():9,}{comments.total():10,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
