"""Reorganisations: steps that change the tree of units, what they would do, and those of the past.

A reorganisation is one act (:class:`copconnect.wire.admin.ReorganiseUnits`) of several steps, done
in order. Ids of units stay as they are unless a unit ends.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from copconnect.ids import PersonId, PostId, UnitId
from copconnect.limits import REORGANISATION_STEPS, REORGANISED_PEOPLE
from copconnect.wire.base import HEX16, Wire, snake_case
from copconnect.wire.directory import Names, Person

_UnitCode = Annotated[UnitId, Meta(min_length=1, max_length=64)]
_Level = Annotated[str, Meta(min_length=1, max_length=32)]
_UnitCodes = Annotated[list[_UnitCode], Meta(max_length=REORGANISATION_STEPS)]


class ReorganisationStep(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    tag_field="step",
    tag=snake_case,
):
    """Base of every step; the tag is the class name in snake case."""


class AddUnit(ReorganisationStep, frozen=True, kw_only=True):
    """A new unit, the last below its parent; ``parent_id`` is None at the top."""

    unit_id: _UnitCode
    parent_id: _UnitCode | None
    level: _Level
    names: Names


class RenameUnit(ReorganisationStep, frozen=True, kw_only=True):
    """The names and the level that a unit has from now on."""

    unit_id: _UnitCode
    level: _Level
    names: Names


class MoveUnit(ReorganisationStep, frozen=True, kw_only=True):
    """A unit, with all below it, gets another parent."""

    unit_id: _UnitCode
    parent_id: _UnitCode | None


class MergeUnits(ReorganisationStep, frozen=True, kw_only=True):
    """A unit ends; its people, posts and units below it go to another one."""

    unit_id: _UnitCode
    into: _UnitCode


class UnitPart(Wire, frozen=True, kw_only=True):
    """A new unit that is split off: with the units below the old one, the posts of the old one with
    all who hold them, and the people of the old one that it gets."""

    unit_id: _UnitCode
    parent_id: _UnitCode | None
    level: _Level
    names: Names
    unit_ids: _UnitCodes
    post_ids: Annotated[list[Annotated[PostId, HEX16]], Meta(max_length=REORGANISED_PEOPLE)]
    person_ids: Annotated[list[Annotated[PersonId, HEX16]], Meta(max_length=REORGANISED_PEOPLE)]


class SplitUnit(ReorganisationStep, frozen=True, kw_only=True):
    """New units are split off a unit, which keeps what no part names."""

    unit_id: _UnitCode
    parts: Annotated[list[UnitPart], Meta(min_length=1, max_length=32)]


class RemoveUnit(ReorganisationStep, frozen=True, kw_only=True):
    """A unit without people and without units below it ends."""

    unit_id: _UnitCode


class OrderUnits(ReorganisationStep, frozen=True, kw_only=True):
    """The order of all units right below one; None: of the top units."""

    parent_id: _UnitCode | None
    unit_ids: Annotated[list[_UnitCode], Meta(max_length=5_000)]


Step = AddUnit | RenameUnit | MoveUnit | MergeUnits | SplitUnit | RemoveUnit | OrderUnits
Steps = Annotated[list[Step], Meta(min_length=1, max_length=REORGANISATION_STEPS)]

StepProblemCode = Literal[
    "unit_unknown",  # No unit has this code, or an earlier step ended it.
    "unit_exists",  # A unit has this code.
    "unit_former",  # A unit had this code that a reorganisation ended.
    "code_invalid",
    "name_missing",  # In English.
    "name_malformed",
    "name_taken",  # By another unit below the same parent.
    "level_unknown",
    "level_unfit",  # Not below the parent's level.
    "below_itself",
    "not_empty",
    "elsewhere",  # A part gets a person, post or unit that the old unit does not have.
    "named_twice",
    "order_incomplete",
    "too_deep",
    "changes_nothing",
]


class StepProblem(Wire, frozen=True, kw_only=True):
    """The reason why a step cannot be done. ``step``: its index; ``unit_id``: the unit that is
    wrong; ``value``: the mistake, such as a code or a person's id."""

    step: int
    code: StepProblemCode
    unit_id: UnitId
    value: str


