"""The data bank: units, levels, ranks, roles, people."""

from typing import Annotated, Literal

from msgspec import Meta

from copconnect.ids import PersonId, PostId, UnitId
from copconnect.wire.base import Wire


class Names(Wire, frozen=True, kw_only=True):
    """A name in each of ``LANGUAGES``. English is never empty; another is "" where the data bank
    does not have it."""

    en: str
    te: str
    ur: str
    hi: str


class Unit(Wire, frozen=True, kw_only=True):
    unit_id: UnitId
    parent_id: UnitId | None
    level: str  # Code of a Level.
    names: Names


class Level(Wire, frozen=True, kw_only=True):
    """Kind of unit ("state", "commissionerate", "station", …), in order from the top."""

    code: str
    names: Names


class Rank(Wire, frozen=True, kw_only=True):
    code: str
    names: Names
    order: int  # Higher is more senior.


class Role(Wire, frozen=True, kw_only=True):
    code: str
    names: Names


class Directory(Wire, frozen=True, kw_only=True):
    """The organisation without its people. ``version`` serves as ETag."""

    version: str
    units: list[Unit]
    levels: list[Level]
    ranks: list[Rank]
    roles: list[Role]


Charge = Literal["officiating", "additional"]
_RoleCode = Annotated[str, Meta(min_length=1, max_length=32)]


class NewPlace(Wire, frozen=True, kw_only=True):
    """A post by what it is: the one of this unit with this English title, these roles and ``head``;
    it is made where there is none. ``head``: its holder heads the unit."""

    unit_id: Annotated[UnitId, Meta(max_length=64)]
    post: Names
    roles: Annotated[list[_RoleCode], Meta(max_length=16)]
    head: bool


class Posting(Wire, frozen=True, kw_only=True):
    """A post that a person holds or held. ``posting_id``: 0 for the one that they hold now."""

    posting_id: int
    post_id: PostId
    unit_id: UnitId
    post: Names
    roles: list[str]
    head: bool
    charge: Literal["regular", "officiating", "additional"]
    from_ms: int
    until_ms: int | None


class Person(Wire, frozen=True, kw_only=True):
    person_id: PersonId
    names: Names
    number: str  # E.164; "" where the caller is not shown it.
    rank: str  # Code of a Rank.
    post_id: PostId
    post: Names  # "SHO, Charminar PS".
    roles: list[str]  # Codes of Roles.
    unit_id: UnitId
    charges: list[Posting]  # Open ones, beside the post.
    registered: bool
    status: Literal["active", "suspended", "removed"]


class People(Wire, frozen=True, kw_only=True):
    people: list[Person]
    next: str | None  # Pass as ?after= for the next page.
    total: int


class PostHolder(Wire, frozen=True, kw_only=True):
    """A person who holds a post, and how."""

    person: Person
    charge: Literal["regular", "officiating", "additional"]


class Post(Wire, frozen=True, kw_only=True):
    """A post of a unit. ``holders``: active ones, regular before officiating before additional,
    then seniors first; at most 20 of ``held_by``. Without a regular one the post is vacant."""

    post_id: PostId
    unit_id: UnitId
    names: Names
    roles: list[str]
    head: bool  # Its holder heads the unit.
    holders: list[PostHolder]
    held_by: int


class Posts(Wire, frozen=True, kw_only=True):
    posts: list[Post]


class UnitHeads(Wire, frozen=True, kw_only=True):
    """The posts whose holders head a unit."""

    unit_id: UnitId
    posts: list[Post]


class ChainOfCommand(Wire, frozen=True, kw_only=True):
    """A unit and every unit above it, the nearest first."""

    units: list[UnitHeads]


SearchText = Annotated[str, Meta(max_length=100)]
UnitPath = Annotated[str, Meta(max_length=1_100)]  # Ids of units, the highest first.


class Search(Wire, frozen=True, kw_only=True):
    """The parameters of a search by their names. They are in a body and not in the address, which
    proxies write to their logs: people search for names and numbers."""

    asked: dict[str, str]
