"""Administration: signed acts, rights, what the console shows, the audit log.

An act travels as a record (``copconnect admin-act v1``, docs/protocol.md) whose body is the JSON of
one of the structs under :data:`Act`; the tag ``act`` names it. Binary fields of acts are base64,
because the signed body is JSON.
"""

from typing import Annotated, ClassVar, Literal, get_args

from msgspec import Meta

from copconnect.ids import ActId, ConversationId, DeviceId, LessonId, PersonId, PostId, UploadId
from copconnect.limits import (
    ACT_PEOPLE,
    GROUP_POLICY_LINES,
    GUARD_POLICY_CHARACTERS,
    MAX_RECORD_BYTES,
    MAX_REVOCATION_BYTES,
)
from copconnect.wire.audiences import Audience, GroupPolicy
from copconnect.wire.base import HEX16, HEX32, AdminAct, Hex32, Wire
from copconnect.wire.conduct import ConductText, MarkPicture, UnmarkPicture
from copconnect.wire.delivery import HoldMessages, LiftHold
from copconnect.wire.directory import Charge, Names, NewPlace
from copconnect.wire.imports import ImportAliases
from copconnect.wire.reorganising import Steps
from copconnect.wire.reports.acts import AssignReport, DecideAppeal, DecideReport
from copconnect.wire.training import LESSON_ID, LessonPictures, LessonTexts
from copconnect.wire.trust import EnrolAuthenticator, ExportPart, LockAct

Right = Literal[
    "see_numbers",
    "read_directory",
    "manage_people",
    "manage_units",
    "import_people",
    "manage_groups",
    "enrol",
    "confirm_devices",
    "revoke_devices",
    "lock_devices",
    "give_grants",
    "read_audit",
    "send_large",
    "oversee_orders",
    "issue_routine",
    "issue_urgent",
    "issue_flash",
    "moderate",
    "train",
    "edit_conduct",
    "hold_messages",
]
ActState = Literal["done", "waiting", "refused"]
UnitPath = Annotated[str, Meta(min_length=1, max_length=1024)]  # Units joined by "/".
# A post that is there, by its id, or one by what it is.
PlaceGiven = Annotated[PostId, HEX16] | NewPlace
RightHolder = Literal["grant", "head", "rank", "role", "everybody"]
RightReach = Literal["unit", "part", "heads"]
Day = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
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
    grant always is; or, for ``see_numbers`` alone, ``heads``: everybody who heads a unit anywhere.
    """

    right: Right
    holder: RightHolder
    code: Annotated[str, Meta(max_length=32)]
    level: Annotated[str, Meta(max_length=32)]
    over: RightReach


# --- Acts -------------------------------------------------------------------------------------


class SuspendPerson(AdminAct, frozen=True, kw_only=True):
    """Sign a person out everywhere and lock them out."""

    recorded_as: ClassVar = "person_suspended"
    person_id: Annotated[PersonId, HEX16]
    reason: ActReason


class RestorePerson(AdminAct, frozen=True, kw_only=True):
    """End a suspension; the person registers again."""

    recorded_as: ClassVar = "person_restored"
    person_id: Annotated[PersonId, HEX16]


class TransferPerson(AdminAct, frozen=True, kw_only=True):
    """Give a person another post; another rank where one is named."""

    recorded_as: ClassVar = "person_transferred"
    person_id: Annotated[PersonId, HEX16]
    place: PlaceGiven
    rank: Annotated[str, Meta(min_length=1, max_length=32)] | None


class PlanTransfer(AdminAct, frozen=True, kw_only=True):
    """Give a person another post, and another rank where one is named, when a day begins in
    India."""

    recorded_as: ClassVar = "transfer_planned"
    person_id: Annotated[PersonId, HEX16]
    place: PlaceGiven
    rank: Annotated[str, Meta(min_length=1, max_length=32)] | None
    on: Day


class CancelTransfer(AdminAct, frozen=True, kw_only=True):
    """Do not do a planned transfer, or take one that failed off the list."""

    recorded_as: ClassVar = "planned_transfer_cancelled"
    person_id: Annotated[PersonId, HEX16]
    planned_id: int


class AbolishPost(AdminAct, frozen=True, kw_only=True):
    """End a post that nobody holds. The officers who wrote to it keep their conversations."""

    recorded_as: ClassVar = "post_abolished"
    post_id: Annotated[PostId, HEX16]


class RestorePost(AdminAct, frozen=True, kw_only=True):
    """Let a post be there again that was abolished."""

    recorded_as: ClassVar = "post_restored"
    post_id: Annotated[PostId, HEX16]


class GiveCharge(AdminAct, frozen=True, kw_only=True):
    """Let a person hold a post beside their own."""

    recorded_as: ClassVar = "charge_given"
    person_id: Annotated[PersonId, HEX16]
    place: PlaceGiven
    charge: Charge


class EndCharge(AdminAct, frozen=True, kw_only=True):
    """End a post that a person holds beside their own."""

    recorded_as: ClassVar = "charge_ended"
    person_id: Annotated[PersonId, HEX16]
    posting_id: int


class ReorganiseUnits(AdminAct, frozen=True, kw_only=True):
    """Change the tree of units by steps, all of them or none."""

    recorded_as: ClassVar = "units_reorganised"
    steps: Steps


class UndoReorganisation(AdminAct, frozen=True, kw_only=True):
    """Restore what a reorganisation changed, unless something changed the same since."""

    recorded_as: ClassVar = "reorganisation_undone"
    number: int


class MakeEnrolmentCodes(AdminAct, frozen=True, kw_only=True):
    """Give people new codes for letters, in place of the codes that they have."""

    recorded_as: ClassVar = "enrolment_codes_made"
    person_ids: Annotated[
        list[Annotated[PersonId, HEX16]], Meta(min_length=1, max_length=ACT_PEOPLE)
    ]


class RevokeDevice(AdminAct, frozen=True, kw_only=True):
    """Revoke another person's device by a Revocation of the same signer (E4)."""

    recorded_as: ClassVar = "device_revoked"
    person_id: Annotated[PersonId, HEX16]
    device: Annotated[DeviceId, HEX32]
    revocation: RevocationText


