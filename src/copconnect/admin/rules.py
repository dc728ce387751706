"""Rights and acts over plain values. Pure.

A right is always over a part of the tree: the units that a grant names, or the unit of the holder's
post. The rights table is data (:class:`wire.RightRule`); this module says who has what by it, what
the table may not say, and which acts need a second admin.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from copconnect import errors, wire
from copconnect.limits import CLOCK_LEEWAY_MS
from copconnect.principals import RightsBasis

RIGHTS: tuple[wire.Right, ...] = get_args(wire.Right)
# Devices judge these by E0 (KEYS.md), which knows grants alone.
BY_GRANT_ALONE: frozenset[wire.Right] = frozenset(
    {"confirm_devices", "revoke_devices", "give_grants"}
)
SECOND_PERCENT = 5  # An act that touches more of the force than this needs a second admin.
SECOND_LEAST = 100  # People; an act on fewer never does, whatever the size of the force.
ACT_WAITS_MS = 7 * 86_400_000
WHOLE = ""  # The path of the whole department, which root admins hold.

DEFAULT_RULES: tuple[wire.RightRule, ...] = (
    *(wire.RightRule(right=right, holder="grant", code="", over="part") for right in RIGHTS),
    wire.RightRule(right="see_numbers", holder="head", code="", over="part"),
    wire.RightRule(right="manage_groups", holder="head", code="", over="part"),
    wire.RightRule(right="post_large", holder="head", code="", over="part"),
)


def check_rules(rules: Sequence[wire.RightRule], ranks: Mapping[str, int]) -> None:
    """Refuse a table that could not hold. Raises ActInvalid."""
    for rule in rules:
        if rule.holder != "grant" and rule.right in BY_GRANT_ALONE:
            raise errors.ActInvalid(reason=f"{rule.right} is given by grants alone")
        if (rule.holder in ("rank", "role")) != (rule.code != ""):
            raise errors.ActInvalid(reason=f"{rule.holder} and code")
        if rule.holder == "rank" and rule.code not in ranks:
            raise errors.ActInvalid(reason=f"no rank {rule.code}")
    for right in BY_GRANT_ALONE:
        if not any(rule.right == right for rule in rules):
            raise errors.ActInvalid(reason=f"nobody would have {right}")


def held(
    rules: Iterable[wire.RightRule],
    basis: RightsBasis | None,
    granted: Sequence[str],
    ranks: Mapping[str, int],
) -> list[wire.HeldRight]:
    """Return the rights of a person. ``granted``: unit paths of the grants in force; ``ranks``: the
    position of each rank. Somebody who is not active has none."""
    if basis is None or basis.status != "active":
        return []
    found: dict[tuple[wire.Right, str, bool], wire.HeldRight] = {}
    for rule in rules:
        paths = granted if rule.holder == "grant" else _own(rule, basis, ranks)
        deep = rule.holder == "grant" or rule.over == "part"
        for path in paths:
            one = wire.HeldRight(right=rule.right, path=path, deep=deep)
            found[one.right, one.path, one.deep] = one
    return list(found.values())


def _own(rule: wire.RightRule, basis: RightsBasis, ranks: Mapping[str, int]) -> Sequence[str]:
    match rule.holder:
        case "head":
            fits = basis.head
        case "role":
            fits = rule.code in basis.roles
        case "rank":
            least = ranks.get(rule.code)
            seniority = basis.seniority
            fits = least is not None and seniority is not None and seniority >= least
        case _:
            fits = False
    return [basis.path] if fits else []


def paths_of(rights: Iterable[wire.HeldRight], right: wire.Right) -> list[str]:
    """Return the unit paths over which a right holds with all units below."""
    return [one.path for one in rights if one.right == right and one.deep]


def lacking(
    rights: Iterable[wire.HeldRight], right: wire.Right, paths: Iterable[str]
) -> str | None:
    """Return the first of these unit paths over which the right is lacking; None if none."""
    mine = [one for one in rights if one.right == right]
    return next((path for path in paths if not any(_over(one, path) for one in mine)), None)


def require(rights: Iterable[wire.HeldRight], right: wire.Right, paths: Iterable[str]) -> None:
    """Raise NotAllowed unless the right holds over all of these unit paths."""
    path = lacking(rights, right, paths)
    if path is not None:
        raise errors.NotAllowed(right=right, path=path)


def _over(one: wire.HeldRight, path: str) -> bool:
    if one.path == path:
        return True
    return one.deep and (one.path == WHOLE or path.startswith(f"{one.path}/"))


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
    """Return these unit paths without those that lie below another of them."""
    found: list[str] = []
    for path in sorted(set(paths)):
        if not any(one in (WHOLE, path) or path.startswith(f"{one}/") for one in found):
            found.append(path)
    return found


def needs_second(people: int, force: int) -> bool:
    """Return whether an act that touches so many of so many people needs a second admin."""
    return people >= SECOND_LEAST and people * 100 > force * SECOND_PERCENT


def check_fresh(created_ms: int, now_ms: int) -> None:
    """Raise ActStale unless an act is dated within ten minutes of this clock."""
    if abs(created_ms - now_ms) > CLOCK_LEEWAY_MS:
        raise errors.ActStale(server_ms=now_ms, created_ms=created_ms)
