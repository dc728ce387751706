"""Secrets that must never be found, and the places where everything is searched for them.

A browser test that says, names or sends something adds it to the module's :class:`Secrets`;
when the module ends, everything that passed the relays and everything that the server keeps is
searched for all of it. So is the server's log, for the names and numbers of everybody in the data
bank too: docs/threat-model.md says that no log holds any.
"""

import hashlib
from collections.abc import Iterable, Iterator
from functools import cache

from tests.harness import databank
from tests.harness.plaintext import (
    Finding,
    Needle,
    scan,
    secret_bytes,
    secret_number,
    secret_text,
    stored,
)
from tests.harness.recording import RecordingProxy
from tests.harness.server import ServerProcess
from tests.harness.traffic import Exhibit, exhibits


class Secrets:
    """Needles, each once."""

    def __init__(self) -> None:
        self.needles: dict[str, Needle] = {}
        self.known = ""  # The number of an officer who registered: the server has to know it.

    def text(self, *texts: str) -> None:
        """Add what was written, a name, a caption."""
        for text in texts:
            self.needles.setdefault(text, secret_text(text))

    def content(self, name: str, content: bytes) -> None:
        """Add what a file holds."""
        self.needles.setdefault(name, secret_bytes(name, content))

    def number(self, name: str, value: float) -> None:
        """Add a coordinate."""
        self.needles.setdefault(name, secret_number(name, value))


def search(
    secrets: Secrets, relays: Iterable[RecordingProxy], server: ServerProcess, control: str
) -> list[str]:
    """Return a line for every place where a secret lies. It stops the server for good.

    ``control`` is something that the server does know: where it is not found, the search is blind
    and this raises.
    """
    sent = [thing for relay in relays for thing in exhibits(relay.recordings)]
    server.stop()
    needles = [secret_text(control), *secrets.needles.values()]
    found: list[Finding] = []
    for part in (sent, stored(server.data)):
        seen = scan(_once(part), needles)
        leaks = [one for one in seen if one.needle != control]
        if len(leaks) == len(seen):
            raise RuntimeError("the search does not even find what the server knows")
        found += leaks
    return [*_lines(found), *search_log(server, secrets.needles.values())]


def search_log(server: ServerProcess, needles: Iterable[Needle] = ()) -> list[str]:
    """Return a line for everything in the server's log that is none of its business: ``needles``,
    and names and numbers of the data bank. Raises where the search does not see the log."""
    log = [Exhibit("the server's log", server.log.read_bytes())]
    if not scan(log, [secret_text(server.url)]):
        raise RuntimeError("the search does not even find where the server serves")
    return _lines(scan(log, [*needles, *people()]))


@cache
def people() -> list[Needle]:
    """Return who is in the data bank: each name in each script, each number without +91."""
    return [
        secret_text(text)
        for officer in databank.officers()
        for text in (officer.name, officer.name_te, officer.number[-10:])
    ]


def _lines(findings: Iterable[Finding]) -> list[str]:
    return [
        f"{found.needle!r} as {found.encoding} in {found.where} at {found.position}"
        for found in findings
    ]


def _once(things: Iterable[Exhibit]) -> Iterator[Exhibit]:
    """Leave out what was there before, byte for byte: the app's own files, for every device."""
    seen: set[bytes] = set()
    for thing in things:
        digest = hashlib.sha256(thing.data).digest()
        if digest not in seen:
            seen.add(digest)
            yield thing
