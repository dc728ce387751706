"""Administrative acts, as the audit log stores them: JSON, with the act's name under ``act``.

Names and fields stay as they are once used: entries are never rewritten.
"""

import msgspec

from copconnect import wire
from copconnect.ids import ClientId, ConversationId, LessonId, PersonId, PostId, ReportId, UnitId


class Act(msgspec.Struct, frozen=True, tag_field="act"):
    """An act that the audit log records."""


class PersonSuspended(Act, frozen=True, tag="person_suspended"):
    """A person was suspended and signed out."""

    person_id: PersonId
    reason: str = ""


class PersonRestored(Act, frozen=True, tag="person_restored"):
    """A person's suspension ended."""

    person_id: PersonId


class PersonTransferred(Act, frozen=True, tag="person_transferred"):
    """A person holds another post. ``post``: its English name."""

    person_id: PersonId
    from_unit: UnitId
    unit_id: UnitId
    post: str


class ChargeGiven(Act, frozen=True, tag="charge_given"):
    """A person holds a post beside their own."""

    person_id: PersonId
    posting_id: int
    unit_id: UnitId
    post: str
    charge: str


class ChargeEnded(Act, frozen=True, tag="charge_ended"):
    """A person's charge ended."""

    person_id: PersonId
    posting_id: int
    unit_id: UnitId
    post: str


class TransferPlanned(Act, frozen=True, tag="transfer_planned"):
    """A person will hold another post from a day on, YYYY-MM-DD in India. ``post``: its English
    name."""

    person_id: PersonId
    planned_id: int
    unit_id: UnitId
    post: str
    on: str


class PlannedTransferCancelled(Act, frozen=True, tag="planned_transfer_cancelled"):
    """A transfer that was planned will not be done."""

    person_id: PersonId
    planned_id: int


class PostAbolished(Act, frozen=True, tag="post_abolished"):
    """A vacant post is there no more. ``post``: its English name."""

    post_id: PostId
    unit_id: UnitId
    post: str


class PostRestored(Act, frozen=True, tag="post_restored"):
    """A post that was abolished is there again. ``post``: its English name."""

    post_id: PostId
    unit_id: UnitId
    post: str


class UnitsReorganised(Act, frozen=True, tag="units_reorganised"):
    """The tree of units is another. ``units``: which were added, renamed, moved, merged and so on;
    ``people``: how many it touched; ``number``: by which it can be undone."""

    number: int
    units: dict[str, list[UnitId]]
    people: int


class ReorganisationUndone(Act, frozen=True, tag="reorganisation_undone"):
    """A reorganisation was undone by another, which has its own number."""

    number: int
    by_number: int
    people: int


class DataBankImported(Act, frozen=True, tag="data_bank_imported"):
    """A data bank was imported. ``counts``: how many rows were added, changed, removed, and so
    on. ``number``: by which it can be undone, ``source``: the file's name, and ``sha256``: its
    hash; 0 and "" where the program itself imported."""

    counts: dict[str, int]
    remove_missing: bool
    number: int = 0
    source: str = ""
    sha256: str = ""


class ImportPreviewed(Act, frozen=True, tag="import_previewed"):
    """Somebody saw what a file would change. ``source``: the file's name, and ``sha256``: its hash;
    ``counts``: rows by wire.ImportShow; ``problem``: why nothing of it could be shown."""

    source: str
    sha256: str
    counts: dict[str, int]
    problem: str = ""


class ImportTried(Act, frozen=True, tag="import_tried"):
    """An import was refused, and told that so many codes or numbers of the file belong to somebody
    outside the admin's part. ``source``: the file's name, and ``sha256``: its hash."""

    source: str
    sha256: str
    taken: int


class DirectoryRead(Act, frozen=True, tag="directory_read"):
    """Somebody read names by the right ``read_directory``: so many more since the entry before."""

    names: int


