"""Browsers report here what the Content-Security-Policy refused; the server's log keeps it.

A report says which page somebody was on and what stood there: of all that, the log gets the
directive, the origin that was refused, and the place in the app's own files. Anybody may send
reports, so few of them are taken in a minute.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
import structlog

from copconnect import errors
from copconnect.http.operations import Body, Operation, post
from copconnect.ids import PersonId
from copconnect.rates import Rates

MAX_BODY = 8192
PER_MINUTE = 10
_EVERYBODY = PersonId("")
_WORD = re.compile(r"[a-z-]{1,40}")
_FILE = re.compile(r"/assets/[\w.-]{1,100}|/[\w.-]{1,60}")
log = structlog.get_logger()


class _Violation(msgspec.Struct, rename="kebab"):
    effective_directive: str = ""
    violated_directive: str = ""
    blocked_uri: str = ""
    source_file: str = ""
    line_number: int = 0


class _Report(msgspec.Struct):
    violation: _Violation = msgspec.field(name="csp-report")


def operations(now_ms: Callable[[], int]) -> list[Operation]:
    """Return the row."""
    rates = Rates("csp_reports", PER_MINUTE, PER_MINUTE, now_ms)

    async def report(body: Body) -> None:
        rates.spend(_EVERYBODY)
        try:
            found = msgspec.json.decode(await body.read(MAX_BODY), type=_Report).violation
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise errors.BadRequest(reason="no report") from error
        directive = found.effective_directive or found.violated_directive.partition(" ")[0]
        log.warning(
            "csp_violation",
            directive=directive if _WORD.fullmatch(directive) else "",
            blocked=_blocked(found.blocked_uri),
            file=_file(found.source_file),
            line=found.line_number,
        )

    return [post("/v1/csp-reports", report, public=True)]


def _blocked(uri: str) -> str:
    """Return a keyword such as ``inline``, or an address without its path."""
    if _WORD.fullmatch(uri):
        return uri
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if not _WORD.fullmatch(parts.scheme) or len(host) > 253:
        return ""
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def _file(uri: str) -> str:
    """Return the path of one of the app's own files; "" for anything else, such as a screen."""
    try:
        path = urlsplit(uri).path
    except ValueError:
        return ""
    return path if _FILE.fullmatch(path) and "." in path else ""
