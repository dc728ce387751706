"""Which standing groups a policy makes of the units that there are. Pure."""

from collections.abc import Iterable, Sequence

from copconnect import wire
from copconnect.directory import names
from copconnect.principals import StandingGroup


def expand(policy: Iterable[wire.GroupPolicy], units: Sequence[wire.Unit]) -> list[StandingGroup]:
    """Return the groups of every line of the policy, in the order of lines and units. ``units``:
    of the Directory."""
    return [_group(line, unit) for line in policy for unit in units if unit.level in line.levels]


def _group(line: wire.GroupPolicy, unit: wire.Unit) -> StandingGroup:
    unit_id = unit.unit_id
    whole = not (line.roles or line.ranks or line.heads)
    clause = wire.Clause(
        units=[unit_id], below=True, roles=line.roles, ranks=line.ranks, heads=line.heads
    )
    head = wire.Clause(units=[unit_id], heads=True)
    return StandingGroup(
        standing=wire.Standing(
            key=f"{line.code}:{unit_id}",
            title=_title(line.title, unit),
            unit_id=unit_id,
            about="unit" if whole else "role",
            post_id=None,
        ),
        rule=wire.Audience(include=[clause] if whole else [clause, head]),
        policy=line,
    )


def _title(title: wire.Names, unit: wire.Unit) -> wire.Names:
    """Put the unit's name into the title, in each language that has both."""
    return wire.Names(
        **{
            language: words.replace("{unit}", name) if name or "{unit}" not in words else ""
            for language, words, name in zip(
                wire.LANGUAGES, names.spellings(title), names.spellings(unit.names), strict=True
            )
        }
    )