class LimitReached(Act, frozen=True, tag="limit_reached"):
    """Somebody was refused by a limit of the directory, for the first time in an hour."""

    limit: str


class RightsSet(Act, frozen=True, tag="rights_set"):
    """The rights table is another."""

    rules: list[wire.RightRule]


class ImportUndone(Act, frozen=True, tag="import_undone"):
    """An import was undone by another, which has its own number."""

    undone: int
    number: int
    counts: dict[str, int]


class PersonProvisioned(Act, frozen=True, tag="person_provisioned"):
    """The department's HRMS changed a person by SCIM. ``kinds``: added, changed, moved, suspended,
    restored, removed; ``columns``: those of people.csv that changed."""

    person_id: PersonId
    kinds: list[str]
    columns: list[str]


class ScimTokenMade(Act, frozen=True, tag="scim_token_made"):
    """A system may read people by SCIM from now on, or change them (``scope``)."""

    name: str
    scope: str
    expires_ms: int


class ScimTokenRemoved(Act, frozen=True, tag="scim_token_removed"):
    """A system may change people by SCIM no more."""

    name: str


class PersonDataExported(Act, frozen=True, tag="person_data_exported"):
    """All that the server keeps about a person was written to a file."""

    person_id: PersonId


class PersonErased(Act, frozen=True, tag="person_erased"):
    """Names, numbers and whatever else need not stay of a removed person were erased."""

    person_id: PersonId


class DirectoryExported(Act, frozen=True, tag="directory_exported"):
    """The data bank, with everybody's number, was written to a file. ``people``: how many;
    ``what``: the part of it that an admin exported, "" for all; ``form``: of the file."""

    people: int
    what: str = ""
    form: str = ""


class EnrolmentCodesMade(Act, frozen=True, tag="enrolment_codes_made"):
    """People have new enrolment codes."""

    person_ids: list[PersonId]


class DeviceRevoked(Act, frozen=True, tag="device_revoked"):
    """Somebody else's device was revoked."""

    person_id: PersonId
    client_id: ClientId


class DevicesLocked(Act, frozen=True, tag="devices_locked"):
    """All devices of a person were locked as lost."""

    person_id: PersonId
    client_ids: list[ClientId]


class DevicesUnlocked(Act, frozen=True, tag="devices_unlocked"):
    """A person's locked devices were unlocked."""

    person_id: PersonId
    client_ids: list[ClientId]


class DeviceConfirmed(Act, frozen=True, tag="device_confirmed"):
    """An admin endorsed a device of another person. ``device``: its id, hex."""

    person_id: PersonId
    device: str


class GrantGiven(Act, frozen=True, tag="grant_given"):
    """A person has a right over a unit."""

    person_id: PersonId
    path: str
    created_ms: int
    not_after_ms: int


class GrantWithdrawn(Act, frozen=True, tag="grant_withdrawn"):
    """A person's right over a unit ended before its time."""

    person_id: PersonId
    path: str
    created_ms: int


class ActProposed(Act, frozen=True, tag="act_proposed"):
    """An act waits for a second admin. ``asked``: its tag in wire.admin."""

    act_id: str
    asked: str
    people: int


class ActApproved(Act, frozen=True, tag="act_approved"):
    """A second admin agreed to an act that waited; the next entry is the act."""

    act_id: str
    hash: str


class ActRefused(Act, frozen=True, tag="act_refused"):
    """An act that waited will not be done."""

    act_id: str
    hash: str
    reason: str


class RootAdminNamed(Act, frozen=True, tag="root_admin_named"):
    """A department record names a device as a root admin's."""

    device: str
    department_record: int


class RootAdminWithdrawn(Act, frozen=True, tag="root_admin_withdrawn"):
    """A department record names a device as a root admin's no more."""

    device: str
    department_record: int


class AudienceConversationCreated(Act, frozen=True, tag="audience_conversation_created"):
    """A conversation follows the data bank from now on. ``creator``: None for the department."""

    conversation_id: ConversationId
    audience: wire.Audience
    creator: PersonId | None


