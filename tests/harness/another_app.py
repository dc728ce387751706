"""The demo's server with another build of the web app.

Run: python -m tests.harness.another_app FOLDER serve …
"""

import functools
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from copconnect.http import web_assets
from demo import cli
from tests.harness.server import ServerProcess


class AnotherApp(ServerProcess):
    """Serves the files of :attr:`folder`, a copy of the built app, as they are at its start."""

    @property
    def folder(self) -> Path:
        """The folder of these files."""
        return self.data.parent / f"{self.data.name}-web-app"

    def start(self) -> None:
        """Serve; returns when /healthz answers."""
        if not self.folder.exists():
            shutil.copytree(web_assets.FOLDER, self.folder)
        self._serve("tests.harness.another_app", [str(self.folder)])

    def release(self, version: str) -> None:
        """Serve a next version: a page that says so, its own entry script and its own worker."""
        worker, index = self.folder / "service-worker.js", self.folder / "index.html"
        listed, _, _ = worker.read_text().partition('","url":"index.html"')
        revision = listed.rpartition('"')[2]
        _replace(worker, revision, f"{version}-{revision}")
        _replace(index, "<html", f'<html data-version="{version}"')
        built = _entry(web_assets.FOLDER / "index.html")
        entry = built.replace(".js", f"-{version}.js")
        (self.folder / "assets" / entry).write_text(f'import "./{built}";')
        _replace(index, _entry(index), entry)
        self.restart()


def _entry(page: Path) -> str:
    """Return the name of a page's entry script."""
    found = re.search(r'src="/assets/(index-[^"]+)"', page.read_text())
    assert found is not None
    return found[1]


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    for compressed in file.parent.glob(f"{file.name}.*"):
        compressed.unlink()


def main() -> None:
    """Run."""
    _, folder, *options = sys.argv
    assets: Any = web_assets
    assets.operations = functools.partial(web_assets.operations, Path(folder))
    sys.argv = ["demo", *options]
    cli.main()


if __name__ == "__main__":
    main()
