"""Links between documents lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.pictures.album import MAX_BYTES

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"(?:\]\(|<img src=\")(?!https?:|#)([^)#\s\"]+)")
PICTURES = sorted((ROOT / "docs" / "pictures").iterdir())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        assert (document.parent / target).exists(), target


def test_every_picture_is_shown_and_small() -> None:
    shown = {
        (document.parent / target).resolve()
        for document in DOCUMENTS
        for target in LINK.findall(document.read_text())
    }
    assert [one.name for one in PICTURES if one.resolve() not in shown] == []
    assert [one.name for one in PICTURES if one.stat().st_size > MAX_BYTES] == []