class GiveGrant(AdminAct, frozen=True, kw_only=True):
    """Give a person the right over a unit and all below it, by a Grant of the same signer."""

    recorded_as: ClassVar = "grant_given"
    person_id: Annotated[PersonId, HEX16]
    path: UnitPath
    grant: RecordText


class WithdrawGrant(AdminAct, frozen=True, kw_only=True):
    """End a person's right over exactly this unit, by a Grant that ends when it begins."""

    recorded_as: ClassVar = "grant_withdrawn"
    person_id: Annotated[PersonId, HEX16]
    path: UnitPath
    grant: RecordText


class SetRights(AdminAct, frozen=True, kw_only=True):
    """Put another rights table in place of the one in force. Always needs a second admin."""

    recorded_as: ClassVar = "rights_set"
    always_second: ClassVar = True
    rules: Annotated[list[RightRule], Meta(min_length=1, max_length=200)]


class ApplyImport(AdminAct, frozen=True, kw_only=True):
    """Import an uploaded file. ``sha256``: of the file; ``digest``: of the preview that the admin
    saw, without exactly whose changes nothing is imported; ``aliases``: names matched by hand,
    which later files of the admin's part obey."""

    recorded_as: ClassVar = "data_bank_imported"
    upload_id: Annotated[UploadId, HEX16]
    sha256: Hex32
    digest: Hex32
    remove_missing: bool
    partial: bool
    aliases: ImportAliases


class UndoImport(AdminAct, frozen=True, kw_only=True):
    """Restore what an import replaced. ``undone``: its number."""

    recorded_as: ClassVar = "import_undone"
    undone: Annotated[int, Meta(ge=1)]


class CreateGroup(AdminAct, frozen=True, kw_only=True):
    """Make a conversation of the department, whose people a rule says. The signer chooses its
    id."""

    recorded_as: ClassVar = "audience_conversation_created"
    conversation_id: Annotated[ConversationId, HEX16]
    title: Names
    rule: Audience
    who_may_send: Literal["everyone", "admins"]


