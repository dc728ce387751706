"""Filters of the audit log."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """All that is given must fit an entry. ``paths``: it touches nothing outside these units, None
    for all; ``kinds``: tags of audit.acts; ``by`` and ``about``: texts within who did it and within
    what was done, such as a person's id; times: from the first, before the second."""

    paths: Collection[str] | None = None
    kinds: Collection[str] = ()
    by: str = ""
    about: str = ""
    act_id: str = ""
    from_ms: int | None = None
    until_ms: int | None = None