class PreviewReorganisation(Wire, frozen=True, kw_only=True):
    """Steps before they are signed, or ``undo``: the number of a reorganisation."""

    steps: Annotated[list[Step], Meta(max_length=REORGANISATION_STEPS)]
    undo: int | None


UnitChangeKind = Literal["added", "renamed", "level", "moved", "merged", "removed", "order"]


class UnitState(Wire, frozen=True, kw_only=True):
    """A unit as it is before or after a reorganisation."""

    parent_id: UnitId | None
    level: str
    names: Names


class UnitChange(Wire, frozen=True, kw_only=True):
    """A unit that a reorganisation changes. ``before``: None for a new one; ``after``: None for one
    that ends; ``into``: the unit that it is merged into; ``people``: at and below it, before."""

    unit_id: UnitId
    kinds: list[UnitChangeKind]
    before: UnitState | None
    after: UnitState | None
    into: UnitId | None
    people: int


class PlaceChange(Wire, frozen=True, kw_only=True):
    """People whose posts go from one unit to another. ``some``: the first of them."""

    from_id: UnitId
    to_id: UnitId
    people: int
    some: list[PersonId]


GroupChangeKind = Literal["made", "renamed", "ended", "people"]


class GroupChange(Wire, frozen=True, kw_only=True):
    """A conversation that follows the data bank and that a reorganisation changes. ``title``: None
    for one that an officer made, whose name the server does not know; ``former``: its title before,
    where it gets another."""

    kind: GroupChangeKind
    title: Names | None
    former: Names | None
    joins: int
    leaves: int
    joining: list[PersonId]  # The first of them.
    leaving: list[PersonId]


class LapsingGrant(Wire, frozen=True, kw_only=True):
    """A grant in force over a unit path that is gone afterwards. ``now``: the path of the same unit
    afterwards, over which it may be given again; None where the unit ends."""

    person: Person
    path: str
    now: str | None
    not_after_ms: int


class ReorganisationPreview(Wire, frozen=True, kw_only=True):
    """All that a reorganisation would do. With ``problems`` the rest is empty. ``people``: how many
    it touches; ``moved``: whose posts go to another unit; ``posts``: how many posts do, vacant ones
    among them; ``charges``: officiating and additional charges that do. ``groups``: the first of
    ``group_count``. ``conversations_kept``: conversations with posts that continue where the post
    lives on; ``conversations_ended``: conversations whose post ends. ``cards``: of the people who
    are named by their ids."""

    problems: list[StepProblem]
    units: list[UnitChange]
    people: int
    moved: int
    posts: int
    charges: int
    places: list[PlaceChange]
    groups: list[GroupChange]
    group_count: int
    conversations_kept: int
    conversations_ended: int
    lapsing: list[LapsingGrant]
    paths: list[str]
    needs_second: bool
    cards: list[Person]


class PastReorganisation(Wire, frozen=True, kw_only=True):
    """A reorganisation of the past. ``undoes``: the number of the one that it undid; ``person``:
    the admin, None for an operator, whose login ``by`` has."""

    number: int
    by: str
    person: Person | None
    at_ms: int
    units: list[UnitChange]
    people: int
    undoes: int | None
    undone_ms: int | None


class PastReorganisations(Wire, frozen=True, kw_only=True):
    reorganisations: list[PastReorganisation]


class UnitCount(Wire, frozen=True, kw_only=True):
    """People and registered people of a unit itself, without those below it."""

    unit_id: UnitId
    people: int
    registered: int


class UnitCounts(Wire, frozen=True, kw_only=True):
    """The units of the caller's part that have people."""

    units: list[UnitCount]