class ChangeGroup(AdminAct, frozen=True, kw_only=True):
    """Change the name or audience of a conversation that an admin made, or who may send there."""

    recorded_as: ClassVar = "audience_conversation_changed"
    conversation_id: Annotated[ConversationId, HEX16]
    title: Names
    rule: Audience
    who_may_send: Literal["everyone", "admins"]


class EndGroup(AdminAct, frozen=True, kw_only=True):
    """Let everybody leave a conversation that an admin made; its log stays."""

    recorded_as: ClassVar = "audience_conversation_ended"
    conversation_id: Annotated[ConversationId, HEX16]


class SetGroupPolicy(AdminAct, frozen=True, kw_only=True):
    """Put another policy of standing groups in place of the one in force."""

    recorded_as: ClassVar = "group_policy_set"
    policy: Annotated[list[GroupPolicy], Meta(max_length=GROUP_POLICY_LINES)]


class PublishLesson(AdminAct, frozen=True, kw_only=True):
    """Put a lesson in force over the one of the same id; ``place``: its order in the course;
    ``pictures``: that it has, of the lesson in force or kept for it. Without a text in any language
    the lesson that an admin published is taken away again; then without pictures too."""

    recorded_as: ClassVar = "lesson_published"
    lesson_id: Annotated[LessonId, LESSON_ID]
    place: Annotated[int, Meta(ge=1, le=9_999)]
    texts: LessonTexts
    pictures: LessonPictures


class PublishConduct(AdminAct, frozen=True, kw_only=True):
    """Publish the next version of the code of conduct, in every language. ``after``: the version
    that was edited, the newest. Always needs a second admin."""

    recorded_as: ClassVar = "conduct_published"
    always_second: ClassVar = True
    after: Annotated[int, Meta(ge=1)]
    asks_again: bool
    texts: Annotated[list[ConductText], Meta(max_length=16)]


class SetGuardPolicy(AdminAct, frozen=True, kw_only=True):
    """Put another policy of the guard in place of the one in force. ``policy``: its JSON as devices
    read it, with the next number. Always needs a second admin."""

    recorded_as: ClassVar = "guard_policy_set"
    always_second: ClassVar = True
    policy: Annotated[str, Meta(max_length=GUARD_POLICY_CHARACTERS)]


class ApproveAct(AdminAct, frozen=True, kw_only=True):
    """A second admin agrees to an act that waits. ``hash``: of the whole signed record; ``shown``:
    the ``effect`` of the preview that was shown; empty for an act about a report."""

    recorded_as: ClassVar = "act_approved"
    act_id: Annotated[ActId, HEX16]
    hash: Hex32
    shown: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")] = ""


class RefuseAct(AdminAct, frozen=True, kw_only=True):
    """An act that waits will not be done: refused by a second admin, or withdrawn by the first."""

    recorded_as: ClassVar = "act_refused"
    act_id: Annotated[ActId, HEX16]
    hash: Hex32
    reason: ActReason


Act = (
    SuspendPerson
    | RestorePerson
    | TransferPerson
    | PlanTransfer
    | CancelTransfer
    | AbolishPost
    | RestorePost
    | GiveCharge
    | EndCharge
    | ReorganiseUnits
    | UndoReorganisation
    | MakeEnrolmentCodes
    | RevokeDevice
    | LockAct
    | GiveGrant
    | WithdrawGrant
    | SetRights
    | ApplyImport
    | UndoImport
    | CreateGroup
    | ChangeGroup
    | EndGroup
    | SetGroupPolicy
    | AssignReport
    | DecideReport
    | DecideAppeal
    | PublishLesson
    | PublishConduct
    | SetGuardPolicy
    | MarkPicture
    | UnmarkPicture
    | EnrolAuthenticator
    | HoldMessages
    | LiftHold
    | ApproveAct
    | RefuseAct
)
_EVERY_ACT: tuple[type[AdminAct], ...] = (*get_args(Act), ExportPart)
OUTCOMES = {str(one.__struct_config__.tag): one.recorded_as for one in _EVERY_ACT}
ALWAYS_SECOND = frozenset(str(one.__struct_config__.tag) for one in _EVERY_ACT if one.always_second)
