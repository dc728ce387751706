"""Requests with signed acts, and the server's answers, previews and waiting acts."""

from typing import Annotated, Literal

from msgspec import Meta

from copconnect.ids import ActId, PersonId
from copconnect.limits import MAX_ACT_BYTES, MAX_PRESENCE_BYTES
from copconnect.wire.admin import ActState, Right
from copconnect.wire.base import Hex32, Wire
from copconnect.wire.directory import Names, Person


class PostAct(Wire, frozen=True, kw_only=True):
    """Idempotent by the act's id: the same bytes again are answered as the first time.
    ``presence``: the proof that the person is there, of an act of weight; else empty."""

    act: Annotated[bytes, Meta(min_length=1, max_length=MAX_ACT_BYTES + 256)]
    presence: Annotated[bytes, Meta(max_length=MAX_PRESENCE_BYTES)]


class EnrolmentCode(Wire, frozen=True, kw_only=True):
    """A person's new enrolment code, as letters show it."""

    person_id: PersonId
    code: str


class ActAnswer(Wire, frozen=True, kw_only=True):
    """``waiting``: a second admin must approve it. ``entry``: its number in the audit log.
    ``codes`` are told once: the server keeps only hashes, so that a repeated act is answered
    without them."""

    act_id: ActId
    state: ActState
    entry: int
    codes: list[EnrolmentCode]


class PreviewAct(Wire, frozen=True, kw_only=True):
    """An act before it is signed. ``act``: its JSON."""

    act: Annotated[bytes, Meta(min_length=1, max_length=MAX_ACT_BYTES)]


class RightChange(Wire, frozen=True, kw_only=True):
    """A right that people gain or lose by another rights table: how many, and some of them."""

    right: Right
    gain: int
    lose: int
    gaining: list[Person]
    losing: list[Person]


class PolicyChange(Wire, frozen=True, kw_only=True):
    """Groups of a line of the policy that another policy makes, ends, or gives other people or
    another name: how many, and how many people these groups take."""

    code: str
    title: Names
    kind: Literal["made", "ended", "changed", "renamed"]
    groups: int
    people: int


class ActPreview(Wire, frozen=True, kw_only=True):
    """The people whom an act touches. ``sample``: some of them; ``needs_second``: another admin
    must approve it; ``rights``: what another rights table changes, else empty; ``policy``: what
    another policy of groups does, else empty; ``conversations``: how many officers' conversations
    end with a post; ``approvers`` and ``approver_count``: as of WaitingAct, where it needs one;
    ``effect``: the hash of everything that the act would do now."""

    effect: Hex32
    people: int
    sample: list[Person]
    paths: list[str]
    needs_second: bool
    rights: list[RightChange]
    policy: list[PolicyChange]
    conversations: int
    approvers: list[Person]
    approver_count: int | None


class WaitingAct(Wire, frozen=True, kw_only=True):
    """An act that waits for a second admin. ``record``: as the first one's device signed it;
    ``approvers``: the first of the people who may approve it, and how many they are; None: that is
    not told, for an act about a report; ``preview``: what its asker was shown, without numbers;
    None for an act about a report."""

    act_id: ActId
    record: bytes
    hash: Hex32
    by: Person
    people: int
    paths: list[str]
    made_ms: int
    expires_ms: int
    own: bool  # The caller's own, which somebody else must approve.
    approvers: list[Person]
    approver_count: int | None
    preview: ActPreview | None


class WaitingActs(Wire, frozen=True, kw_only=True):
    acts: list[WaitingAct]
