"""The routes that docs/protocol.md promises, read from its table."""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from copconnect import wire

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"
ROW = re.compile(
    r"^\| `(GET|POST|PUT|DELETE) (/v1/[^`?]+)(\?[^`]*)?` \| ([^|]*) \| ([^|]*)\|", re.MULTILINE
)


@dataclass(frozen=True)
class Route:
    """One row. ``body`` is the struct that it takes; None for none and for raw bytes."""

    method: str
    path: str
    query: tuple[str, ...]
    body: type[msgspec.Struct] | None
    open: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def read() -> list[Route]:
    """Return every HTTP route of the table."""
    routes: list[Route] = []
    for method, path, query, types, asks in ROW.findall(PROTOCOL.read_text()):
        taken = types.partition("→")[0].strip()
        body = getattr(wire, taken, None)
        if taken and body is None and taken != "raw bytes":
            raise ValueError(f"{method} {path} takes {taken!r}, which wire.py does not define")
        names = tuple(part.rstrip("=") for part in query.lstrip("?").split("&") if part)
        routes.append(Route(method, path, names, body, open=asks.strip() == "anybody"))
    return routes
