"""Answers to what the console reads: rights, numbers, people, devices, grants, the audit log."""

from typing import Literal

from copconnect.ids import UnitId
from copconnect.wire.admin import Right, RightRule
from copconnect.wire.base import Wire
from copconnect.wire.directory import Person
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
    """The content of an entry. ``act``: what was done, JSON, as the server says; ``signed``: the
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
