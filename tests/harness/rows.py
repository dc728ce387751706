"""Rows of operations that anybody may ask, as a web server."""

from collections.abc import Iterable
from typing import Any

from copconnect.http.operations import Operation, Operations
from copconnect.http.requests import security_headers


def answering(rows: Iterable[Operation]) -> Any:
    """Return an application that answers these rows, none of which asks who calls."""
    nobody: Any = None
    return Operations(rows, nobody, security_headers(""))
