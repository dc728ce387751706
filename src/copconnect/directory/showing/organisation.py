"""The organisation without its people, as devices get it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from copconnect import wire
from copconnect.directory import names


def as_wire(version: str, rows: Mapping[str, Sequence[Any]]) -> wire.Directory:
    """Return units, levels, ranks and roles; ``rows`` are of each table, by its name."""
    return wire.Directory(
        version=version,
        units=[
            wire.Unit(
                unit_id=row.unit_id, parent_id=row.parent_id, level=row.level, names=names.of(row)
            )
            for row in rows["units"]
        ],
        levels=[wire.Level(code=row.code, names=names.of(row)) for row in rows["levels"]],
        ranks=[
            wire.Rank(code=row.code, names=names.of(row), order=row.position)
            for row in rows["ranks"]
        ],
        roles=[wire.Role(code=row.code, names=names.of(row)) for row in rows["roles"]],
    )
