"""The architecture page and the walks name files that exist; entry functions link to their walk.

A name in backticks with an ending of a source file means the files whose paths end with it.
"""

import re

import pytest

from make.tracked_files import ROOT, tracked

DOCS = ROOT / "docs"
PAGES = ("architecture.md", *sorted(f"walks/{one.name}" for one in (DOCS / "walks").iterdir()))
NAMED = re.compile(r"`([\w./-]+\.(?:py|ts|svelte|md|json|toml|js))`")
ENTRY = re.compile(r"`(\w+)\.(\w+)` \(`([\w./-]+)`\)")


@pytest.mark.parametrize("page", PAGES)
def test_the_files_that_a_page_names_exist(page: str) -> None:
    files = [f"/{file}" for file in tracked()]
    names = NAMED.findall((DOCS / page).read_text("utf-8"))
    assert names
    assert [name for name in names if not any(file.endswith(f"/{name}") for file in files)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("walks/")])
def test_the_function_where_a_walk_begins_links_to_it(page: str) -> None:
    first = ENTRY.search((DOCS / page).read_text("utf-8"))
    assert first is not None
    _, function, file = first.groups()
    source = (ROOT / file).read_text("utf-8")
    assert f" {function}(" in source
    assert f"docs/{page}" in source
