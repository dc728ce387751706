"""Refuse registry hosts and developers' own paths in tracked files.

A fresh machine may reach its packages through another registry, and nobody else has our folders:
both in a tracked file break a clone somewhere else. Imports only the standard library.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Written in pieces, so that this file passes its own check.
REGISTRIES = (
    r"registry" r"\.npmjs\.",
    r"registry" r"\.yarnpkg\.",
    r"\bnpm" r"mirror\.com",
    r"\bpypi" r"\.(?:org|python)",
    r"python" r"hosted\.org",
    r"\b(?:deb|security|snapshot)" r"\.debian\.org",
    r"\bcrates" r"\.io",
    r"proxy\.golang" r"\.org",
)
HOST = re.compile("|".join(REGISTRIES))
INDEX_OPTION = re.compile(r"--(?:extra-)?index-" r"url(?:=|\s+)\S|--find-" r"links")
RESOLVED = re.compile(r'"resolved":\s*"(?:https?|file|git)')
HOME = re.compile(r"(?<![\w.~*-])/(?:root|home/\w+|Users/\w+|work)" r"/")


def findings(path: str, text: str) -> Iterator[str]:
    """Yield one line for each thing that must not be in this file."""
    rules = (
        (HOST, "names a package registry: leave the host to each machine's own settings"),
        (INDEX_OPTION, "chooses a package index: leave that to each machine's own settings"),
        (RESOLVED, "holds a package's address: run npm install with this project's .npmrc"),
        (HOME, "names a folder of one developer's machine: use a path in the project"),
    )
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, remedy in rules:
            found = pattern.search(line)
            if found:
                yield f"{path}:{number}: {found[0]!r} {remedy}"


def tracked() -> list[str]:
    """Return the paths of all tracked files, relative to the root."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [path for path in listing.stdout.split("\0") if path]


def main() -> int:
    """Print what must go; return 1 when there is anything."""
    wrong: list[str] = []
    for path in tracked():
        file = ROOT / path
        if not file.is_file():
            continue
        data = file.read_bytes()
        if b"\0" not in data:
            wrong.extend(findings(path, data.decode("utf-8", "replace")))
    print("\n".join(wrong) or "no registry hosts, no developers' paths")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
