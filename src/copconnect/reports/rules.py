"""The readers of a report, the sense of decisions, and the ends of sanctions. Pure."""

from collections.abc import Collection, Mapping, Sequence

from copconnect import errors, wire
from copconnect.ids import PersonId
from copconnect.limits import SANCTION_DAYS
from copconnect.rights import covers

DAY_MS = 86_400_000
FEWEST_READERS = 4
"""Moderators of units above are taken up to so many: a decision may need two, an appeal a third."""
MOST_READERS = 16
FEWEST_DAYS = 1


def choose_readers(
    holders: Mapping[PersonId, Sequence[str]],
    path: str,
    without: Collection[PersonId],
    idle: Collection[PersonId] = (),
) -> list[PersonId]:
    """Return the people who read a report about somebody of a unit: those with the right over that
    unit itself, then those of each unit above, until they are enough. ``holders``: unit paths over
    which each holds it with all below; "" for the whole department. Root admins come last.
    ``idle``: people who read it and may not decide, such as its reporter, whom a list without that
    person would name; nobody is returned where all are."""
    found: list[PersonId] = []
    for level in _upward(path):
        if len(found) >= FEWEST_READERS and set(found).difference(idle):
            break
        here = [one for one, paths in holders.items() if level in paths]
        found += sorted(one for one in here if one not in found and one not in without)
    found = [*found[: MOST_READERS - 1], *found[MOST_READERS - 1 :][-1:]]
    found = found[:MOST_READERS]
    return found if set(found).difference(idle) else []


def common(paths: Collection[str]) -> str:
    """Return the path of the lowest unit that is at or above all of these."""
    return next(
        level
        for level in _upward(min(paths, key=len))
        if all(covers(level, path) for path in paths)
    )


def _upward(path: str) -> list[str]:
    """Return a unit's path, the paths of all units above it, and that of the department."""
    parts = path.split("/") if path else []
    return ["/".join(parts[:count]) for count in range(len(parts), -1, -1)]


def until_ms(from_ms: int, sanction: wire.NewSanction) -> int:
    """Return when a sanction ends. Raises ActInvalid for days that it cannot have."""
    if sanction.kind == "warning":
        if sanction.days:
            raise errors.ActInvalid(reason="a warning has no days")
        return from_ms
    if not FEWEST_DAYS <= sanction.days <= SANCTION_DAYS:
        raise errors.ActInvalid(reason=f"1 to {SANCTION_DAYS} days")
    return from_ms + sanction.days * DAY_MS


def check_decision(act: wire.DecideReport) -> None:
    """Raise ActInvalid for a decision that makes no sense."""
    if act.sanction is not None:
        if act.finding == "dismissed":
            raise errors.ActInvalid(reason="a dismissed report brings no sanction")
        until_ms(0, act.sanction)


def needs_second(act: wire.DecideReport) -> bool:
    """Return whether a second moderator must agree."""
    return act.sanction is not None and act.sanction.kind != "warning"


def check_appeal(now_ms: int, kind: str, from_ms: int, until: int, ended_ms: int | None) -> None:
    """Raise AppealLate for a sanction that has ended. A warning, which has no end, may be appealed
    for 30 days."""
    end = from_ms + 30 * DAY_MS if kind == "warning" else until
    if ended_ms is not None or now_ms >= end:
        raise errors.AppealLate(until_ms=end)
