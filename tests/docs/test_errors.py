"""The error table of docs/protocol.md and the error tree say the same."""

import re
from pathlib import Path

from copconnect import errors
from copconnect.errors import base

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `([a-z_]+)` \| (\d{3}) \| (yes|no) \|", re.MULTILINE)


def _subclasses(base: type[errors.CopConnectError]) -> set[type[errors.CopConnectError]]:
    found = {base}
    for sub in base.__subclasses__():
        found |= _subclasses(sub)
    return found


def test_every_error_code_is_in_the_protocol_with_status_and_retry() -> None:
    documented = {
        (code, int(status), retry == "yes")
        for code, status, retry in ROW.findall((DOCS / "protocol.md").read_text())
    }
    abstract = {base.CallerError, base.DependencyError}
    real = {
        (error.code, error.status, error.retry)
        for error in _subclasses(errors.CopConnectError) - abstract
    }
    assert documented == real


def test_every_error_says_what_happened_and_what_to_do() -> None:
    codes = [error.code for error in _subclasses(errors.CopConnectError)]
    shared = {code for code in codes if codes.count(code) > 1}
    assert shared <= {"internal"}  # The abstract bases keep the code of the root.
    for error in _subclasses(errors.CopConnectError):
        assert error.message.endswith("."), error
        assert error.remedy.endswith("."), error
