"""Posts as rows of the data bank name them. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

from copconnect import wire
from copconnect.ids import UnitId


class PostKey(NamedTuple):
    """The facts by which a row names a post."""

    unit: UnitId
    title: str  # In English.
    roles: frozenset[str]
    head: bool


@dataclass(frozen=True, slots=True)
class PostRow:
    """A post, held or vacant."""

    key: PostKey
    names: wire.Names
    roles: tuple[str, ...]
