"""Administration: signed acts, rights, what the console shows, the audit log.

An act travels as a record (``copconnect admin-act v1``, docs/protocol.md) whose body is the JSON of
one of the structs under :data:`Act`; the tag ``act`` names it. Binary fields of acts are base64,
because the signed body is JSON.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from copconnect.ids import ActId, ConversationId, DeviceId, PersonId, PostId, UnitId, UploadId
from copconnect.limits import ACT_PEOPLE, MAX_ACT_BYTES, MAX_RECORD_BYTES, MAX_REVOCATION_BYTES
from copconnect.wire.audiences import Audience
from copconnect.wire.base import HEX16, HEX32, Hex32, Wire, snake_case
from copconnect.wire.directory import Charge, Names, NewPlace, Person
from copconnect.wire.push import PushReach
from copconnect.wire.reorganising import Steps
from copconnect.wire.trust import ClientInfo

Right = Literal[
    "see_numbers",
    "manage_people",
    "manage_units",
    "import_people",
    "manage_groups",
    "enrol",
    "confirm_devices",
    "revoke_devices",
    "give_grants",
    "read_audit",
    "post_large",
    "oversee_orders",
]
ActState = Literal["done", "waiting", "refused"]
UnitPath = Annotated[str, Meta(min_length=1, max_length=1024)]  # Units joined by "/".
# A post that is there, by its id, or one by what it is.
PlaceGiven = Annotated[PostId, HEX16] | NewPlace
RightHolder = Literal["grant", "head", "rank", "role", "everybody"]
RightReach = Literal["unit", "part", "heads"]
ActReason = Annotated[str, Meta(max_length=500)]


def _base64(most_bytes: int) -> Meta:
    return Meta(pattern="^[A-Za-z0-9+/]+={0,2}$", max_length=4 * (most_bytes // 3 + 1))


RecordText = Annotated[str, _base64(MAX_RECORD_BYTES)]
RevocationText = Annotated[str, _base64(MAX_REVOCATION_BYTES)]


class RightRule(Wire, frozen=True, kw_only=True):
    """One line of the rights table: people of a kind have a right over their part.

    ``holder``: ``grant``, who holds a grant (over the granted units); ``head``, who heads a unit;
    ``rank``, who has the rank ``code`` or a more senior one; ``role``, who has the role ``code``;
    ``everybody``, every officer. Charges count like the own post. ``level``: only where the unit is
    of this level; "" for any. ``over``: the holder's own unit alone; or also all below it, as a
    grant always is; or, for ``see_numbers`` alone, ``heads``: whoever heads a unit anywhere.
    """

    right: Right
    holder: RightHolder
    code: Annotated[str, Meta(max_length=32)]
    level: Annotated[str, Meta(max_length=32)]
    over: RightReach


# --- Acts -------------------------------------------------------------------------------------


class AdminAct(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename="camel",
    forbid_unknown_fields=True,
    tag_field="act",
    tag=snake_case,
):
    """Base of every act; the tag is the class name in snake case."""


class SuspendPerson(AdminAct, frozen=True, kw_only=True):
    """Sign a person out everywhere and lock them out."""

    person_id: Annotated[PersonId, HEX16]
    reason: ActReason


class RestorePerson(AdminAct, frozen=True, kw_only=True):
    """End a suspension; the person registers again."""

    person_id: Annotated[PersonId, HEX16]


class TransferPerson(AdminAct, frozen=True, kw_only=True):
    """Give a person another post; another rank where one is named."""

    person_id: Annotated[PersonId, HEX16]
    place: PlaceGiven
    rank: Annotated[str, Meta(min_length=1, max_length=32)] | None


class GiveCharge(AdminAct, frozen=True, kw_only=True):
    """Let a person hold a post beside their own."""

    person_id: Annotated[PersonId, HEX16]
    place: PlaceGiven
    charge: Charge


class EndCharge(AdminAct, frozen=True, kw_only=True):
    """End a post that a person holds beside their own."""

    person_id: Annotated[PersonId, HEX16]
    posting_id: int


class ReorganiseUnits(AdminAct, frozen=True, kw_only=True):
    """Change the tree of units by steps, all of them or none."""

    steps: Steps


class UndoReorganisation(AdminAct, frozen=True, kw_only=True):
    """Restore what a reorganisation changed, unless something changed the same since."""

    number: int


class MakeEnrolmentCodes(AdminAct, frozen=True, kw_only=True):
    """Give people new codes for letters, in place of those that they have."""

    person_ids: Annotated[
        list[Annotated[PersonId, HEX16]], Meta(min_length=1, max_length=ACT_PEOPLE)
    ]


class RevokeDevice(AdminAct, frozen=True, kw_only=True):
    """Revoke another person's device by a Revocation of the same signer (KEYS.md E4)."""

    person_id: Annotated[PersonId, HEX16]
    device: Annotated[DeviceId, HEX32]
    revocation: RevocationText


