"""The trainer's guide: its lesson is taken as written, and it names every code of the check."""

import re
import textwrap
from pathlib import Path

from typer.testing import CliRunner

from copconnect.cli import app

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "trainer-guide.md").read_text("utf-8")


def lesson() -> str:
    """Return the English text of the guide."""
    sample = re.search(r"\n( {7}---\n {7}title: .*?)\n\n3\.", GUIDE, re.DOTALL)
    assert sample is not None
    return textwrap.dedent(sample[1]) + "\n"


def check(folder: Path) -> tuple[int, list[str]]:
    result = CliRunner().invoke(app, ["training", "check", str(folder)])
    return result.exit_code, result.output.splitlines()


def test_the_lesson_of_the_guide_is_made_as_it_says(tmp_path: Path) -> None:
    place = tmp_path / "officer" / "25-bandobast"
    place.mkdir(parents=True)
    for language in ("en", "te", "ur"):
        (place / f"{language}.md").write_text(lesson(), "utf-8")
    code, lines = check(tmp_path)
    assert code == 0
    assert lines[0] == "officer.bandobast hi.md  note  missing  there is no text"
    two_right = lesson().replace("district's group\n", "district's group\n    right: true\n")
    (place / "te.md").write_text(two_right, "utf-8")
    code, lines = check(tmp_path)
    assert code == 1
    for line in lines:
        assert f"       {line}" in GUIDE.splitlines()


def test_every_code_of_the_check_is_explained() -> None:
    package = ROOT / "src" / "copconnect" / "training"
    text = "\n".join(
        (package / name).read_text("utf-8")
        for name in ("lesson_text.py", "quiz.py", "lessons_of.py")
    )
    raised = set(
        re.findall(r'(?:Wrong|problem|Problem)\([^"()]*(?:\([^()]*\))?[^"()]*"(\w+)"', text)
    )
    explained = {
        code
        for row in re.findall(
            r"^\| ((?:`\w+`(?:, )?)+) \|", GUIDE.split("## What the check says")[1], re.M
        )
        for code in re.findall(r"`(\w+)`", row)
    }
    assert {"quiz", "yaml", "unsupported", "image", "missing", "behind"} <= raised
    assert raised <= explained
