"""Rights and acts over plain values. Pure.

A right is always over a part of the tree: the units that a grant names, or the unit of a post that
the holder has. The rights table is data (:class:`wire.RightRule`); this module says who has what by
it, what the table may not say, and how many people an act may reach without a second admin.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from copconnect import errors, wire
from copconnect.limits import CLOCK_LEEWAY_MS
from copconnect.principals import Holder
from copconnect.rights import WHOLE, HeldRights, covers, fits

RIGHTS: tuple[wire.Right, ...] = get_args(wire.Right)
# Devices judge these by E0 (docs/keys.md), which knows grants alone.
BY_GRANT_ALONE: frozenset[wire.Right] = frozenset(
    {"confirm_devices", "revoke_devices", "give_grants"}
)
# Rosters sign the first, and follow the data bank; a grant ends at a time of which no roster hears.
# The others command people: a post does, and a grant over the devices of a unit does not.
BY_POST_ALONE: frozenset[wire.Right] = frozenset(
    {"send_large", "issue_routine", "issue_urgent", "issue_flash"}
)
SECOND_PERCENT = 5  # An act that touches more of the force than this needs a second admin.
SECOND_LEAST = 100  # People; an act on fewer never does, whatever the size of the force.
ACT_WAITS_MS = 7 * 86_400_000
MADE_MS = 30 * 86_400_000  # So long nobody approves acts of the admin who made that person.


def line(
    right: wire.Right,
    holder: wire.RightHolder,
    over: wire.RightReach = "part",
    *,
    code: str = "",
    level: str = "",
) -> wire.RightRule:
    """Return a line of a rights table."""
    return wire.RightRule(right=right, holder=holder, code=code, level=level, over=over)


DEFAULT_RULES: tuple[wire.RightRule, ...] = (
    *(line(right, "grant") for right in RIGHTS if right not in BY_POST_ALONE),
    line("see_numbers", "head"),
    line("see_numbers", "everybody", "unit"),
    line("see_numbers", "everybody", "heads"),
    line("lock_devices", "everybody", "unit"),
    line("lock_devices", "head"),
    line("manage_groups", "head"),
    line("send_large", "head"),
    line("oversee_orders", "head"),
    line("issue_routine", "head"),
    line("issue_urgent", "head"),
    line("issue_flash", "head"),
    line("train", "head"),
)


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes that a rights table may name, as the data bank has them."""

    levels: frozenset[str]
    ranks: Mapping[str, int]
    roles: frozenset[str]


def check_rules(rules: Sequence[wire.RightRule], codes: Codes) -> None:
    """Refuse a table that could not hold, or that nobody could ever change again. Raises
    ActInvalid."""
    for one in rules:
        reason = _problem(one, codes)
        if reason is not None:
            raise errors.ActInvalid(reason=reason)
    if len(set(rules)) != len(rules):
        raise errors.ActInvalid(reason="a line is there twice")
    for right in sorted(BY_GRANT_ALONE):
        if not any(one.right == right for one in rules):
            raise errors.ActInvalid(reason=f"nobody would have {right}")


def _problem(one: wire.RightRule, codes: Codes) -> str | None:
    by_grant = one.holder == "grant"
    known = {"rank": codes.ranks.keys(), "role": codes.roles}.get(one.holder, {""})
    if not by_grant and one.right in BY_GRANT_ALONE:
        return f"{one.right} is given by grants alone"
    if by_grant and one.right in BY_POST_ALONE:
        return f"{one.right} is given by posts alone"
    if one.code not in known:
        return f"no {one.holder} {one.code}" if one.code else f"{one.holder} needs a code"
    if by_grant and (one.over != "part" or one.level):
        return "a grant holds over its units and all below them"
    if one.level and one.level not in codes.levels:
        return f"no level {one.level}"
    if one.over == "heads" and one.right != "see_numbers":
        return "only see_numbers is about the heads of all units"
    return None


def held(
    rules: Iterable[wire.RightRule],
    holder: Holder | None,
    granted: Sequence[str],
    ranks: Mapping[str, int],
) -> HeldRights:
    """Return the rights of a person. ``granted``: unit paths of the grants in force; ``ranks``: the
    position of each rank. Somebody who is not active has none."""
    if holder is None:
        return HeldRights()
    found: dict[wire.HeldRight, None] = {}
    for one in rules:
        if one.holder == "grant":
            paths = list(granted)
        else:
            own = [place for place in holder.places if fits(one, place, holder.rank, ranks)]
            paths = [place.path for place in own]
        heads = one.over == "heads"
        for path in paths:
            right = wire.HeldRight(
                right=one.right,
                path=WHOLE if heads else path,
                deep=one.over == "part",
                heads=heads,
            )
            found[right] = None
    return HeldRights(tuple(found))


def beyond(held: HeldRights, other: HeldRights) -> set[wire.Right]:
    """Return the rights that hold over something over which they do not in ``other``."""
    return {
        one.right for one in held.rights if not any(_covers(each, one) for each in other.rights)
    }


def _covers(wide: wire.HeldRight, one: wire.HeldRight) -> bool:
    whole = wide.deep and wide.path == WHOLE and not wide.heads
    if wide.right != one.right or wide.heads != one.heads:
        return wide.right == one.right and whole
    if wide.path == one.path:
        return wide.deep or not one.deep
    return whole or (wide.deep and one.path.startswith(f"{wide.path}/"))


def common(paths: Iterable[str]) -> str:
    """Return the path of the lowest unit that is at or above all of these; "" for none."""
    parts = [path.split("/") for path in paths]
    if not parts:
        return WHOLE
    shared: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return "/".join(shared)


def narrowest(paths: Iterable[str]) -> list[str]:
    """Return these unit paths without paths that lie below another of them."""
    found: list[str] = []
    for path in sorted(set(paths)):
        if not any(one in (WHOLE, path) or path.startswith(f"{one}/") for one in found):
            found.append(path)
    return found


def needs_second(people: int, force: int) -> bool:
    """Return whether an act that touches so many of so many people needs a second admin."""
    return people >= SECOND_LEAST and people * 100 > force * SECOND_PERCENT


def below(paths: Iterable[str], asker: Iterable[str]) -> bool:
    """Return whether somebody who holds a right over a unit by these unit paths is below somebody
    who holds it by the others: all of the first lie below the widest of the second."""
    own = list(asker)
    if not own:
        return False
    widest = min(own, key=len)
    return not any(covers(one, widest) for one in paths)


def check_fresh(created_ms: int, now_ms: int) -> None:
    """Raise ActStale unless an act is dated within ten minutes of this clock."""
    if abs(created_ms - now_ms) > CLOCK_LEEWAY_MS:
        raise errors.ActStale(server_ms=now_ms, created_ms=created_ms)