class AudienceConversationChanged(Act, frozen=True, tag="audience_conversation_changed"):
    """A conversation of the department follows another rule, or has another name. ``name``: in
    English."""

    conversation_id: ConversationId
    audience: wire.Audience
    name: str


class AudienceConversationEnded(Act, frozen=True, tag="audience_conversation_ended"):
    """A conversation of the department has ended; its people have left. ``name``: in English."""

    conversation_id: ConversationId
    name: str


class GroupPolicySet(Act, frozen=True, tag="group_policy_set"):
    """The policy of standing groups is another."""

    policy: list[wire.GroupPolicy]


class ReportAssigned(Act, frozen=True, tag="report_assigned"):
    """A moderator took a case, or gave it back. It does not name the reported person, who may read
    the log before the decision."""

    report_id: ReportId
    take: bool


class ReportDecided(Act, frozen=True, tag="report_decided"):
    """Moderators decided a case. ``header_hash``: of the reported message."""

    report_id: ReportId
    person_id: PersonId
    header_hash: str
    finding: str
    clause: int
    reason: str
    sanction: wire.NewSanction | None


class AppealDecided(Act, frozen=True, tag="appeal_decided"):
    """A moderator upheld a sanction or lifted it."""

    report_id: ReportId
    person_id: PersonId
    outcome: str
    reason: str


class SanctionEnded(Act, frozen=True, tag="sanction_ended"):
    """A sanction ended by its time; the person may send again."""

    report_id: ReportId
    person_id: PersonId
    kind: str


class LessonPublished(Act, frozen=True, tag="lesson_published"):
    """A lesson of training is another. ``languages``: that it has; none: the admin's was taken away
    again, ``version`` is 0 then; ``pictures``: as the act signed them."""

    lesson_id: LessonId
    version: int
    languages: list[str]
    pictures: list[wire.LessonPicture]


class TrainingReminded(Act, frozen=True, tag="training_reminded"):
    """Somebody asked for those of a part to be reminded who owe a course. ``people``: how many."""

    path: str
    course: str
    people: int


class ConversationExported(Act, frozen=True, tag="conversation_exported"):
    """A member exported messages of a conversation, as :class:`wire.ConversationExported` says."""

    conversation_id: ConversationId
    first: int
    last: int
    messages: int
    files: bool
    sha256: str


class TrainingRecorded(Act, frozen=True, tag="training_recorded"):
    """An operator recorded a course as done by people."""

    course: str
    person_ids: list[PersonId]


class ConductPublished(Act, frozen=True, tag="conduct_published"):
    """The code of conduct has a new version. ``sha256``: of its texts as JSON, hex."""

    version: int
    asks_again: bool
    sha256: str


class GuardPolicySet(Act, frozen=True, tag="guard_policy_set"):
    """The policy of the guard is another. ``policy``: its JSON."""

    number: int
    policy: str


class PictureMarked(Act, frozen=True, tag="picture_marked"):
    """The guard knows a picture. ``hash``: its perceptual hash, hex; ``report_id``: the case that
    showed it."""

    hash: str
    claimed: str
    report_id: ReportId
    reason: str


class PictureUnmarked(Act, frozen=True, tag="picture_unmarked"):
    """The guard knows a picture no more."""

    hash: str
    claimed: str
    reason: str


class AuthenticatorEnrolled(Act, frozen=True, tag="authenticator_enrolled"):
    """A person has an authenticator. ``device``: on which it was made; ``key``: hash of its key."""

    person_id: PersonId
    device: str
    key: str


class IncarnationBegun(Act, frozen=True, tag="incarnation_begun"):
    """A backup was restored, or the roster authority was replaced: everything is signed again."""


class AppRequired(Act, frozen=True, tag="app_required"):
    """A department record names the lowest version of the app that may send."""

    version: str
    department_record: int
