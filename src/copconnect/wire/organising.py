"""Questions of the console before admins move people or make groups, and the groups there are."""

from typing import Annotated, Literal

from msgspec import Meta

from copconnect.ids import ConversationId, PersonId, UnitId
from copconnect.limits import ACT_PEOPLE
from copconnect.wire.admin import PlaceGiven
from copconnect.wire.audiences import Audience, GroupPolicy
from copconnect.wire.base import HEX16, Wire
from copconnect.wire.delivery import ConversationKind, WhoMaySend
from copconnect.wire.directory import Names, Person, Posting

_HexPersonId = Annotated[PersonId, HEX16]


class FindPeople(Wire, frozen=True, kw_only=True):
    """People by employee number or phone number, as somebody pastes them."""

    given: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]],
        Meta(min_length=1, max_length=ACT_PEOPLE),
    ]


class FoundPerson(Wire, frozen=True, kw_only=True):
    """``person``: None for somebody who is not in the caller's part."""

    given: str
    person: Person | None


class FoundPeople(Wire, frozen=True, kw_only=True):
    people: list[FoundPerson]


class PersonPostings(Wire, frozen=True, kw_only=True):
    """The post of a person, their charges and former posts, the newest first."""

    postings: list[Posting]


class PreviewMoves(Wire, frozen=True, kw_only=True):
    """Transfers before they are signed: of these people to one place."""

    person_ids: Annotated[list[_HexPersonId], Meta(min_length=1, max_length=ACT_PEOPLE)]
    place: PlaceGiven
    rank: Annotated[str, Meta(min_length=1, max_length=32)] | None


class MovePreview(Wire, frozen=True, kw_only=True):
    """The groups of the department that a person would join and leave. ``allowed``: the caller may
    move them."""

    person_id: PersonId
    allowed: bool
    joins: list[Names]
    leaves: list[Names]


class MovesPreview(Wire, frozen=True, kw_only=True):
    moves: list[MovePreview]


class PlannedTransfer(Wire, frozen=True, kw_only=True):
    """A transfer that will be done when the day ``on`` begins in India, or one that ``failed``
    then, for the reason that it names. ``post``: its title."""

    planned_id: int
    person: Person
    unit_id: UnitId
    post: Names
    rank: str | None
    on: str
    state: Literal["planned", "failed"]
    reason: str


class PlannedTransfers(Wire, frozen=True, kw_only=True):
    """Those of the caller's part, the next first."""

    transfers: list[PlannedTransfer]


class PreviewAudience(Wire, frozen=True, kw_only=True):
    rule: Audience


class AudiencePreview(Wire, frozen=True, kw_only=True):
    """``people``: how many the rule takes now; ``sample``: some of them, seniors first;
    ``allowed``: the caller may make a group of them."""

    people: int
    sample: list[Person]
    allowed: bool


class AdminGroup(Wire, frozen=True, kw_only=True):
    """A conversation that the department made. ``by_policy``: the policy made it and keeps it."""

    conversation_id: ConversationId
    title: Names
    unit_id: UnitId | None
    rule: Audience
    kind: ConversationKind
    who_may_send: WhoMaySend
    members: int
    by_policy: bool


class AdminGroups(Wire, frozen=True, kw_only=True):
    """The groups of the caller's part, and the policy that makes the standing ones."""

    groups: list[AdminGroup]
    policy: list[GroupPolicy]