class GiveGrant(AdminAct, frozen=True, kw_only=True):
    """Give a person the right over a unit and all below it, by a Grant of the same signer."""

    person_id: Annotated[PersonId, HEX16]
    path: UnitPath
    grant: RecordText


class WithdrawGrant(AdminAct, frozen=True, kw_only=True):
    """End a person's right over exactly this unit, by a Grant that ends when it begins."""

    person_id: Annotated[PersonId, HEX16]
    path: UnitPath
    grant: RecordText


class SetRights(AdminAct, frozen=True, kw_only=True):
    """Put another rights table in place of the one in force. Always needs a second admin."""

    rules: Annotated[list[RightRule], Meta(min_length=1, max_length=200)]


class ApplyImport(AdminAct, frozen=True, kw_only=True):
    """Import an uploaded file. ``sha256``: of the file; ``digest``: of the preview that the admin
    saw, without exactly whose changes nothing is imported."""

    upload_id: Annotated[UploadId, HEX16]
    sha256: Hex32
    digest: Hex32
    remove_missing: bool
    partial: bool


class UndoImport(AdminAct, frozen=True, kw_only=True):
    """Restore what an import replaced. ``undone``: its number."""

    undone: Annotated[int, Meta(ge=1)]


class CreateGroup(AdminAct, frozen=True, kw_only=True):
    """Make a conversation of the department, whose people a rule says. The signer chooses its
    id."""

    conversation_id: Annotated[ConversationId, HEX16]
    title: Names
    rule: Audience
    who_may_post: Literal["everyone", "admins"]


class ChangeGroup(AdminAct, frozen=True, kw_only=True):
    """Give a conversation that an admin made another name, rule or policy of posting."""

    conversation_id: Annotated[ConversationId, HEX16]
    title: Names
    rule: Audience
    who_may_post: Literal["everyone", "admins"]


class EndGroup(AdminAct, frozen=True, kw_only=True):
    """Let everybody leave a conversation that an admin made; its log stays."""

    conversation_id: Annotated[ConversationId, HEX16]


class ApproveAct(AdminAct, frozen=True, kw_only=True):
    """A second admin agrees to an act that waits. ``hash``: of the whole signed record."""

    act_id: Annotated[ActId, HEX16]
    hash: Hex32


class RefuseAct(AdminAct, frozen=True, kw_only=True):
    """An act that waits will not be done: refused by a second admin, or withdrawn by the first."""

    act_id: Annotated[ActId, HEX16]
    hash: Hex32
    reason: ActReason


Act = (
    SuspendPerson
    | RestorePerson
    | TransferPerson
    | GiveCharge
    | EndCharge
    | ReorganiseUnits
    | UndoReorganisation
    | MakeEnrolmentCodes
    | RevokeDevice
    | GiveGrant
    | WithdrawGrant
    | SetRights
    | ApplyImport
    | UndoImport
    | CreateGroup
    | ChangeGroup
    | EndGroup
    | ApproveAct
    | RefuseAct
)


class PostAct(Wire, frozen=True, kw_only=True):
    """Idempotent by the act's id: the same bytes again are answered as the first time."""

    act: Annotated[bytes, Meta(min_length=1, max_length=MAX_ACT_BYTES + 256)]


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
    """A right that people gain or lose over some part by another rights table: how many, and some
    of them."""

    right: Right
    gain: int
    lose: int
    gaining: list[Person]
    losing: list[Person]


class ActPreview(Wire, frozen=True, kw_only=True):
    """The people whom an act touches. ``sample``: some of them; ``needs_second``: another admin
    must approve it; ``rights``: what another rights table changes, else empty."""

    people: int
    sample: list[Person]
    paths: list[str]
    needs_second: bool
    rights: list[RightChange]


class WaitingAct(Wire, frozen=True, kw_only=True):
    """An act that waits for a second admin. ``record``: as the first one's device signed it."""

    act_id: ActId
    record: bytes
    hash: Hex32
    by: Person
    people: int
    paths: list[str]
    made_ms: int
    expires_ms: int
    own: bool  # The caller's own, which somebody else must approve.


class WaitingActs(Wire, frozen=True, kw_only=True):
    acts: list[WaitingAct]


# --- Rights -----------------------------------------------------------------------------------


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


# --- Reading ----------------------------------------------------------------------------------


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
    silent: int  # Devices that were not seen for a week.
    unreached: int  # Devices that no push has reached for a day.
    grants_ending: int  # Within 14 days.
    waiting_acts: int
    parts: list[PartCount]


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
    operator's act."""

    salt: bytes
    by: str
    path: str
    act: str
    signed_as: Literal["", "act", "endorsement"]
    signed: bytes


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
