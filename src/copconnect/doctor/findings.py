"""Findings of checks, in words that an operator acts on."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

Verdict = Literal["ok", "warning", "failure"]


class Finding(msgspec.Struct, frozen=True):
    """The result of one check. ``words`` say what is; ``remedy`` what to do, empty for ``ok``.
    Neither holds a password, a token or anybody's number."""

    check: str
    verdict: Verdict
    words: str
    remedy: str = ""


Check = Callable[[], Awaitable[Sequence[Finding]]]


def ok(check: str, words: str) -> Finding:
    """Return that nothing is wrong."""
    return Finding(check, "ok", words)


def warning(check: str, words: str, remedy: str) -> Finding:
    """Return that the server serves, and what will be missed sooner or later."""
    return Finding(check, "warning", words, remedy)


def failure(check: str, words: str, remedy: str) -> Finding:
    """Return that the server does not serve, or not safely."""
    return Finding(check, "failure", words, remedy)


def exit_status(findings: Sequence[Finding]) -> int:
    """Return 1 if anything failed; warnings are no failure."""
    return int(any(one.verdict == "failure" for one in findings))
