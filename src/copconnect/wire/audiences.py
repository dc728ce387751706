"""Audiences: the rules that say who belongs to a conversation that follows the data bank."""

from typing import Annotated, Literal

from msgspec import Meta

from copconnect.ids import PersonId, PostId, UnitId
from copconnect.wire.base import HEX16, Wire
from copconnect.wire.directory import Names

_Code = Annotated[str, Meta(min_length=1, max_length=32)]
_HexPersonId = Annotated[PersonId, HEX16]


class Clause(Wire, frozen=True, kw_only=True):
    """The people who hold a place that fits. Within one list any entry fits; an empty list asks for
    nothing; every list that is not empty must fit the same place. ``everyone`` means a clause
    that asks for nothing, which is refused on its own."""

    everyone: bool = False
    units: Annotated[list[Annotated[UnitId, Meta(max_length=64)]], Meta(max_length=100)] = []
    below: bool = False  # Also the units below those listed.
    posts: Annotated[list[Annotated[PostId, HEX16]], Meta(max_length=100)] = []
    levels: Annotated[list[_Code], Meta(max_length=32)] = []  # Levels of the place's unit.
    roles: Annotated[list[_Code], Meta(max_length=32)] = []  # Roles of the post.
    ranks: Annotated[list[_Code], Meta(max_length=32)] = []  # Ranks of the person.
    heads: bool = False  # Only the heads of units.


class Audience(Wire, frozen=True, kw_only=True):
    """The people of any clause of ``include``, and ``people``; without those of any clause of
    ``exclude``, and without ``without``. People come and go with their places; a person whom two
    clauses fit belongs once."""

    include: Annotated[list[Clause], Meta(max_length=20)]
    people: Annotated[list[_HexPersonId], Meta(max_length=500)] = []
    exclude: Annotated[list[Clause], Meta(max_length=20)] = []
    without: Annotated[list[_HexPersonId], Meta(max_length=500)] = []


class Standing(Wire, frozen=True, kw_only=True):
    """A conversation that the department made: its name, and its place among the units.

    ``key``: another one for every group of the policy; None: made by hand. ``about``: "unit": all
    of a unit; "role": a role or rank within it; "post": a post to which the conversation's creator
    writes and whose holders are the other members; "orders": orders that a head above issues to a
    unit, under the title of the head's post. ``post_id``: the post to which that creator writes."""

    key: Annotated[str, Meta(max_length=200)] | None
    title: Names
    unit_id: UnitId | None
    about: Literal["unit", "role", "post", "orders"]
    post_id: PostId | None


class GroupPolicy(Wire, frozen=True, kw_only=True):
    """One line of the policy of standing groups: one group for every unit of ``levels``, of the
    people at or below it who fit ``roles``, ``ranks`` and ``heads``, and of the unit's head.

    ``title``: "{unit}" is replaced by the unit's name. ``code``: names the line for good."""

    code: _Code
    title: Names
    levels: Annotated[list[_Code], Meta(min_length=1, max_length=32)]
    roles: list[_Code] = []
    ranks: list[_Code] = []
    heads: bool = False
    kind: Literal["unit", "announcement"] = "unit"
    who_may_send: Literal["everyone", "admins"] = "everyone"
    history_days: Annotated[int, Meta(ge=0, le=30)] = 30
