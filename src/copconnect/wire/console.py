"""Answers to what the console reads: rights, numbers, people, devices, grants, the audit log;
requests with signed acts, their previews, and the acts that wait."""

from typing import Annotated, Literal

from msgspec import Meta

from copconnect.ids import ActId, PersonId, UnitId
from copconnect.limits import MAX_ACT_BYTES, MAX_PRESENCE_BYTES
from copconnect.wire.admin import ActState, Right, RightRule
from copconnect.wire.base import Hex32, Wire
from copconnect.wire.directory import Names, Person
from copconnect.wire.push import PushReach
from copconnect.wire.trust import ClientInfo


class HeldRight(Wire, frozen=True, kw_only=True):
    """A right of the caller and the unit paths over which it holds; "" is the whole department.

    ``deep``: with all units below. ``heads``: over the heads of all units instead."""

    right: Right
    path: str
    deep: bool
    heads: bool


class AdminRights(Wire, frozen=True, kw_only=True):
    """The caller's rights, and the table that gives them. ``console``: the console opens."""

    console: bool
    rights: list[HeldRight]
    rules: list[RightRule]


class PartCount(Wire, frozen=True, kw_only=True):
    """People and registered people of a unit right below the caller's part."""

    unit_id: UnitId
    people: int
    registered: int


class AdminOverview(Wire, frozen=True, kw_only=True):
    """The work that waits in the caller's part, and the part's size."""

    people: int
    registered: int
    suspended: int
    devices: int
    unconfirmed: int
    locked: int  # Devices that are locked as lost.
    silent: int  # Devices that were not seen for a week.
    unreached: int  # Devices that no push has reached for a day.
    grants_ending: int  # Within 14 days.
    waiting_acts: int
    parts: list[PartCount]


class UnitRegistrations(Wire, frozen=True, kw_only=True):
    """People of a unit right below the caller's part, with all below it, by the week of their first
    device; the first of ``weeks`` counts all before ``first_ms``."""

    unit_id: UnitId
    weeks: list[int]


class VersionCount(Wire, frozen=True, kw_only=True):
    app: str  # As in Hello.
    devices: int


class SizeCount(Wire, frozen=True, kw_only=True):
    """Groups with at least and at most so many members. ``most``: None for no most."""

    least: int
    most: int | None
    groups: int


class SpanCount(Wire, frozen=True, kw_only=True):
    """Messages that were sent in the half hour from then."""

    from_ms: int
    messages: int


class AdminCharts(Wire, frozen=True, kw_only=True):
    """Counts of the caller's part. ``sizes``: of groups that have somebody of the part in them;
    ``activity``: of the past week; half hours without a message are left out. Both are empty in a
    part of fewer than ten people."""

    first_ms: int
    week_ms: int
    registrations: list[UnitRegistrations]
    versions: list[VersionCount]
    sizes: list[SizeCount]
    activity: list[SpanCount]


class AdminPerson(Wire, frozen=True, kw_only=True):
    """A person of the caller's part. ``person.number`` is "" without the right to see numbers."""

    person: Person
    clients: list[ClientInfo]
    grants: list[str]  # Unit paths over which the person holds a grant.


class AdminPeople(Wire, frozen=True, kw_only=True):
    people: list[AdminPerson]
    next: str | None  # Pass as ?after= for the next page.
    total: int


class AdminDevice(Wire, frozen=True, kw_only=True):
    """``push``: None for a device that is not subscribed."""

    person: Person
    client: ClientInfo
    push: PushReach | None


class AdminDevices(Wire, frozen=True, kw_only=True):
    devices: list[AdminDevice]
    next: str | None
    total: int


class AdminGrant(Wire, frozen=True, kw_only=True):
    """The newest grant to a person over a unit of the caller's part."""

    person: Person
    path: str
    by: Person | None
    created_ms: int
    not_after_ms: int
    state: Literal["in_force", "ended", "withdrawn"]


class AdminGrants(Wire, frozen=True, kw_only=True):
    grants: list[AdminGrant]


class AuditContent(Wire, frozen=True, kw_only=True):
    """The content of an entry. ``act``: the act, JSON, as the server says; ``signed``: the
    record by which an admin's device asked for it, of the kind ``signed_as``; empty for an
    operator's act; ``presence``: the proof that the person was there, of an act of weight."""

    salt: bytes
    by: str
    path: str
    act: str
    signed_as: Literal["", "act", "endorsement", "authenticator"]
    signed: bytes
    presence: bytes


class AuditEntry(Wire, frozen=True, kw_only=True):
    """An entry of the audit log. ``digest`` is the hash of the content; the content of entries
    about other parts of the tree is None, and the chain verifies all the same."""

    number: int
    made_ms: int
    digest: bytes
    hash: bytes
    content: AuditContent | None


class AuditPage(Wire, frozen=True, kw_only=True):
    """``newest``: the number of the newest entry there is."""

    entries: list[AuditEntry]
    next: int | None
    newest: int
    newest_hash: bytes
    people: list[Person]  # Those whom the entries name.


class SubmitAct(Wire, frozen=True, kw_only=True):
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
    Only the first answer has ``codes``: the server keeps their hashes alone, so the answer to a
    repeated act lacks them."""

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
