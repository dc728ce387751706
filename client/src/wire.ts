// Generated from src/copconnect/wire/ by `python -m copconnect.wire.typescript`.
// Do not edit: change wire/ and run `make types`.

export * from "./limits.ts";

import type {
  ActId,
  AttachmentId,
  CellId,
  ChallengeId,
  ChangeId,
  ClientId,
  ConfirmationId,
  ConversationId,
  DeviceId,
  HoldId,
  KeyId,
  LessonId,
  MessageId,
  PersonId,
  PostId,
  ReportId,
  SealKeyId,
  UnitId,
  UploadId,
} from "./ids.ts";

export type * from "./ids.ts";

export type Epoch = number & { readonly __brand?: "Epoch" };

export type Seq = number & { readonly __brand?: "Seq" };

export const CLOSE_UNAUTHENTICATED = 4401;

export const CLOSE_SIGNED_OUT = 4403;

export const CLOSE_CONDUCT_NOT_ACCEPTED = 4406;

export const CLOSE_REPLACED = 4409;

export const CLOSE_TOO_SLOW = 4408;

export const CLOSE_TOO_MANY_FRAMES = 4429;

export const CLOSE_BAD_FRAME = 4400;

export const CLOSE_RESTART = 1012;

export const CLOSE_TRY_AGAIN = 1013;

export const LANGUAGES = ["en", "te", "ur", "hi"] as const;

export type Charge = "officiating" | "additional";

export type Right = "see_numbers" | "read_directory" | "manage_people" | "manage_units" | "import_people" | "manage_groups" | "enrol" | "confirm_devices" | "revoke_devices" | "lock_devices" | "give_grants" | "read_audit" | "send_large" | "oversee_orders" | "issue_routine" | "issue_urgent" | "issue_flash" | "moderate" | "train" | "edit_conduct" | "hold_messages";

export type ActState = "done" | "waiting" | "refused";

export type RightHolder = "grant" | "head" | "rank" | "role" | "everybody";

export type RightReach = "unit" | "part" | "heads";

export type Language = "en" | "te" | "ur" | "hi";

export type ConversationKind = "direct" | "group" | "unit" | "announcement";

export type WhoMaySend = "everyone" | "admins";

export type ImportShow = "organisation" | "added" | "changed" | "moved" | "suspended" | "restored" | "removed" | "unchanged" | "refused";

export type UploadPart = "" | "reading" | "judging" | "storing";

export type UploadStage = "receiving" | "examining" | "ready" | "failed" | "applied";

export type OrderPriority = "routine" | "urgent" | "flash";

export type OrderState = "waiting" | "received" | "read" | "acknowledged" | "unreadable";

export type AcknowledgementOutcome = "counted" | "superseded" | "malformed" | "wrong_order" | "wrong_device" | "wrong_choice" | "wrong_answer" | "wrong_photo" | "photo_missing" | "not_owed" | "not_allowed" | "wrong_time" | "too_late" | "withdrawn";

export type PushState = "new" | "works" | "failing" | "unreached";

export type StepProblemCode = "unit_unknown" | "unit_exists" | "unit_former" | "code_invalid" | "name_missing" | "name_malformed" | "name_taken" | "level_unknown" | "level_unfit" | "below_itself" | "not_empty" | "elsewhere" | "named_twice" | "order_incomplete" | "too_deep" | "changes_nothing";

export type UnitChangeKind = "added" | "renamed" | "level" | "moved" | "merged" | "removed" | "order";

export type GroupChangeKind = "made" | "renamed" | "ended" | "people";

export type Finding = "dismissed" | "upheld";

export type SanctionKind = "warning" | "muted" | "suspended";

export type ReportState = "open" | "assigned" | "decided";

export type AppealOutcome = "upheld" | "lifted";

export type CaseBox = "open" | "mine" | "decided" | "appeals";

export type CaseBar = "own_case" | "decided" | "decided_first";

export type CaseEnvelope = "report" | "appeal";

export type CourseName = "officer" | "head" | "admin" | "moderator";

export type Practice = "message" | "group" | "order" | "guard" | "report" | "place";

export type LessonSource = "built_in" | "folder" | "console";

export type Confirmed = "root_admin" | "own_device" | "admin" | "first" | "no";

export type Exported = "people" | "units" | "posts" | "audit" | "conduct";

export type ExportForm = "xlsx" | "csv" | "jsonl";

/**
 * The people of any clause of ``include``, and ``people``; without those of any clause of
 * ``exclude``, and without ``without``. People come and go with their places; a person whom two
 * clauses fit belongs once.
 */
export interface Audience {
  readonly include: Clause[];
  readonly people: PersonId[];
  readonly exclude: Clause[];
  readonly without: PersonId[];
}

/**
 * One line of the policy of standing groups: one group for every unit of ``levels``, of the
 * people at or below it who fit ``roles``, ``ranks`` and ``heads``, and of the unit's head.
 *
 * ``title``: "{unit}" is replaced by the unit's name. ``code``: names the line for good.
 */
export interface GroupPolicy {
  readonly code: string;
  readonly title: Names;
  readonly levels: string[];
  readonly roles: string[];
  readonly ranks: string[];
  readonly heads: boolean;
  readonly kind: "unit" | "announcement";
  readonly whoMaySend: "everyone" | "admins";
  readonly historyDays: number;
}

/**
 * A version of the code in one language. ``rules``: plain sentences, in order; the rule with a
 * number says the same in every language.
 */
export interface ConductText {
  readonly language: "en" | "te" | "ur" | "hi";
  readonly title: string;
  readonly rules: string[];
}

/**
 * Let the guard know a picture of a reported message by its perceptual hash. ``report_id``: the
 * case that shows it; ``claimed``: a class of the weights. Always needs a second moderator.
 */
export interface MarkPicture {
  readonly act: "mark_picture";
  readonly hash: string;
  readonly claimed: string;
  readonly reportId: ReportId;
  readonly reason: string;
}

/** Let the guard forget a picture. Always needs a second moderator. */
export interface UnmarkPicture {
  readonly act: "unmark_picture";
  readonly hash: string;
  readonly reason: string;
}

/**
 * Keep the messages of a conversation, or of all conversations of a person, by order of a court
 * or an inquiry: exactly one of the two is given. The signer chooses the id. At ``until_ms`` the
 * hold ends without an act. Always needs a second admin.
 */
export interface HoldMessages {
  readonly act: "hold_messages";
  readonly holdId: HoldId;
  readonly conversationId: ConversationId | null;
  readonly personId: PersonId | null;
  readonly caseNumber: string;
  readonly reason: string;
  readonly untilMs: number | null;
}

/**
 * End a hold; messages that are past their time go with the next cleaning. Always needs a
 * second admin.
 */
export interface LiftHold {
  readonly act: "lift_hold";
  readonly holdId: HoldId;
  readonly reason: string;
}

/**
 * A name in each of ``LANGUAGES``. English is never empty; another is "" where the data bank
 * does not have it.
 */
export interface Names {
  readonly en: string;
  readonly te: string;
  readonly ur: string;
  readonly hi: string;
}

/**
 * A post by what it is: the one of this unit with this English title, these roles and ``head``;
 * it is made where there is none. ``head``: its holder heads the unit.
 */
export interface NewPlace {
  readonly unitId: UnitId;
  readonly post: Names;
  readonly roles: string[];
  readonly head: boolean;
}

/** Take a case, or give back one's own. */
export interface AssignReport {
  readonly act: "assign_report";
  readonly reportId: ReportId;
  readonly take: boolean;
}

/** Uphold a sanction or lift it, by a moderator who did not decide it. */
export interface DecideAppeal {
  readonly act: "decide_appeal";
  readonly reportId: ReportId;
  readonly personId: PersonId;
  readonly outcome: "upheld" | "lifted";
  readonly reason: string;
}

/**
 * Decide a case. ``header_hash``: of the reported message, which the signer judged; so a
 * decision belongs to no other. A sanction other than a warning needs a second moderator.
 */
export interface DecideReport {
  readonly act: "decide_report";
  readonly reportId: ReportId;
  readonly headerHash: string;
  readonly personId: PersonId;
  readonly finding: "dismissed" | "upheld";
  readonly clause: number;
  readonly reason: string;
  readonly sanction: NewSanction | null;
}

/** Markdown with front matter in each language; "" where there is none. */
export interface LessonTexts {
  readonly en: string;
  readonly te: string;
  readonly ur: string;
  readonly hi: string;
}

/**
 * Enrol an authenticator of another person, whose device asked for it. ``authenticator``: the
 * record that the device signed.
 */
export interface EnrolAuthenticator {
  readonly act: "enrol_authenticator";
  readonly personId: PersonId;
  readonly authenticator: string;
}

/** Write the signer's part to a file; sent to ``/v1/admin/exports``, which answers with it. */
export interface ExportPart {
  readonly act: "export_part";
  readonly what: "people" | "units" | "posts" | "audit" | "conduct";
  readonly form: "xlsx" | "csv" | "jsonl";
}

/**
 * One line of the rights table: people of a kind have a right over their part.
 *
 * ``holder``: ``grant``, who holds a grant (over the granted units); ``head``, who heads a unit;
 * ``rank``, who has the rank ``code`` or a more senior one; ``role``, who has the role ``code``;
 * ``everybody``, every officer. Charges count like the own post. ``level``: only where the unit is
 * of this level; "" for any. ``over``: the holder's own unit alone; or also all below it, as a
 * grant always is; or, for ``see_numbers`` alone, ``heads``: everybody who heads a unit anywhere.
 */
export interface RightRule {
  readonly right: "see_numbers" | "read_directory" | "manage_people" | "manage_units" | "import_people" | "manage_groups" | "enrol" | "confirm_devices" | "revoke_devices" | "lock_devices" | "give_grants" | "read_audit" | "send_large" | "oversee_orders" | "issue_routine" | "issue_urgent" | "issue_flash" | "moderate" | "train" | "edit_conduct" | "hold_messages";
  readonly holder: "grant" | "head" | "rank" | "role" | "everybody";
  readonly code: string;
  readonly level: string;
  readonly over: "unit" | "part" | "heads";
}

/** Sign a person out everywhere and lock them out. */
export interface SuspendPerson {
  readonly act: "suspend_person";
  readonly personId: PersonId;
  readonly reason: string;
}

/** End a suspension; the person registers again. */
export interface RestorePerson {
  readonly act: "restore_person";
  readonly personId: PersonId;
}

/** Give a person another post; another rank where one is named. */
export interface TransferPerson {
  readonly act: "transfer_person";
  readonly personId: PersonId;
  readonly place: PostId | NewPlace;
  readonly rank: string | null;
}

/**
 * Give a person another post, and another rank where one is named, when a day begins in
 * India.
 */
export interface PlanTransfer {
  readonly act: "plan_transfer";
  readonly personId: PersonId;
  readonly place: PostId | NewPlace;
  readonly rank: string | null;
  readonly on: string;
}

/** Do not do a planned transfer, or take one that failed off the list. */
export interface CancelTransfer {
  readonly act: "cancel_transfer";
  readonly personId: PersonId;
  readonly plannedId: number;
}

/** End a post that nobody holds. The officers who wrote to it keep their conversations. */
export interface AbolishPost {
  readonly act: "abolish_post";
  readonly postId: PostId;
}

/** Let a post be there again that was abolished. */
export interface RestorePost {
  readonly act: "restore_post";
  readonly postId: PostId;
}

/** Let a person hold a post beside their own. */
export interface GiveCharge {
  readonly act: "give_charge";
  readonly personId: PersonId;
  readonly place: PostId | NewPlace;
  readonly charge: "officiating" | "additional";
}

/** End a post that a person holds beside their own. */
export interface EndCharge {
  readonly act: "end_charge";
  readonly personId: PersonId;
  readonly postingId: number;
}

/** Change the tree of units by steps, all of them or none. */
export interface ReorganiseUnits {
  readonly act: "reorganise_units";
  readonly steps: (AddUnit | RenameUnit | MoveUnit | MergeUnits | SplitUnit | RemoveUnit | OrderUnits)[];
}

/** Restore what a reorganisation changed, unless something changed the same since. */
export interface UndoReorganisation {
  readonly act: "undo_reorganisation";
  readonly number: number;
}

/** Give people new codes for letters, in place of the codes that they have. */
export interface MakeEnrolmentCodes {
  readonly act: "make_enrolment_codes";
  readonly personIds: PersonId[];
}

/** Revoke another person's device by a Revocation of the same signer (E4). */
export interface RevokeDevice {
  readonly act: "revoke_device";
  readonly personId: PersonId;
  readonly device: DeviceId;
  readonly revocation: string;
}

/** Give a person the right over a unit and all below it, by a Grant of the same signer. */
export interface GiveGrant {
  readonly act: "give_grant";
  readonly personId: PersonId;
  readonly path: string;
  readonly grant: string;
}

/** End a person's right over exactly this unit, by a Grant that ends when it begins. */
export interface WithdrawGrant {
  readonly act: "withdraw_grant";
  readonly personId: PersonId;
  readonly path: string;
  readonly grant: string;
}

/** Put another rights table in place of the one in force. Always needs a second admin. */
export interface SetRights {
  readonly act: "set_rights";
  readonly rules: RightRule[];
}

/**
 * Import an uploaded file. ``sha256``: of the file; ``digest``: of the preview that the admin
 * saw, without exactly whose changes nothing is imported; ``aliases``: names matched by hand,
 * which later files of the admin's part obey.
 */
export interface ApplyImport {
  readonly act: "apply_import";
  readonly uploadId: UploadId;
  readonly sha256: string;
  readonly digest: string;
  readonly removeMissing: boolean;
  readonly partial: boolean;
  readonly aliases: Record<string, Record<string, string>>;
}

/** Restore what an import replaced. ``undone``: its number. */
export interface UndoImport {
  readonly act: "undo_import";
  readonly undone: number;
}

/**
 * Make a conversation of the department, whose people a rule says. The signer chooses its
 * id.
 */
export interface CreateGroup {
  readonly act: "create_group";
  readonly conversationId: ConversationId;
  readonly title: Names;
  readonly rule: Audience;
  readonly whoMaySend: "everyone" | "admins";
}

/** Change the name or audience of a conversation that an admin made, or who may send there. */
export interface ChangeGroup {
  readonly act: "change_group";
  readonly conversationId: ConversationId;
  readonly title: Names;
  readonly rule: Audience;
  readonly whoMaySend: "everyone" | "admins";
}

/** Let everybody leave a conversation that an admin made; its log stays. */
export interface EndGroup {
  readonly act: "end_group";
  readonly conversationId: ConversationId;
}

/** Put another policy of standing groups in place of the one in force. */
export interface SetGroupPolicy {
  readonly act: "set_group_policy";
  readonly policy: GroupPolicy[];
}

/**
 * Put a lesson in force over the one of the same id; ``place``: its order in the course;
 * ``pictures``: that it has, of the lesson in force or kept for it. Without a text in any language
 * the lesson that an admin published is taken away again; then without pictures too.
 */
export interface PublishLesson {
  readonly act: "publish_lesson";
  readonly lessonId: LessonId;
  readonly place: number;
  readonly texts: LessonTexts;
  readonly pictures: LessonPicture[];
}

/**
 * Publish the next version of the code of conduct, in every language. ``after``: the version
 * that was edited, the newest. Always needs a second admin.
 */
export interface PublishConduct {
  readonly act: "publish_conduct";
  readonly after: number;
  readonly asksAgain: boolean;
  readonly texts: ConductText[];
}

/**
 * Put another policy of the guard in place of the one in force. ``policy``: its JSON as devices
 * read it, with the next number. Always needs a second admin.
 */
export interface SetGuardPolicy {
  readonly act: "set_guard_policy";
  readonly policy: string;
}

/**
 * A second admin agrees to an act that waits. ``hash``: of the whole signed record; ``shown``:
 * the ``effect`` of the preview that was shown; empty for an act about a report.
 */
export interface ApproveAct {
  readonly act: "approve_act";
  readonly actId: ActId;
  readonly hash: string;
  readonly shown: string;
}

/** An act that waits will not be done: refused by a second admin, or withdrawn by the first. */
export interface RefuseAct {
  readonly act: "refuse_act";
  readonly actId: ActId;
  readonly hash: string;
  readonly reason: string;
}

/**
 * Reserve space for an encrypted attachment. Idempotent by id.
 *
 * ``size`` is the ciphertext's: plaintext + 16 for each chunk. Chunk i is PUT to
 * ``/v1/attachments/{id}/chunks/{i}``; all but the last are ATTACHMENT_CHUNK_BYTES + 16.
 * ``order_id``: the attachment is a photo that this order of the conversation asks its uploader
 * for. The server gives it to the uploader and to people who see the answers to the order, and
 * lets no message share it.
 */
export interface BeginAttachment {
  readonly attachmentId: AttachmentId;
  readonly conversationId: ConversationId;
  readonly orderId: MessageId | null;
  readonly size: number;
}

export interface AttachmentStatus {
  readonly attachmentId: AttachmentId;
  readonly size: number;
  readonly chunks: number;
  readonly received: number[];
  readonly complete: boolean;
}

/** Let the members of another conversation fetch it too (forwarding). */
export interface ShareAttachment {
  readonly conversationId: ConversationId;
}

/** Fetch the page of a link. In the body, because proxies log addresses. */
export interface AskLinkPreview {
  readonly url: string;
}

/**
 * The words of a page about itself, plain text of one line each; ``description`` may be empty.
 * ``picture``: JPEG, PNG, WebP or GIF as the web has it, which the device alone decodes.
 */
export interface LinkPreview {
  readonly title: string;
  readonly description: string;
  readonly picture: Uint8Array | null;
}

/**
 * The people who hold a place that fits. Within one list any entry fits; an empty list asks for
 * nothing; every list that is not empty must fit the same place. ``everyone`` means a clause
 * that asks for nothing, which is refused on its own.
 */
export interface Clause {
  readonly everyone: boolean;
  readonly units: UnitId[];
  readonly below: boolean;
  readonly posts: PostId[];
  readonly levels: string[];
  readonly roles: string[];
  readonly ranks: string[];
  readonly heads: boolean;
}

/**
 * A conversation that the department made: its name, and its place among the units.
 *
 * ``key``: another one for every group of the policy; None: made by hand. ``about``: "unit": all
 * of a unit; "role": a role or rank within it; "post": a post to which the conversation's creator
 * writes and whose holders are the other members; "orders": orders that a head above issues to a
 * unit, under the title of the head's post. ``post_id``: the post to which that creator writes.
 */
export interface Standing {
  readonly key: string | null;
  readonly title: Names;
  readonly unitId: UnitId | null;
  readonly about: "unit" | "role" | "post" | "orders";
  readonly postId: PostId | null;
}

/** The answer to a refused request. ``code`` is stable; the texts are English for logs. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly retry: boolean;
  readonly retryAfterMs: number | null;
  readonly details: Record<string, string | number>;
}

export interface Person {
  readonly personId: PersonId;
  readonly names: Names;
  readonly number: string;
  readonly rank: string;
  readonly postId: PostId;
  readonly post: Names;
  readonly roles: string[];
  readonly unitId: UnitId;
  readonly charges: Posting[];
  readonly registered: boolean;
  readonly status: "active" | "suspended" | "removed";
}

/** ``version``: 1 for the text that is shipped, then one more each time. */
export interface ConductCode {
  readonly version: number;
  readonly createdMs: number;
  readonly language: "en" | "te" | "ur" | "hi";
  readonly title: string;
  readonly rules: string[];
}

export interface AcceptConduct {
  readonly version: number;
  readonly language: "en" | "te" | "ur" | "hi";
}

/**
 * ``asks_again``: everybody accepts again, and may do nothing before. ``by``: None for the text
 * that is shipped and for what an operator published.
 */
export interface ConductVersion {
  readonly version: number;
  readonly createdMs: number;
  readonly by: Person | null;
  readonly asksAgain: boolean;
}

/**
 * The versions, the newest first, and the text of the newest. ``required``: acceptances of this
 * version and of later ones count.
 */
export interface ConductVersions {
  readonly versions: ConductVersion[];
  readonly required: number;
  readonly texts: ConductText[];
}

export interface ConductTexts {
  readonly version: number;
  readonly texts: ConductText[];
}

/**
 * The people of one unit, without the units below it. ``registered``: people who have a device
 * and can accept; ``accepted``: people whose acceptance counts.
 */
export interface ConductUnit {
  readonly unitId: UnitId;
  readonly people: number;
  readonly registered: number;
  readonly accepted: number;
}

export interface ConductAcceptances {
  readonly required: number;
  readonly units: ConductUnit[];
}

export interface Guard {
  readonly record: Uint8Array;
}

export interface GuardWeights {
  readonly weights: Uint8Array;
}

/** ``by``: None where an operator set it. */
export interface GuardPolicyVersion {
  readonly number: number;
  readonly createdMs: number;
  readonly by: Person | null;
}

/**
 * ``policy``: the JSON in force; ``classes``: classes that the weights know; ``versions``:
 * versions that were set, the newest first, without the file that the server started with.
 */
export interface GuardPolicies {
  readonly policy: string;
  readonly classes: string[];
  readonly versions: GuardPolicyVersion[];
}

/** ``hashes``: 32 bytes for each picture. */
export interface MarkedPictures {
  readonly claimed: string;
  readonly hashes: Uint8Array;
}

/** The changes from the list of one number to that of another. ``unmarked``: 32 bytes each. */
export interface GuardPictures {
  readonly after: number;
  readonly number: number;
  readonly marked: MarkedPictures[];
  readonly unmarked: Uint8Array;
}

/**
 * ``path``: the unit whose moderators may take it away; ``removable``: the reader is one;
 * ``by``: who asked for the mark, None for somebody who is in the data bank no more.
 */
export interface KnownPicture {
  readonly hash: string;
  readonly claimed: string;
  readonly reason: string;
  readonly reportId: ReportId;
  readonly path: string;
  readonly by: Person | null;
  readonly markedMs: number;
  readonly removable: boolean;
}

/**
 * A page of the pictures that are marked now, the newest first. ``most``: the limit of their
 * number; ``classes``: classes that the weights know.
 */
export interface KnownPictures {
  readonly pictures: KnownPicture[];
  readonly total: number;
  readonly most: number;
  readonly classes: string[];
  readonly next: number | null;
}

/**
 * How pushes reach a device. new: none was sent yet; works: the last one was taken; failing:
 * the push service takes none at present; unreached: it has taken none for a day or longer.
 * ``success_ms``: when it took the last one.
 */
export interface PushReach {
  readonly state: "new" | "works" | "failing" | "unreached";
  readonly successMs: number | null;
}

export interface ClientInfo {
  readonly clientId: ClientId;
  readonly device: DeviceId;
  readonly label: string;
  readonly createdMs: number;
  readonly lastSeenMs: number | null;
  readonly certificateExpiresMs: number;
  readonly revoked: boolean;
  readonly confirmed: "root_admin" | "own_device" | "admin" | "first" | "no";
  readonly lockedMs: number | null;
}

/**
 * A right of the caller and the unit paths over which it holds; "" is the whole department.
 *
 * ``deep``: with all units below. ``heads``: over the heads of all units instead.
 */
export interface HeldRight {
  readonly right: "see_numbers" | "read_directory" | "manage_people" | "manage_units" | "import_people" | "manage_groups" | "enrol" | "confirm_devices" | "revoke_devices" | "lock_devices" | "give_grants" | "read_audit" | "send_large" | "oversee_orders" | "issue_routine" | "issue_urgent" | "issue_flash" | "moderate" | "train" | "edit_conduct" | "hold_messages";
  readonly path: string;
  readonly deep: boolean;
  readonly heads: boolean;
}

/** The caller's rights, and the table that gives them. ``console``: the console opens. */
export interface AdminRights {
  readonly console: boolean;
  readonly rights: HeldRight[];
  readonly rules: RightRule[];
}

/** People and registered people of a unit right below the caller's part. */
export interface PartCount {
  readonly unitId: UnitId;
  readonly people: number;
  readonly registered: number;
}

/** The work that waits in the caller's part, and the part's size. */
export interface AdminOverview {
  readonly people: number;
  readonly registered: number;
  readonly suspended: number;
  readonly devices: number;
  readonly unconfirmed: number;
  readonly locked: number;
  readonly silent: number;
  readonly unreached: number;
  readonly grantsEnding: number;
  readonly waitingActs: number;
  readonly parts: PartCount[];
}

/**
 * People of a unit right below the caller's part, with all below it, by the week of their first
 * device; the first of ``weeks`` counts all before ``first_ms``.
 */
export interface UnitRegistrations {
  readonly unitId: UnitId;
  readonly weeks: number[];
}

export interface VersionCount {
  readonly app: string;
  readonly devices: number;
}

/** Groups with at least and at most so many members. ``most``: None for no most. */
export interface SizeCount {
  readonly least: number;
  readonly most: number | null;
  readonly groups: number;
}

/** Messages that were sent in the half hour from then. */
export interface SpanCount {
  readonly fromMs: number;
  readonly messages: number;
}

/**
 * Counts of the caller's part. ``sizes``: of groups that have somebody of the part in them;
 * ``activity``: of the past week; half hours without a message are left out. Both are empty in a
 * part of fewer than ten people.
 */
export interface AdminCharts {
  readonly firstMs: number;
  readonly weekMs: number;
  readonly registrations: UnitRegistrations[];
  readonly versions: VersionCount[];
  readonly sizes: SizeCount[];
  readonly activity: SpanCount[];
}

/** A person of the caller's part. ``person.number`` is "" without the right to see numbers. */
export interface AdminPerson {
  readonly person: Person;
  readonly clients: ClientInfo[];
  readonly grants: string[];
}

export interface AdminPeople {
  readonly people: AdminPerson[];
  readonly next: string | null;
  readonly total: number;
}

/** ``push``: None for a device that is not subscribed. */
export interface AdminDevice {
  readonly person: Person;
  readonly client: ClientInfo;
  readonly push: PushReach | null;
}

export interface AdminDevices {
  readonly devices: AdminDevice[];
  readonly next: string | null;
  readonly total: number;
}

/** The newest grant to a person over a unit of the caller's part. */
export interface AdminGrant {
  readonly person: Person;
  readonly path: string;
  readonly by: Person | null;
  readonly createdMs: number;
  readonly notAfterMs: number;
  readonly state: "in_force" | "ended" | "withdrawn";
}

export interface AdminGrants {
  readonly grants: AdminGrant[];
}

/**
 * The content of an entry. ``act``: the act, JSON, as the server says; ``signed``: the
 * record by which an admin's device asked for it, of the kind ``signed_as``; empty for an
 * operator's act; ``presence``: the proof that the person was there, of an act of weight.
 */
export interface AuditContent {
  readonly salt: Uint8Array;
  readonly by: string;
  readonly path: string;
  readonly act: string;
  readonly signedAs: "" | "act" | "endorsement" | "authenticator";
  readonly signed: Uint8Array;
  readonly presence: Uint8Array;
}

/**
 * An entry of the audit log. ``digest`` is the hash of the content; the content of entries
 * about other parts of the tree is None, and the chain verifies all the same.
 */
export interface AuditEntry {
  readonly number: number;
  readonly madeMs: number;
  readonly digest: Uint8Array;
  readonly hash: Uint8Array;
  readonly content: AuditContent | null;
}

/** ``newest``: the number of the newest entry there is. */
export interface AuditPage {
  readonly entries: AuditEntry[];
  readonly next: number | null;
  readonly newest: number;
  readonly newestHash: Uint8Array;
  readonly people: Person[];
}

/**
 * Idempotent by the act's id: the same bytes again are answered as the first time.
 * ``presence``: the proof that the person is there, of an act of weight; else empty.
 */
export interface SubmitAct {
  readonly act: Uint8Array;
  readonly presence: Uint8Array;
}

/** A person's new enrolment code, as letters show it. */
export interface EnrolmentCode {
  readonly personId: PersonId;
  readonly code: string;
}

/**
 * ``waiting``: a second admin must approve it. ``entry``: its number in the audit log.
 * Only the first answer has ``codes``: the server keeps their hashes alone, so the answer to a
 * repeated act lacks them.
 */
export interface ActAnswer {
  readonly actId: ActId;
  readonly state: "done" | "waiting" | "refused";
  readonly entry: number;
  readonly codes: EnrolmentCode[];
}

/** An act before it is signed. ``act``: its JSON. */
export interface PreviewAct {
  readonly act: Uint8Array;
}

/** A right that people gain or lose by another rights table: how many, and some of them. */
export interface RightChange {
  readonly right: "see_numbers" | "read_directory" | "manage_people" | "manage_units" | "import_people" | "manage_groups" | "enrol" | "confirm_devices" | "revoke_devices" | "lock_devices" | "give_grants" | "read_audit" | "send_large" | "oversee_orders" | "issue_routine" | "issue_urgent" | "issue_flash" | "moderate" | "train" | "edit_conduct" | "hold_messages";
  readonly gain: number;
  readonly lose: number;
  readonly gaining: Person[];
  readonly losing: Person[];
}

/**
 * Groups of a line of the policy that another policy makes, ends, or gives other people or
 * another name: how many, and how many people these groups take.
 */
export interface PolicyChange {
  readonly code: string;
  readonly title: Names;
  readonly kind: "made" | "ended" | "changed" | "renamed";
  readonly groups: number;
  readonly people: number;
}

/**
 * The people whom an act touches. ``sample``: some of them; ``needs_second``: another admin
 * must approve it; ``rights``: what another rights table changes, else empty; ``policy``: what
 * another policy of groups does, else empty; ``conversations``: how many officers' conversations
 * end with a post; ``approvers`` and ``approver_count``: as of WaitingAct, where it needs one;
 * ``effect``: the hash of everything that the act would do now.
 */
export interface ActPreview {
  readonly effect: string;
  readonly people: number;
  readonly sample: Person[];
  readonly paths: string[];
  readonly needsSecond: boolean;
  readonly rights: RightChange[];
  readonly policy: PolicyChange[];
  readonly conversations: number;
  readonly approvers: Person[];
  readonly approverCount: number | null;
}

/**
 * An act that waits for a second admin. ``record``: as the first one's device signed it;
 * ``approvers``: the first of the people who may approve it, and how many they are; None: that is
 * not told, for an act about a report; ``preview``: what its asker was shown, without numbers;
 * None for an act about a report.
 */
export interface WaitingAct {
  readonly actId: ActId;
  readonly record: Uint8Array;
  readonly hash: string;
  readonly by: Person;
  readonly people: number;
  readonly paths: string[];
  readonly madeMs: number;
  readonly expiresMs: number;
  readonly own: boolean;
  readonly approvers: Person[];
  readonly approverCount: number | null;
  readonly preview: ActPreview | null;
}

export interface WaitingActs {
  readonly acts: WaitingAct[];
}

/**
 * A cell's newest usable key. ``author_proof``: the author's leaf ‖ path in its cell, under the
 * cell's line of the answer's head. ``seal``: the calling device's; null for another
 * cell's key.
 */
export interface CellKeyItem {
  readonly record: Uint8Array;
  readonly authorProof: Uint8Array;
  readonly seal: Uint8Array | null;
}

/** A conversation key for one device: its own seal, else its cell's, else None. */
export interface KeyItem {
  readonly record: Uint8Array;
  readonly seal: Uint8Array | null;
}

/**
 * Kind 1: S of a conversation key; 2: C of a cell key; 3: k of a message. ``reference``: the
 * first 16 bytes of the key id, the cell key id, the message id.
 */
export interface ShareReference {
  readonly kind: 1 | 2 | 3;
  readonly reference: string;
}

/**
 * The message corrects or withdraws an order of the same conversation. Its issuer does either;
 * the people whom it appoints withdraw it. ``asks_again``: a correction that everybody is to
 * acknowledge again.
 */
export interface OrderChange {
  readonly t: "order_change";
  readonly orderId: MessageId;
  readonly change: "corrected" | "withdrawn";
  readonly asksAgain: boolean;
}

/**
 * The message is an order. ``choices``: how many texts to choose from it has, 0 for none;
 * ``items``: how many items its checklist has, 0 for none; ``answers``: it asks for a short text,
 * which an order with a checklist does not; ``photo``: it asks for one as proof.
 * ``valid_until_ms``: acknowledgements signed later do
 * not count. ``remind_minutes``: ascending, when people who owe an acknowledgement are woken
 * again. ``escalate_minutes``: when heads of units are woken below which fewer than
 * ``escalate_below`` percent have acknowledged; None: never. ``readers``: people appointed to read
 * answers beside the issuer, who may withdraw the order too.
 */
export interface OrderTerms {
  readonly t: "order";
  readonly priority: "routine" | "urgent" | "flash";
  readonly choices: number;
  readonly items: number;
  readonly answers: boolean;
  readonly photo: boolean;
  readonly readers: PersonId[];
  readonly validUntilMs: number | null;
  readonly remindMinutes: number[];
  readonly escalateMinutes: number | null;
  readonly escalateBelow: number;
}

/** All that is signed about one person. */
export interface PersonTrust {
  readonly personId: PersonId;
  readonly devices: Uint8Array[];
  readonly certificates: Uint8Array[];
  readonly cards: Uint8Array[];
  readonly endorsements: Uint8Array[];
  readonly grants: Uint8Array[];
  readonly revocations: Uint8Array[];
  readonly keys: Uint8Array[];
}

/**
 * Create a conversation. Idempotent by id. ``person_ids`` may name people who have not
 * registered yet, and names the caller only in the conversation of a person with oneself.
 *
 * A direct conversation's id is that of its two people (R10), its ``history_days`` is None
 * (everything). A group's ``history_days`` is 0 or 30: what new members see. Kinds "unit" and
 * "announcement" have an ``audience``, 30 days of history and no ``person_ids``; only a person who
 * manages groups over all of the audience creates one (``not_allowed``).
 */
export interface CreateConversation {
  readonly conversationId: ConversationId;
  readonly kind: "direct" | "group" | "unit" | "announcement";
  readonly personIds: PersonId[];
  readonly whoMaySend: "everyone" | "admins";
  readonly historyDays: number | null;
  readonly audience: Audience | null;
}

/** This person's own settings for a conversation. ``muted_until_ms`` of -1 means always. */
export interface Preferences {
  readonly mutedUntilMs: number | null;
}

/** The newest roster head, a stamp on it, and the calling device's leaf ‖ proof under it. */
export interface RosterState {
  readonly head: Uint8Array;
  readonly stamp: Uint8Array;
  readonly proof: Uint8Array;
}

/**
 * One message: header ‖ signature ‖ body, which is absent once it was deleted (R11).
 * ``sent_ms``: when the server accepted it.
 */
export interface LogEntry {
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  readonly sentMs: number;
  readonly message: Uint8Array;
}

/** A conversation as one device of one person sees it. */
export interface Conversation {
  readonly conversationId: ConversationId;
  readonly kind: "direct" | "group" | "unit" | "announcement";
  readonly createdBy: PersonId | null;
  readonly createdMs: number;
  readonly lastSeq: Seq;
  readonly members: number;
  readonly unregistered: number;
  readonly devices: number;
  readonly cells: number;
  readonly whoMaySend: "everyone" | "admins";
  readonly admin: boolean;
  readonly admins: PersonId[] | null;
  readonly audience: Audience | null;
  readonly standing: Standing | null;
  readonly directPersonId: PersonId | null;
  readonly historyDays: number | null;
  readonly historyFromMs: number;
  readonly roster: RosterState | null;
  readonly state: LogEntry | null;
  readonly stateSeq: Seq | null;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly preferences: Preferences;
  readonly infoVersion: string;
}

export interface Conversations {
  readonly conversations: Conversation[];
}

/**
 * A conversation key that some of a person's devices ask for (D4, R9), named by the first 16
 * bytes of its id. Messages under it have come to the person up to ``delivered_seq`` alone: as far
 * as devices have come that do not ask for it.
 */
export interface LackedKey {
  readonly key: string;
  readonly deliveredSeq: Seq;
}

export interface Member {
  readonly personId: PersonId;
  readonly admin: boolean;
  readonly addedMs: number;
  readonly historyFromMs: number;
  readonly devices: number;
  readonly registered: boolean;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly lacks: LackedKey[];
}

/** ``receipts_version``: these cursors are at least as new. */
export interface Members {
  readonly members: Member[];
  readonly next: PersonId | null;
  readonly receiptsVersion: number;
}

/**
 * Change who belongs. Admins only, except that anybody may remove themselves (leave).
 *
 * Idempotent by ``change_id``. The rows, the new roster head and the refusal of older keys are one
 * transaction. ``asked``: nothing changes unless each person in ``add`` has an open request to
 * join (``not_found``).
 */
export interface ChangeMembers {
  readonly changeId: ChangeId;
  readonly add: PersonId[];
  readonly remove: PersonId[];
  readonly makeAdmin: PersonId[];
  readonly revokeAdmin: PersonId[];
  readonly asked: boolean;
}

export interface ChangeWhoMaySend {
  readonly whoMaySend: "everyone" | "admins";
}

export interface SetPreferences {
  readonly mutedUntilMs: number | null;
}

/**
 * The words under which people at or below ``unit_id`` find a group. That is the unit of the
 * admin who lists the group, or one above it. The server reads them.
 */
export interface GroupListing {
  readonly title: string;
  readonly purpose: string;
  readonly unitId: UnitId;
}

/** ``listing``: None takes the group off the list, and drops the requests to join it. */
export interface SetListing {
  readonly listing: GroupListing | null;
}

/**
 * A listed group as one person sees it. ``admins``: at most 32, to whose devices a reason is
 * sealed. ``mine``: the person is an admin of it; ``asked_ms``: an open request of the person's;
 * ``refused_ms``: it was refused then, and the person may ask again a day later.
 */
export interface ListedGroup {
  readonly conversationId: ConversationId;
  readonly listing: GroupListing;
  readonly members: number;
  readonly admins: PersonId[];
  readonly mine: boolean;
  readonly askedMs: number | null;
  readonly refusedMs: number | null;
}

/** A request to join a group, which its admins see. ``sealed``: the reason (F4). */
export interface JoinRequest {
  readonly conversationId: ConversationId;
  readonly personId: PersonId;
  readonly askedMs: number;
  readonly sealed: Uint8Array;
}

/**
 * The groups that the caller may ask to join or has listed, and the open requests to join
 * groups of which the caller is an admin.
 */
export interface Joining {
  readonly groups: ListedGroup[];
  readonly requests: JoinRequest[];
}

/**
 * Ask to join a listed group. Asked again while it is open, the reason alone changes, and
 * nobody is notified.
 */
export interface AskToJoin {
  readonly sealed: Uint8Array;
}

/** Refuse a request to join. (An admin who accepts one adds the person.) */
export interface RefuseToJoin {
  readonly personId: PersonId;
}

/** One signed head that is still kept. */
export interface Head {
  readonly head: Uint8Array;
}

/** ``epoch`` 0 asks for the newest head. */
export interface AskProofs {
  readonly epoch: Epoch;
  readonly devices: DeviceId[];
}

/**
 * Leaf ‖ proof of each asked device under ``head``, in the asked order; None: not listed there.
 * ``stamp``: of the newest head alone.
 */
export interface Proofs {
  readonly head: Uint8Array;
  readonly stamp: Uint8Array | null;
  readonly proofs: (Uint8Array | null)[];
}

/**
 * All leaves of the calling device's cell under the newest head (74 bytes each, ascending by
 * device), the cell's line, and the line's path.
 */
export interface CellLeaves {
  readonly head: Uint8Array;
  readonly stamp: Uint8Array;
  readonly leaves: Uint8Array;
  readonly line: Uint8Array;
  readonly path: Uint8Array;
}

/**
 * The contents of a file that a device made of this conversation (docs/export.md): positions of
 * the log, messages, and whether their files are in it. ``sha256``: of the file, hex.
 */
export interface ConversationExported {
  readonly first: Seq;
  readonly last: Seq;
  readonly messages: number;
  readonly files: boolean;
  readonly sha256: string;
}

/**
 * ``state``: the message is the conversation's newest state (name, photo); admins only.
 * ``quiet``: it wakes nobody (a vote, a pin); devices show no row for it.
 * ``exported``: the message tells of an export, which the audit log records with it.
 * ``order``: the message is an order, or changes one; flash orders are for admins only.
 * ``wakes``: members whom the message names, whose phones it wakes although they muted the
 * conversation. ``everybody``: it wakes all, as a flash order does; for admins, and in small
 * groups for each member (M5). A repeat of the same bytes answers what the first answered.
 */
export interface SendMessage {
  readonly message: Uint8Array;
  readonly attachmentIds: AttachmentId[];
  readonly wakes: PersonId[];
  readonly state: boolean;
  readonly order: OrderTerms | OrderChange | null;
  readonly everybody: boolean;
  readonly quiet: boolean;
  readonly exported: ConversationExported | null;
}

export interface Accepted {
  readonly seq: Seq;
  readonly sentMs: number;
}

/** Header ‖ signature of the calling device's last accepted message here. */
export interface SenderChain {
  readonly header: Uint8Array | null;
}

/** A sender's leaf ‖ proof under the head of an epoch. */
export interface EpochProof {
  readonly epoch: Epoch;
  readonly proof: Uint8Array;
}

/**
 * The parts that a reader needs beside an entry and may lack: heads, proofs, and people's
 * records.
 */
export interface Supplement {
  readonly heads: Uint8Array[];
  readonly proofs: EpochProof[];
  readonly people: PersonTrust[];
}

/**
 * Entries ascending, with every head, proof (R2: under the header's head, and under the highest
 * that an earlier entry names) and key that they use. ``log_hash``: L before the first entry.
 * ``more``: the page was cut (by ``after``: newer ones follow; by ``before``: older ones).
 */
export interface LogPage {
  readonly entries: LogEntry[];
  readonly heads: Uint8Array[];
  readonly proofs: EpochProof[];
  readonly keys: KeyItem[];
  readonly logHash: Uint8Array;
  readonly lastSeq: Seq;
  readonly more: boolean;
}

/** ``entries``: how many of the newest the page has, at most. */
export interface StartConversation {
  readonly entries: number;
}

/**
 * All that a device begins to follow a conversation with. ``cell_keys``: every kept key of its
 * cell, oldest first. ``asked``: what it lacks to open the page, of which the server asks
 * other devices for shares already (D4). ``awaited``: conversation keys that it lacks too, and
 * that holders are to seal to its cell (S9).
 */
export interface Start {
  readonly conversation: Conversation;
  readonly page: LogPage;
  readonly cellKeys: CellKeyItem[];
  readonly asked: ShareReference[];
  readonly awaited: KeyId[];
}

/**
 * How many have received and read a message, of the people it is for: the members when it was
 * sent, registered or not, but its sender. ``phones``: those of them who have a listed
 * device, or have received it.
 */
export interface ReceiptCount {
  readonly seq: Seq;
  readonly people: number;
  readonly phones: number;
  readonly delivered: number;
  readonly read: number;
}

/** Counts of messages of the caller's person, newest first. */
export interface CountedReceipts {
  readonly counts: ReceiptCount[];
}

/**
 * A hold. ``title``: of a department's conversation; ``by`` and ``second``: the admins who set
 * it; ``lifted_by``: the admin who asked for its end; ``in_force``: now.
 */
export interface LegalHold {
  readonly holdId: HoldId;
  readonly conversationId: ConversationId | null;
  readonly title: Names | null;
  readonly person: Person | null;
  readonly caseNumber: string;
  readonly reason: string;
  readonly fromMs: number;
  readonly untilMs: number | null;
  readonly by: Person | null;
  readonly second: Person | null;
  readonly liftedMs: number | null;
  readonly liftedBy: Person | null;
  readonly inForce: boolean;
}

/** A conversation of the department with its name. */
export interface TitledGroup {
  readonly conversationId: ConversationId;
  readonly title: Names;
}

/** ``groups``: conversations of the department that may be held, ended ones too. */
export interface LegalHolds {
  readonly holds: LegalHold[];
  readonly groups: TitledGroup[];
}

export interface Unit {
  readonly unitId: UnitId;
  readonly parentId: UnitId | null;
  readonly level: string;
  readonly names: Names;
}

/** Kind of unit ("state", "commissionerate", "station", …), in order from the top. */
export interface Level {
  readonly code: string;
  readonly names: Names;
}

export interface Rank {
  readonly code: string;
  readonly names: Names;
  readonly order: number;
}

export interface Role {
  readonly code: string;
  readonly names: Names;
}

/** The organisation without its people. ``version`` serves as ETag. */
export interface Directory {
  readonly version: string;
  readonly units: Unit[];
  readonly levels: Level[];
  readonly ranks: Rank[];
  readonly roles: Role[];
}

/** A post that a person holds or held. ``posting_id``: 0 for the one that they hold now. */
export interface Posting {
  readonly postingId: number;
  readonly postId: PostId;
  readonly unitId: UnitId;
  readonly post: Names;
  readonly roles: string[];
  readonly head: boolean;
  readonly charge: "regular" | "officiating" | "additional";
  readonly fromMs: number;
  readonly untilMs: number | null;
}

export interface People {
  readonly people: Person[];
  readonly next: string | null;
  readonly total: number;
}

/** A person who holds a post, and how. */
export interface PostHolder {
  readonly person: Person;
  readonly charge: "regular" | "officiating" | "additional";
}

/**
 * A post of a unit. ``holders``: active ones, regular before officiating before additional,
 * then seniors first; at most 20 of ``held_by``. Without a regular one the post is vacant.
 */
export interface Post {
  readonly postId: PostId;
  readonly unitId: UnitId;
  readonly names: Names;
  readonly roles: string[];
  readonly head: boolean;
  readonly holders: PostHolder[];
  readonly heldBy: number;
}

export interface Posts {
  readonly posts: Post[];
}

/** The posts whose holders head a unit. */
export interface UnitHeads {
  readonly unitId: UnitId;
  readonly posts: Post[];
}

/** A unit and every unit above it, the nearest first. */
export interface ChainOfCommand {
  readonly units: UnitHeads[];
}

/**
 * The parameters of a search by their names. They are in a body and not in the address, which
 * proxies write to their logs: people search for names and numbers.
 */
export interface Search {
  readonly asked: Record<string, string>;
}

/** Another device acknowledged this order for this person: ask for the order again. */
export interface OrderAcknowledged {
  readonly t: "order_acknowledged";
  readonly orderId: MessageId;
}

/**
 * As OrderProgress, but with those units alone whose counts are others than were sent before.
 * At most one each second.
 */
export interface OrderProgressFrame {
  readonly t: "order_progress";
  readonly orderId: MessageId;
  readonly unitId: UnitId | null;
  readonly countedMs: number;
  readonly items: number;
  readonly total: number[];
  readonly units: Record<UnitId, number[]>;
}

/**
 * Send the progress of an order, of a unit (None: of everybody): all of it within a second,
 * then what changes. A connection watches one at a time; None: none any more.
 */
export interface WatchOrder {
  readonly t: "watch_order";
  readonly orderId: MessageId | null;
  readonly unitId: UnitId | null;
}

/** How far a client has come in a conversation. */
export interface Position {
  readonly conversationId: ConversationId;
  readonly seq: Seq;
}

/**
 * First frame of a client. Anything else first, or a bad token, closes with 4401.
 *
 * ``positions`` may leave conversations out: those are fetched from the log. ``app``: the version
 * of the program that runs on the device; "": it does not say.
 */
export interface Hello {
  readonly t: "hello";
  readonly version: number;
  readonly accessToken: string;
  readonly positions: Position[];
  readonly app: string;
}

export interface CursorUpdate {
  readonly conversationId: ConversationId;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
}

/** How far this client has come; never goes back. Coalesced on both sides. */
export interface Cursors {
  readonly t: "cursors";
  readonly updates: CursorUpdate[];
}

/**
 * This device's newest live position, for the devices that the conversation lists; nothing
 * stores it. ``data``: a position record of docs/keys.md; empty: the device has stopped.
 */
export interface SendPosition {
  readonly t: "send_position";
  readonly conversationId: ConversationId;
  readonly data: Uint8Array;
}

/** Send the newest positions that the node has heard of in the last quarter of an hour. */
export interface WatchPositions {
  readonly t: "watch_positions";
  readonly conversationId: ConversationId;
}

/**
 * This device makes the shares, its cell's key or the seals that the server has asked it for:
 * the server asks another device for them later (D4, C1, S9).
 */
export interface Working {
  readonly t: "working";
  readonly conversationId: ConversationId;
}

/** The newest live position of a device, to every listed device that is connected. */
export interface PositionFrame {
  readonly t: "position";
  readonly conversationId: ConversationId;
  readonly data: Uint8Array;
}

/**
 * The state of a conversation that lists this device. ``follows``: everything after the
 * client's position follows on this socket, so the log need not be asked. ``shares``: key shares
 * that wait for this device. The versions say what else need not be asked.
 */
export interface ConversationHead {
  readonly conversationId: ConversationId;
  readonly lastSeq: Seq;
  readonly follows: boolean;
  readonly rosterEpoch: Epoch;
  readonly infoVersion: string;
  readonly receiptsVersion: number;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly shares: number;
}

/**
 * Answer to Hello: the head of every conversation that lists this device. ``me_version`` is
 * another one whenever the person's devices or their acceptance of the code are others.
 * ``sanctioned``: one of the person's sanctions is in force, or they have not read it.
 */
export interface Ready {
  readonly t: "ready";
  readonly serverTimeMs: number;
  readonly trustVersion: number;
  readonly directoryVersion: string;
  readonly guardPolicy: number;
  readonly guardPictures: number;
  readonly meVersion: string;
  readonly sanctioned: boolean;
  readonly heads: ConversationHead[];
}

/** ``supplement``: where this socket's readers may lack what they need to check the entry. */
export interface EntryFrame {
  readonly t: "entry";
  readonly entry: LogEntry;
  readonly supplement: Supplement | null;
}

/**
 * A conversation key, with this device's or its cell's seal. ``awaited``: the server asks a
 * member for the seal, so this device waits before it asks for a share (S9). ``first``: this is a
 * late seal; the cell's other devices get it once this device has said that it could open the
 * seal, or after 3 s.
 */
export interface KeyFrame {
  readonly t: "key";
  readonly conversationId: ConversationId;
  readonly record: Uint8Array;
  readonly seal: Uint8Array | null;
  readonly awaited: boolean;
  readonly first: boolean;
}

/** A new key of this device's cell, with this device's seal. */
export interface CellKeyFrame {
  readonly t: "cell_key";
  readonly conversationId: ConversationId;
  readonly cellId: CellId;
  readonly record: Uint8Array;
  readonly seal: Uint8Array | null;
}

/** There is a newer roster head. Told in conversations of up to 1,024 devices. */
export interface RosterFrame {
  readonly t: "roster";
  readonly conversationId: ConversationId;
  readonly epoch: Epoch;
}

/** The conversation is new to this client or changed: fetch it again. */
export interface ConversationFrame {
  readonly t: "conversation";
  readonly conversationId: ConversationId;
}

/** This device is not listed any more. */
export interface ConversationGone {
  readonly t: "gone";
  readonly conversationId: ConversationId;
}

/** The server asks this device to make the next conversation key (D7). */
export interface KeyWanted {
  readonly t: "key_wanted";
  readonly conversationId: ConversationId;
}

/** The server asks this device to make its cell's next key (C1). */
export interface CellKeyWanted {
  readonly t: "cell_key_wanted";
  readonly conversationId: ConversationId;
  readonly cellId: CellId;
  readonly epoch: Epoch;
  readonly generation: number;
}

/**
 * A listed device that lacks secrets. ``proof``: its leaf ‖ proof under the question's head;
 * ``keys``: its DeviceKey records.
 */
export interface ShareAsker {
  readonly device: DeviceId;
  readonly personId: PersonId;
  readonly proof: Uint8Array;
  readonly keys: Uint8Array[];
}

/** Other listed devices lack these secrets (D4), all of them the same. ``head``: the newest. */
export interface ShareWanted {
  readonly t: "share_wanted";
  readonly conversationId: ConversationId;
  readonly head: Uint8Array;
  readonly stamp: Uint8Array;
  readonly references: ShareReference[];
  readonly askers: ShareAsker[];
}

/**
 * The server asks this device to seal a conversation key that it holds to these cell keys, to
 * which the key is not sealed yet (S9).
 */
export interface SealsWanted {
  readonly t: "seals_wanted";
  readonly conversationId: ConversationId;
  readonly keyId: KeyId;
  readonly head: Uint8Array;
  readonly stamp: Uint8Array;
  readonly cellKeys: SealKeyId[];
}

/** A key share for this device. */
export interface ShareFrame {
  readonly t: "share";
  readonly conversationId: ConversationId;
  readonly share: Uint8Array;
}

/** How far a person has come, over all their devices. ``lacks``: what differs from it. */
export interface Receipt {
  readonly personId: PersonId;
  readonly deliveredSeq: Seq;
  readonly readSeq: Seq;
  readonly lacks: LackedKey[];
}

/** How far these people have come. ``receipts_version`` grows by one with each. */
export interface Receipts {
  readonly t: "receipts";
  readonly conversationId: ConversationId;
  readonly receipts: Receipt[];
  readonly receiptsVersion: number;
}

/**
 * To the devices of these messages' senders, in conversations too large for Receipts: the
 * changed counts among the newest 8.
 */
export interface ReceiptCounts {
  readonly t: "receipt_counts";
  readonly conversationId: ConversationId;
  readonly counts: ReceiptCount[];
}

/**
 * Something about this account changed. ``signed_out`` is followed by a close with 4403.
 * ``conduct``: the code of conduct asks again; ``guard``: its policy or the known pictures are
 * others; ``joining``: a request to join a group is made or answered; ``acts``: one begins to
 * wait for a second admin, or waits no more.
 */
export interface AccountFrame {
  readonly t: "account";
  readonly event: "clients" | "trust" | "directory" | "unconfirmed" | "confirmation" | "conduct" | "guard" | "reports" | "joining" | "acts" | "signed_out";
}

/** A file on its way. ``size``: bytes; ``sha256``: of the whole file. */
export interface BeginUpload {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

export interface UploadBegun {
  readonly uploadId: UploadId;
}

/**
 * How to read a file and what to do with it.
 *
 * ``remove_missing``: people whom the file lacks leave; not together with ``partial``: store the
 * good rows and leave out the bad. ``sheets``: the table of a sheet by the sheet's name, or
 * ``none``. ``columns``: a heading, several joined by "+", or ``none``, by ``table.column``.
 * ``aliases``: by column, codes by what the file says for them. ``confirmed``: somebody saw which
 * column is which.
 */
export interface ImportChoices {
  readonly removeMissing: boolean;
  readonly partial: boolean;
  readonly confirmed: boolean;
  readonly sheets: Record<string, string>;
  readonly columns: Record<string, string>;
  readonly aliases: Record<string, Record<string, string>>;
}

/**
 * A column of the data bank and the headings that it is read from; empty: none.
 * ``confidence``: 0 to 1, of the guess; 1: certain or confirmed; ``sure``: nobody needs to look
 * at it.
 */
export interface ImportColumn {
  readonly column: string;
  readonly headings: string[];
  readonly confidence: number;
  readonly sure: boolean;
}

/**
 * How a sheet is read. ``name``: the key of ImportChoices.sheets; ``remembered``: as somebody
 * confirmed it for an earlier file with these headings.
 */
export interface ImportSheet {
  readonly name: string;
  readonly label: string;
  readonly table: string;
  readonly columns: ImportColumn[];
  readonly headings: string[];
  readonly remembered: boolean;
  readonly rows: number;
}

/**
 * A name in a file that somebody matched to a code by hand; ``remembered``: with an earlier
 * import.
 */
export interface ImportAlias {
  readonly column: string;
  readonly typed: string;
  readonly code: string;
  readonly remembered: boolean;
}

/**
 * The effects of an import, within the part of the person who sent the file. ``digest``: names
 * exactly these changes; ``counts``: rows by ImportShow; ``people``: in the part now; ``leaving``:
 * whom it suspends or removes; ``unsure``: columns that are only likely; ``paths``: the units of
 * which it shows anything, "" for the department; ``aliases``: names that were matched by hand.
 */
export interface ImportPreview {
  readonly digest: string;
  readonly sheets: ImportSheet[];
  readonly counts: Record<string, number>;
  readonly people: number;
  readonly leaving: number;
  readonly repeated: number;
  readonly unsure: string[];
  readonly paths: string[];
  readonly aliases: ImportAlias[];
}

/**
 * A file that somebody sent. ``part``: of the work that ``state`` names, with ``done`` of
 * ``total``; ``problem``: why it failed, a code of docs/operations.md, with its ``value``;
 * ``number``: of the import, once applied.
 */
export interface Upload {
  readonly uploadId: UploadId;
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly by: Person | null;
  readonly madeMs: number;
  readonly state: "receiving" | "examining" | "ready" | "failed" | "applied";
  readonly part: "" | "reading" | "judging" | "storing";
  readonly done: number;
  readonly total: number;
  readonly problem: string;
  readonly value: string;
  readonly choices: ImportChoices;
  readonly preview: ImportPreview | null;
  readonly number: number | null;
}

/** A value that changes. */
export interface ImportValue {
  readonly column: string;
  readonly old: string;
  readonly new: string;
}

/**
 * Why a row is refused: a code of docs/operations.md. ``suggestions``: codes that are close to
 * the value; ``other``: the line of the row that claims the same, or 0.
 */
export interface ImportProblem {
  readonly code: string;
  readonly column: string;
  readonly value: string;
  readonly suggestions: string[];
  readonly other: number;
}

/**
 * A row of a preview. ``code``, ``name``: of the person or unit, "" where the file does not
 * say; ``line``: 0 for somebody who is not in the file.
 */
export interface ImportRow {
  readonly table: string;
  readonly code: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly kinds: string[];
  readonly values: ImportValue[];
  readonly problems: ImportProblem[];
}

/** ``next``: pass as ``?after=``; None: these were the last. */
export interface ImportRows {
  readonly rows: ImportRow[];
  readonly next: string | null;
  readonly total: number;
}

/**
 * An import that was applied. ``by``: as the audit log names it; ``undoable``: what it replaced
 * is kept, and it was not undone; ``undoes``: the import that it undid.
 */
export interface PastImport {
  readonly number: number;
  readonly by: string;
  readonly source: string;
  readonly atMs: number;
  readonly counts: Record<string, number>;
  readonly undoes: number | null;
  readonly undoneMs: number | null;
  readonly undoable: boolean;
}

/**
 * ``uploads``: files that are not applied, of the caller or of their part; ``imports``: the
 * newest over whose units the caller may import; ``columns``: of each table, in the order of
 * files.
 */
export interface AdminImports {
  readonly uploads: Upload[];
  readonly imports: PastImport[];
  readonly columns: Record<string, string[]>;
}

/**
 * A ConversationKey record and its seals, concatenated, ascending by recipient key id.
 * ``left_out``, in a conversation of one cell: listed devices that the author could not confirm or
 * has no key of.
 */
export interface SubmitKey {
  readonly record: Uint8Array;
  readonly seals: Uint8Array;
  readonly leftOut: DeviceId[];
}

export interface KeyAccepted {
  readonly keyId: KeyId;
}

/**
 * Seals of a conversation key that the server asked this device for (S9), ordered by the id of
 * the cell key. ``refused``: ids of cell keys to which this device does not seal, because of
 * S4.
 */
export interface SubmitLateSeals {
  readonly keyId: KeyId;
  readonly seals: Uint8Array;
  readonly refused: SealKeyId[];
}

/** ``head``, ``proof``: the author's leaf ‖ proof under the record's head (S2). */
export interface Keys {
  readonly key: KeyItem | null;
  readonly head: Uint8Array | null;
  readonly proof: Uint8Array | null;
}

/** A CellKey record that the server asked this device for (C1), with its seals. */
export interface SubmitCellKey {
  readonly record: Uint8Array;
  readonly seals: Uint8Array;
  readonly leftOut: DeviceId[];
}

/**
 * The keys to which a sender seals: all cell lines (58 bytes each, ascending; the head's root
 * is theirs) and the keys that changed after the asked version. ``version``: ask with it next.
 */
export interface CellKeys {
  readonly version: number;
  readonly head: Uint8Array;
  readonly stamp: Uint8Array;
  readonly lines: Uint8Array;
  readonly keys: CellKeyItem[];
}

/** Every kept key of the calling device's own cell, oldest first. */
export interface OwnCellKeys {
  readonly keys: CellKeyItem[];
}

/** The calling device cannot open this key of its cell (C2). */
export interface FlagCellKey {
  readonly keyId: SealKeyId;
}

export interface ShareRequest {
  readonly references: ShareReference[];
}

/** A KeyShare for a device that asked. */
export interface DeviceShare {
  readonly device: DeviceId;
  readonly share: Uint8Array;
}

/** Key shares, one for each device. */
export interface SubmitShares {
  readonly shares: DeviceShare[];
}

/** Shares that wait for the calling device, until it says that its references are done. */
export interface Shares {
  readonly shares: Uint8Array[];
}

/**
 * A text of an order: its own or a correction's. ``header_hash``: H(header ‖ signature) of its
 * message, by which acknowledgements name it.
 */
export interface OrderText {
  readonly seq: Seq;
  readonly headerHash: Uint8Array;
}

/**
 * The record that counts for the caller, whole, and whose device signed it: the caller's own,
 * or of somebody who told the caller in person. The caller's device verifies it.
 * ``first_created_ms``: as GivenAcknowledgement has it.
 */
export interface OwnAcknowledgement {
  readonly record: Uint8Array;
  readonly signerId: PersonId;
  readonly firstCreatedMs: number;
}

/**
 * The record that counts for a person, as the server read it. ``told_by``: who told the person
 * and signed it; None: the person's own. ``choice`` 0: none; UNREADABLE: the person cannot read
 * the order, and has not acknowledged it. ``done``: items of the checklist, bit n - 1 for the
 * nth; ``photo``: the person has sent one. ``received_ms``: when the server had it.
 * ``first_created_ms``: when the first record was signed that acknowledged what is asked now: a
 * tick of the checklist or another choice replaces the record, and keeps this time by the server's
 * word.
 */
export interface GivenAcknowledgement {
  readonly choice: number;
  readonly done: number;
  readonly photo: boolean;
  readonly toldBy: PersonId | null;
  readonly createdMs: number;
  readonly receivedMs: number;
  readonly firstCreatedMs: number;
}

/**
 * An order as one person sees it. ``header_hash``: H(header ‖ signature) of the message, which
 * acknowledgements name. ``texts``: the oldest first; ``asked_seq``: of the newest that everybody
 * is to acknowledge. ``escalated_ms``: when heads were woken because too few had acknowledged.
 * ``owed``: the caller is asked for an acknowledgement and has given none that counts.
 * ``overseen``: the caller may see who has acknowledged. The issuer and administrators of the
 * conversation see everybody; others see the units where they have the right ``oversee_orders``.
 * ``reminded_ms``: when somebody last asked for a reminder; ``reminds``: the caller may, because
 * they see all of it.
 */
export interface Order {
  readonly orderId: MessageId;
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  readonly headerHash: Uint8Array;
  readonly issuerId: PersonId;
  readonly issuedMs: number;
  readonly terms: OrderTerms;
  readonly texts: OrderText[];
  readonly askedSeq: Seq;
  readonly withdrawnMs: number | null;
  readonly escalatedMs: number | null;
  readonly remindedMs: number | null;
  readonly owed: boolean;
  readonly acknowledgement: OwnAcknowledgement | null;
  readonly overseen: boolean;
  readonly reminds: boolean;
}

/**
 * The priorities of which the caller may issue orders: ``here`` in the conversation that was
 * asked about, to everybody in it; ``anywhere`` to some people.
 */
export interface Issuing {
  readonly here: ("routine" | "urgent" | "flash")[];
  readonly anywhere: ("routine" | "urgent" | "flash")[];
}

/** A unit below one that the caller heads. ``people``: active people in it and below it. */
export interface IssuableUnit {
  readonly unitId: UnitId;
  readonly people: number;
}

/** The units to each of which the caller may issue orders without belonging to their chats. */
export interface IssuableUnits {
  readonly units: IssuableUnit[];
}

/** Newest first. ``next``: the ``after`` of the next page. */
export interface Orders {
  readonly orders: Order[];
  readonly next: string | null;
}

/**
 * A photo that an order asks for: the sealed pointer, and the attachment to which it points,
 * which the same person uploaded for this order.
 */
export interface SealedPhoto {
  readonly sealed: Uint8Array;
  readonly attachmentId: AttachmentId;
}

/**
 * ``record``: an Acknowledgement of docs/keys.md; ``answer`` and ``photo``: the sealed ones
 * whose hashes it has; None also where the record that counts so far names the same.
 */
export interface AcknowledgementItem {
  readonly record: Uint8Array;
  readonly answer: Uint8Array | null;
  readonly photo: SealedPhoto | null;
}

/**
 * Records of the calling device, about its person or, told in person, about others.
 * Idempotent: a record that is kept counts once.
 */
export interface SubmitAcknowledgements {
  readonly acknowledgements: AcknowledgementItem[];
}

/** An outcome for each record, in their order. A refused one keeps no other from counting. */
export interface AcknowledgementOutcomes {
  readonly outcomes: ("counted" | "superseded" | "malformed" | "wrong_order" | "wrong_device" | "wrong_choice" | "wrong_answer" | "wrong_photo" | "photo_missing" | "not_owed" | "not_allowed" | "wrong_time" | "too_late" | "withdrawn")[];
}

/**
 * Counts of a unit (None: of everybody) and of the units below it with people who owe, by
 * unit; people of the unit itself are counted under its own id. Counts: owe, received, read,
 * acknowledged, told in person among those, cannot read it, have sent a photo, then one for each
 * choice, then one
 * for each item of the checklist: the number of people who have done it. ``items``: how many of
 * the counts are of items. The count of readers includes the people who acknowledged. The count of
 * recipients includes the readers and the people who cannot read the order.
 */
export interface OrderProgress {
  readonly orderId: MessageId;
  readonly unitId: UnitId | null;
  readonly countedMs: number;
  readonly items: number;
  readonly total: number[];
  readonly units: Record<UnitId, number[]>;
}

/** Orders that the caller issued, for example one order to several units. */
export interface CountOrders {
  readonly orderIds: MessageId[];
}

/**
 * ``reminded_ms``: when somebody last asked for a reminder, as the caller knows it. If another
 * reminder has gone out lately, the request is a repeat and wakes nobody.
 */
export interface RemindOfOrder {
  readonly remindedMs: number | null;
}

/** When somebody last asked for a reminder of the order. */
export interface OrderReminded {
  readonly remindedMs: number;
}

/** Counts over everybody who must acknowledge an order, as in OrderProgress. */
export interface OrderTotal {
  readonly orderId: MessageId;
  readonly items: number;
  readonly total: number[];
}

/** Counts of the orders that the caller issued, in the order of the request. */
export interface OrderTotals {
  readonly totals: OrderTotal[];
}

/**
 * How many had acknowledged by the end of each step of time after the order, ascending;
 * steps without a change are left out.
 */
export interface OrderCurve {
  readonly orderId: MessageId;
  readonly stepMs: number;
  readonly points: [number, number][];
}

/** Somebody who owes, and how far they have come. */
export interface OrderPerson {
  readonly person: Person;
  readonly state: "waiting" | "received" | "read" | "acknowledged" | "unreadable";
  readonly acknowledgement: GivenAcknowledgement | null;
}

/** Seniors first, as the directory lists people. */
export interface OrderPeople {
  readonly people: OrderPerson[];
  readonly next: string | null;
}

/**
 * A record that counts, whole, with its sealed answer and photo: for verification and export.
 * ``first_created_ms``: as GivenAcknowledgement has it.
 */
export interface OrderRecord {
  readonly record: Uint8Array;
  readonly answer: Uint8Array | null;
  readonly photo: SealedPhoto | null;
  readonly receivedMs: number;
  readonly firstCreatedMs: number;
}

/**
 * By person id, ascending. ``people``: where asked for, all that is signed about the people of
 * these records and their signers, and transitively about those whom they rest on.
 */
export interface OrderRecords {
  readonly records: OrderRecord[];
  readonly people: PersonTrust[];
  readonly next: string | null;
}

/** People by employee number or phone number, as somebody pastes them. */
export interface FindPeople {
  readonly given: string[];
}

/** ``person``: None for somebody who is not in the caller's part. */
export interface FoundPerson {
  readonly given: string;
  readonly person: Person | null;
}

export interface FoundPeople {
  readonly people: FoundPerson[];
}

/** The post of a person, their charges and former posts, the newest first. */
export interface PersonPostings {
  readonly postings: Posting[];
}

/** Transfers before they are signed: of these people to one place. */
export interface PreviewMoves {
  readonly personIds: PersonId[];
  readonly place: PostId | NewPlace;
  readonly rank: string | null;
}

/**
 * The groups of the department that a person would join and leave. ``allowed``: the caller may
 * move them.
 */
export interface MovePreview {
  readonly personId: PersonId;
  readonly allowed: boolean;
  readonly joins: Names[];
  readonly leaves: Names[];
}

export interface MovesPreview {
  readonly moves: MovePreview[];
}

/**
 * A transfer that will be done when the day ``on`` begins in India, or one that ``failed``
 * then, for the reason that it names. ``post``: its title.
 */
export interface PlannedTransfer {
  readonly plannedId: number;
  readonly person: Person;
  readonly unitId: UnitId;
  readonly post: Names;
  readonly rank: string | null;
  readonly on: string;
  readonly state: "planned" | "failed";
  readonly reason: string;
}

/** Those of the caller's part, the next first. */
export interface PlannedTransfers {
  readonly transfers: PlannedTransfer[];
}

export interface PreviewAudience {
  readonly rule: Audience;
}

/**
 * ``people``: how many the rule takes now; ``sample``: some of them, seniors first;
 * ``allowed``: the caller may make a group of them.
 */
export interface AudiencePreview {
  readonly people: number;
  readonly sample: Person[];
  readonly allowed: boolean;
}

/** A conversation that the department made. ``by_policy``: the policy made it and keeps it. */
export interface AdminGroup {
  readonly conversationId: ConversationId;
  readonly title: Names;
  readonly unitId: UnitId | null;
  readonly rule: Audience;
  readonly kind: "direct" | "group" | "unit" | "announcement";
  readonly whoMaySend: "everyone" | "admins";
  readonly members: number;
  readonly byPolicy: boolean;
}

/** The groups of the caller's part, and the policy that makes the standing ones. */
export interface AdminGroups {
  readonly groups: AdminGroup[];
  readonly policy: GroupPolicy[];
}

/** The server's key for ``PushManager.subscribe``: an uncompressed point of P-256. */
export interface PushKey {
  readonly key: Uint8Array;
}

/**
 * The place at which this device is to be woken. Its ``p256dh`` and ``auth`` stay on the
 * device: pushes have no body, so there is nothing to encrypt.
 */
export interface PutPushSubscription {
  readonly endpoint: string;
}

/**
 * The keys and records by which a device judges certificates and records. ``version`` grows
 * with every change.
 *
 * ``root`` is pinned at registration; everything else must verify under it.
 */
export interface Trust {
  readonly version: number;
  readonly root: Uint8Array;
  readonly issuing: Uint8Array[];
  readonly rosterAuthority: Uint8Array;
  readonly departments: Uint8Array[];
  readonly incarnation: Uint8Array | null;
}

/** Ask for an OTP. The answer is the same, in content and time, for every number. */
export interface RequestCode {
  readonly number: string;
  readonly language: "en" | "te" | "ur" | "hi";
}

export interface CodeRequested {
  readonly challengeId: ChallengeId;
  readonly codeLength: number;
  readonly expiresInMs: number;
  readonly resendAfterMs: number;
}

export interface SubmitCode {
  readonly challengeId: ChallengeId;
  readonly code: string;
}

export interface SubmitEnrolmentCode {
  readonly ticket: string;
  readonly enrolmentCode: string;
}

/**
 * Register with an enrolment code alone, where the number gets no more texts
 * (``texts_used_up``). A wrong code has the same answer for every number.
 */
export interface RegisterWithoutText {
  readonly number: string;
  readonly enrolmentCode: string;
}

export interface CheckRegistration {
  readonly ticket: string;
}

/** The next step for the holder of ``ticket``. ``refused`` is final. */
export interface RegistrationStep {
  readonly ticket: string;
  readonly next: "enrolment_code" | "device" | "refused";
  readonly names: Names | null;
  readonly expiresInMs: number;
}

/**
 * Ask for a device certificate. Idempotent under retry with the same ticket and key.
 *
 * ``proof`` is an Ed25519 signature by the device key over
 * ``b"copconnect register v1\0" + ticket (ASCII) + client id (16) + public key (32)``.
 */
export interface RegisterClient {
  readonly ticket: string;
  readonly clientId: ClientId;
  readonly signaturePublicKey: Uint8Array;
  readonly proof: Uint8Array;
  readonly label: string;
}

export interface ClientRegistered {
  readonly personId: PersonId;
  readonly clientId: ClientId;
  readonly certificate: Uint8Array;
  readonly device: DeviceId;
  readonly accessToken: string;
  readonly tokenExpiresMs: number;
  readonly trust: Trust;
}

/**
 * Ask for an access token that the device made, and for a new certificate near the end of the
 * one there is. No token is needed. Idempotent under retry.
 *
 * ``token_hash``: SHA-256 of the token, 32 random bytes in hex. ``proof`` signs
 * ``b"copconnect renew v2\0" + client id (16) + created_ms (8) + token_hash``.
 */
export interface RenewCertificate {
  readonly clientId: ClientId;
  readonly createdMs: number;
  readonly tokenHash: Uint8Array;
  readonly proof: Uint8Array;
}

export interface CertificateRenewed {
  readonly certificate: Uint8Array;
  readonly tokenExpiresMs: number;
}

/**
 * Revoke the device that signs; no token is needed. ``proof`` signs
 * ``b"copconnect sign-out v1\0" + client id (16) + created_ms (8)``.
 */
export interface SignOut {
  readonly clientId: ClientId;
  readonly createdMs: number;
  readonly proof: Uint8Array;
}

/** A new unit, the last below its parent; ``parent_id`` is None at the top. */
export interface AddUnit {
  readonly step: "add_unit";
  readonly unitId: UnitId;
  readonly parentId: UnitId | null;
  readonly level: string;
  readonly names: Names;
}

/** The names and the level that a unit has from now on. */
export interface RenameUnit {
  readonly step: "rename_unit";
  readonly unitId: UnitId;
  readonly level: string;
  readonly names: Names;
}

/** A unit, with all below it, gets another parent. */
export interface MoveUnit {
  readonly step: "move_unit";
  readonly unitId: UnitId;
  readonly parentId: UnitId | null;
}

/** A unit ends; its people, posts and units below it go to another one. */
export interface MergeUnits {
  readonly step: "merge_units";
  readonly unitId: UnitId;
  readonly into: UnitId;
}

/**
 * A new unit that is split off: with the units below the old one, the posts of the old one with
 * all who hold them, and the people of the old one that it gets.
 */
export interface UnitPart {
  readonly unitId: UnitId;
  readonly parentId: UnitId | null;
  readonly level: string;
  readonly names: Names;
  readonly unitIds: UnitId[];
  readonly postIds: PostId[];
  readonly personIds: PersonId[];
}

/** New units are split off a unit, which keeps what no part names. */
export interface SplitUnit {
  readonly step: "split_unit";
  readonly unitId: UnitId;
  readonly parts: UnitPart[];
}

/** A unit without people and without units below it ends. */
export interface RemoveUnit {
  readonly step: "remove_unit";
  readonly unitId: UnitId;
}

/** The order of all units right below one; None: of the top units. */
export interface OrderUnits {
  readonly step: "order_units";
  readonly parentId: UnitId | null;
  readonly unitIds: UnitId[];
}

/**
 * The reason why a step cannot be done. ``step``: its index; ``unit_id``: the unit that is
 * wrong; ``value``: the mistake, such as a code or a person's id.
 */
export interface StepProblem {
  readonly step: number;
  readonly code: "unit_unknown" | "unit_exists" | "unit_former" | "code_invalid" | "name_missing" | "name_malformed" | "name_taken" | "level_unknown" | "level_unfit" | "below_itself" | "not_empty" | "elsewhere" | "named_twice" | "order_incomplete" | "too_deep" | "changes_nothing";
  readonly unitId: UnitId;
  readonly value: string;
}

/** Steps before they are signed, or ``undo``: the number of a reorganisation. */
export interface PreviewReorganisation {
  readonly steps: (AddUnit | RenameUnit | MoveUnit | MergeUnits | SplitUnit | RemoveUnit | OrderUnits)[];
  readonly undo: number | null;
}

/** A unit as it is before or after a reorganisation. */
export interface UnitState {
  readonly parentId: UnitId | null;
  readonly level: string;
  readonly names: Names;
}

/**
 * A unit that a reorganisation changes. ``before``: None for a new one; ``after``: None for one
 * that ends; ``into``: the unit that it is merged into; ``people``: at and below it, before.
 */
export interface UnitChange {
  readonly unitId: UnitId;
  readonly kinds: ("added" | "renamed" | "level" | "moved" | "merged" | "removed" | "order")[];
  readonly before: UnitState | null;
  readonly after: UnitState | null;
  readonly into: UnitId | null;
  readonly people: number;
}

/** People whose posts go from one unit to another. ``some``: the first of them. */
export interface PlaceChange {
  readonly fromId: UnitId;
  readonly toId: UnitId;
  readonly people: number;
  readonly some: PersonId[];
}

/**
 * A conversation that follows the data bank and that a reorganisation changes. ``title``: None
 * for one that an officer made, whose name the server does not know; ``former``: its title before,
 * where it gets another.
 */
export interface GroupChange {
  readonly kind: "made" | "renamed" | "ended" | "people";
  readonly title: Names | null;
  readonly former: Names | null;
  readonly joins: number;
  readonly leaves: number;
  readonly joining: PersonId[];
  readonly leaving: PersonId[];
}

/**
 * A grant in force over a unit path that is gone afterwards. ``now``: the path of the same unit
 * afterwards, over which it may be given again; None where the unit ends.
 */
export interface LapsingGrant {
  readonly person: Person;
  readonly path: string;
  readonly now: string | null;
  readonly notAfterMs: number;
}

/**
 * All that a reorganisation would do. With ``problems`` the rest is empty. ``people``: how many
 * it touches; ``moved``: whose posts go to another unit; ``posts``: how many posts do, vacant ones
 * among them; ``charges``: officiating and additional charges that do. ``groups``: the first of
 * ``group_count``. ``conversations_kept``: conversations with posts that continue where the post
 * lives on; ``conversations_ended``: conversations whose post ends. ``cards``: of the people who
 * are named by their ids.
 */
export interface ReorganisationPreview {
  readonly problems: StepProblem[];
  readonly units: UnitChange[];
  readonly people: number;
  readonly moved: number;
  readonly posts: number;
  readonly charges: number;
  readonly places: PlaceChange[];
  readonly groups: GroupChange[];
  readonly groupCount: number;
  readonly conversationsKept: number;
  readonly conversationsEnded: number;
  readonly lapsing: LapsingGrant[];
  readonly paths: string[];
  readonly needsSecond: boolean;
  readonly cards: Person[];
}

/**
 * A reorganisation of the past. ``undoes``: the number of the one that it undid; ``person``:
 * the admin, None for an operator, whose login ``by`` has.
 */
export interface PastReorganisation {
  readonly number: number;
  readonly by: string;
  readonly person: Person | null;
  readonly atMs: number;
  readonly units: UnitChange[];
  readonly people: number;
  readonly undoes: number | null;
  readonly undoneMs: number | null;
}

export interface PastReorganisations {
  readonly reorganisations: PastReorganisation[];
}

/** People and registered people of a unit itself, without those below it. */
export interface UnitCount {
  readonly unitId: UnitId;
  readonly people: number;
  readonly registered: number;
}

/** The units of the caller's part that have people. */
export interface UnitCounts {
  readonly units: UnitCount[];
}

/** ``days``: 0 for a warning. */
export interface NewSanction {
  readonly kind: "warning" | "muted" | "suspended";
  readonly days: number;
}

/** The people to whose devices a report of this message is sealed. */
export interface ReportReaders {
  readonly people: Person[];
}

/**
 * Idempotent by ``report_id``, which the reporter chooses. ``header_hash``: H(header ‖
 * signature) of the reported message; ``messages``: how many the proof has; ``sealed``: the
 * envelope (F2).
 */
export interface SubmitReport {
  readonly reportId: ReportId;
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly headerHash: Uint8Array;
  readonly clause: number;
  readonly messages: number;
  readonly sealed: Uint8Array;
}

/** A report of the caller's: its state, and nothing of who decides. */
export interface OwnReport {
  readonly reportId: ReportId;
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly clause: number;
  readonly createdMs: number;
  readonly state: "open" | "assigned" | "decided";
  readonly finding: "dismissed" | "upheld" | null;
  readonly decidedMs: number | null;
}

/** Newest first. */
export interface OwnReports {
  readonly reports: OwnReport[];
}

/**
 * A report as moderators see it. ``path``: of the reported person's unit when it came;
 * ``others``: other reports of the same message; ``key_ids``: of the caller's DeviceKeys
 * that open it; ``appealed``: an appeal waits.
 */
export interface Case {
  readonly reportId: ReportId;
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly headerHash: Uint8Array;
  readonly createdMs: number;
  readonly reportedId: PersonId;
  readonly path: string;
  readonly clause: number;
  readonly messages: number;
  readonly state: "open" | "assigned" | "decided";
  readonly assigneeId: PersonId | null;
  readonly finding: "dismissed" | "upheld" | null;
  readonly decidedMs: number | null;
  readonly others: number;
  readonly appealed: boolean;
  readonly keyIds: Uint8Array[];
}

/** ``next``: the ``after`` of the next page. ``people``: whom the cases name. */
export interface Cases {
  readonly cases: Case[];
  readonly people: Person[];
  readonly next: string | null;
}

/** The decision of moderators. ``second_id``: the one who agreed, where two were needed. */
export interface Decision {
  readonly byId: PersonId;
  readonly secondId: PersonId | null;
  readonly atMs: number;
  readonly finding: "dismissed" | "upheld";
  readonly clause: number;
  readonly reason: string;
  readonly sanction: NewSanction | null;
}

/**
 * The secret of a proof's or an appeal's envelope, sealed to one more device by a moderator who
 * opened it (F3). ``seal``: enc ‖ ct.
 */
export interface AddedSeal {
  readonly keyId: Uint8Array;
  readonly kem: number;
  readonly seal: Uint8Array;
}

/** Idempotent: a moderator seals an envelope to a device key once. */
export interface SubmitSeals {
  readonly envelope: "report" | "appeal";
  readonly seals: AddedSeal[];
}

/** ``seals``: how many moderators added to this envelope in all. */
export interface SealsAdded {
  readonly seals: number;
}

/** A moderator's device that cannot open an envelope. */
export interface WantingDevice {
  readonly personId: PersonId;
  readonly device: Uint8Array;
}

/** A case that moderate people whose devices its proof, or the appeal, is not sealed to. */
export interface WantingCase {
  readonly reportId: ReportId;
  readonly devices: WantingDevice[];
}

/** ``next``: the ``after`` of the next page. */
export interface WantingCases {
  readonly cases: WantingCase[];
  readonly next: string | null;
}

/**
 * ``sealed``: the appeal's envelope (F2); ``seals``: seals that other moderators added for the
 * caller's devices; ``outcome``: None while it waits.
 */
export interface Appeal {
  readonly sealed: Uint8Array;
  readonly seals: AddedSeal[];
  readonly createdMs: number;
  readonly outcome: "upheld" | "lifted" | null;
  readonly reason: string;
  readonly decidedMs: number | null;
}

/**
 * A case with its sealed proof; ``sealed`` None: the proof is kept no more; ``seals``: seals
 * that other moderators added for the caller's devices. ``bar``,
 * ``appeal_bar``: why the caller may not decide the case, or the appeal.
 */
export interface CaseDetail {
  readonly case: Case;
  readonly people: Person[];
  readonly sealed: Uint8Array | null;
  readonly seals: AddedSeal[];
  readonly decision: Decision | null;
  readonly sanction: Sanction | null;
  readonly appeal: Appeal | null;
  readonly bar: "own_case" | "decided" | "decided_first" | null;
  readonly appealBar: "own_case" | "decided" | "decided_first" | null;
}

/**
 * Reports of a unit, or about a clause. ``path``: "" in the list by clauses; ``clause``: 0 in
 * the list by units.
 */
export interface CountedReports {
  readonly path: string;
  readonly clause: number;
  readonly open: number;
  readonly dismissed: number;
  readonly upheld: number;
}

/** Counts without names. ``median_ms``: from a report to its decision; None: none is decided. */
export interface ReportStatistics {
  readonly fromMs: number;
  readonly open: number;
  readonly dismissed: number;
  readonly upheld: number;
  readonly appeals: number;
  readonly lifted: number;
  readonly medianMs: number | null;
  readonly units: CountedReports[];
  readonly clauses: CountedReports[];
}

/**
 * A sanction, named by its report. ``until_ms`` equals ``from_ms`` for a warning. ``appeal``:
 * its state; ``ended_ms``: when it ended before its time, because an appeal lifted it.
 */
export interface Sanction {
  readonly reportId: ReportId;
  readonly personId: PersonId;
  readonly kind: "warning" | "muted" | "suspended";
  readonly fromMs: number;
  readonly untilMs: number;
  readonly clause: number;
  readonly reason: string;
  readonly appeal: "none" | "open" | "upheld" | "lifted";
  readonly appealReason: string;
  readonly acknowledgedMs: number | null;
  readonly endedMs: number | null;
}

/** The caller's, newest first. */
export interface Sanctions {
  readonly sanctions: Sanction[];
}

/** ``sealed``: the words, sealed to moderators who did not decide (F2). */
export interface SubmitAppeal {
  readonly sealed: Uint8Array;
}

/** Text of one kind within a line. */
export interface LessonSpan {
  readonly text: string;
  readonly bold: boolean;
  readonly italic: boolean;
}

/** ``level``: 2 or 3; the lesson's title is the first. */
export interface Heading {
  readonly type: "heading";
  readonly level: 2 | 3;
  readonly line: LessonSpan[];
}

export interface Paragraph {
  readonly type: "paragraph";
  readonly line: LessonSpan[];
}

export interface ListBlock {
  readonly type: "list";
  readonly ordered: boolean;
  readonly items: LessonSpan[][];
}

/** A picture of the lesson's folder, whole. */
export interface Image {
  readonly type: "image";
  readonly alt: string;
  readonly mediaType: "image/png" | "image/jpeg" | "image/webp";
  readonly data: Uint8Array;
}

/** ``why``: the explanation for a person who chooses it. */
export interface QuizOption {
  readonly text: string;
  readonly right: boolean;
  readonly why: string;
}

/** Exactly one option is right. */
export interface Quiz {
  readonly type: "quiz";
  readonly question: string;
  readonly options: QuizOption[];
}

/**
 * A lesson. ``language``: of the text, English where the lesson has none in the one that was
 * asked for; ``digest``: of all that is here, so that a device knows what it holds; ``screens``:
 * one after another, each of blocks; ``asked``: of its questions in a try, ``needed``: how many of
 * these must be answered rightly at the first choice.
 */
export interface LessonPage {
  readonly lessonId: LessonId;
  readonly course: "officer" | "head" | "admin" | "moderator";
  readonly title: string;
  readonly minutes: number;
  readonly version: number;
  readonly digest: string;
  readonly language: "en" | "te" | "ur" | "hi";
  readonly practice: "message" | "group" | "order" | "guard" | "report" | "place" | null;
  readonly screens: ((Heading | Paragraph | ListBlock | Image | Quiz)[])[];
  readonly asked: number;
  readonly needed: number;
}

/** A lesson in a list. ``done_version``: that the caller did last, None: none. */
export interface TrainingItem {
  readonly lessonId: LessonId;
  readonly title: string;
  readonly minutes: number;
  readonly version: number;
  readonly digest: string;
  readonly doneVersion: number | null;
  readonly doneMs: number | null;
}

/** ``completed_ms``: when the caller had done every lesson that there was; None: not yet. */
export interface TrainingCourse {
  readonly course: "officer" | "head" | "admin" | "moderator";
  readonly lessons: TrainingItem[];
  readonly completedMs: number | null;
}

/**
 * The caller's courses. ``closed_from``: groups of at least so many members take nothing from
 * the caller before the officer course is done; None: all do. ``remind``: a course is overdue, or
 * somebody asked for it.
 */
export interface Training {
  readonly courses: TrainingCourse[];
  readonly closedFrom: number | null;
  readonly remind: boolean;
}

/**
 * The first choice of a person. ``question``: its place among the lesson's questions,
 * ``option``: its place among the question's options, both from 0.
 */
export interface QuizAnswer {
  readonly question: number;
  readonly option: number;
}

/**
 * A try. ``language``: of the text that was asked for; ``answers``: one for each question of
 * the try.
 */
export interface LessonDone {
  readonly lessonId: LessonId;
  readonly version: number;
  readonly language: "en" | "te" | "ur" | "hi";
  readonly answers: QuizAnswer[];
}

/** Idempotent: a lesson that was done stays done. A try that does not pass changes nothing. */
export interface SubmitLessonsDone {
  readonly lessons: LessonDone[];
}

/**
 * People at or below a unit: how many, how many have begun a course, how many have done it.
 * ``path`` as cards write it.
 */
export interface UnitTraining {
  readonly path: string;
  readonly people: number;
  readonly begun: number;
  readonly done: number;
}

/** ``own``: people of the unit itself; ``units``: right below it. */
export interface TrainingProgress {
  readonly course: "officer" | "head" | "admin" | "moderator";
  readonly total: UnitTraining;
  readonly own: UnitTraining;
  readonly units: UnitTraining[];
}

/** ``path``: of a unit, as cards write it; "" for the whole department. */
export interface RemindOfTraining {
  readonly course: "officer" | "head" | "admin" | "moderator";
  readonly path: string;
}

/**
 * ``people``: who are reminded; ``recent``: who have not done the course either and were
 * reminded, or asked for, within a week.
 */
export interface TrainingReminded {
  readonly people: number;
  readonly recent: number;
}

/** ``done``: how many lessons of the course. */
export interface UntrainedPerson {
  readonly person: Person;
  readonly done: number;
}

export interface Untrained {
  readonly people: UntrainedPerson[];
  readonly next: string | null;
}

/**
 * ``line``: from 1, 0 for the whole text; ``code``: docs/trainer-guide.md has them;
 * ``serious``: the lesson is not taken before it is mended.
 */
export interface LessonProblem {
  readonly language: "en" | "te" | "ur" | "hi";
  readonly line: number;
  readonly code: string;
  readonly detail: string;
  readonly serious: boolean;
}

/** A lesson in the console. ``place``: in its course, lowest first. */
export interface LessonState {
  readonly lessonId: LessonId;
  readonly course: "officer" | "head" | "admin" | "moderator";
  readonly place: number;
  readonly titles: Record<string, string>;
  readonly version: number;
  readonly missing: ("en" | "te" | "ur" | "hi")[];
  readonly source: "built_in" | "folder" | "console";
  readonly problems: LessonProblem[];
}

export interface LessonStates {
  readonly lessons: LessonState[];
}

/** A picture that texts show by its name. ``digest``: SHA-256 in hex. */
export interface LessonPicture {
  readonly name: string;
  readonly digest: string;
}

/** A picture, whole. */
export interface LessonFile {
  readonly name: string;
  readonly digest: string;
  readonly mediaType: "image/png" | "image/jpeg" | "image/webp";
  readonly data: Uint8Array;
}

/** A lesson as it was written. ``pictures``: by name. */
export interface WrittenLesson {
  readonly texts: LessonTexts;
  readonly pictures: LessonFile[];
}

/** PNG, JPEG or WebP, at most LESSON_PICTURE_BYTES. The same again changes nothing. */
export interface SubmitLessonPicture {
  readonly data: Uint8Array;
}

/** ``digest``: by which previews and `publish_lesson` name the picture, for a day. */
export interface LessonPictureKept {
  readonly digest: string;
}

/** ``pictures``: that the lesson is to have. */
export interface PreviewLesson {
  readonly lessonId: LessonId;
  readonly language: "en" | "te" | "ur" | "hi";
  readonly text: string;
  readonly pictures: LessonPicture[];
}

/** ``lesson``: None where a problem is serious. */
export interface LessonPreview {
  readonly lesson: LessonPage | null;
  readonly problems: LessonProblem[];
}

/**
 * The name (docs/protocol.md) of the newest answer about a person whose every record the asking
 * device verified and holds; empty for none.
 */
export interface KnownPerson {
  readonly personId: PersonId;
  readonly held: Uint8Array;
}

export interface LookUpTrust {
  readonly people: KnownPerson[];
  readonly keys: boolean;
}

/**
 * The asked people about whom the device holds another answer, and, transitively, the people
 * whose devices endorsed or granted and who were not asked about. ``untold``: asked people whom
 * the server does not show to a device that is not confirmed; of people in neither list the device
 * holds the newest answer.
 */
export interface PeopleTrust {
  readonly people: PersonTrust[];
  readonly untold: PersonId[];
}

/** Lock all devices of a person whose phone is lost. Nothing on them is erased. */
export interface LockDevices {
  readonly act: "lock_devices";
  readonly personId: PersonId;
}

/** Unlock the locked devices of a person. */
export interface UnlockDevices {
  readonly act: "unlock_devices";
  readonly personId: PersonId;
}

/**
 * Whether a person's devices are locked as lost. ``locked_ms`` and ``by``: since when and who
 * asked for it; None where they are not, or the caller may neither lock nor unlock them.
 */
export interface PhoneLock {
  readonly lockedMs: number | null;
  readonly by: PersonId | null;
  readonly mayLock: boolean;
  readonly mayUnlock: boolean;
}

/** Somebody who can confirm a device. ``number``: E.164; "" where the caller is not shown it. */
export interface Confirmer {
  readonly personId: PersonId;
  readonly number: string;
}

/**
 * ``confirmers``: the people who can confirm this device, nearest first, at most 5; none for
 * one that is confirmed. ``version``: as ``Ready.me_version``.
 */
export interface Me {
  readonly version: string;
  readonly person: Person;
  readonly clientId: ClientId;
  readonly device: DeviceId;
  readonly confirmed: "root_admin" | "own_device" | "admin" | "first" | "no";
  readonly confirmers: Confirmer[];
  readonly clients: ClientInfo[];
  readonly conductVersion: number | null;
  readonly conductAcceptedMs: number | null;
  readonly conductRequired: number;
  readonly unitAdmin: boolean;
}

export interface RenameClient {
  readonly label: string;
}

/** DeviceKey records of the calling device: a higher generation, or the same bytes again. */
export interface PutDeviceKeys {
  readonly keys: Uint8Array[];
}

export interface AskTime {
  readonly nonce: string;
}

export interface TimeAnswer {
  readonly time: Uint8Array;
}

/**
 * The server lists the endorsed device in the same transaction. Idempotent by its bytes.
 *
 * ``revocations``: with an admin's, of each former device of the person that the roster authority
 * alone revoked (E4). They list everything that the device made, and undo nothing.
 */
export interface SubmitEndorsement {
  readonly endorsement: Uint8Array;
  readonly revocations: Uint8Array[];
}

export interface Grants {
  readonly grants: Uint8Array[];
}

/**
 * Every endorsement and grant that one device made, for somebody who revokes it: the revocation
 * lists what of it still counts. ``people``: the trust of the people they are about.
 */
export interface MadeRecords {
  readonly endorsements: Uint8Array[];
  readonly grants: Uint8Array[];
  readonly people: PersonTrust[];
}

/**
 * The server ends the device's token and unlists it in the same transaction. It is longer than
 * other records: it lists what the device made that still counts.
 */
export interface SubmitRevocation {
  readonly revocation: Uint8Array;
}

export interface UnconfirmedDevice {
  readonly person: Person;
  readonly device: DeviceId;
  readonly clientId: ClientId;
  readonly label: string;
  readonly registeredMs: number;
}

/** Devices of the caller's own person and of the units that the caller may confirm for. */
export interface UnconfirmedDevices {
  readonly devices: UnconfirmedDevice[];
}

/** The endorser begins to compare digits (E3) with its commitment. */
export interface BeginConfirmation {
  readonly confirmationId: ConfirmationId;
  readonly newDevice: DeviceId;
  readonly commitment: Uint8Array;
}

/** The new device's half, once for each confirmation. */
export interface AnswerConfirmation {
  readonly answer: Uint8Array;
}

/** The endorser's half, after the answer. */
export interface RevealConfirmation {
  readonly secret: Uint8Array;
}

/** A comparison of digits under way; the server passes the halves on and decides nothing. */
export interface Confirmation {
  readonly confirmationId: ConfirmationId;
  readonly endorserPersonId: PersonId;
  readonly endorserDevice: DeviceId;
  readonly newDevice: DeviceId;
  readonly commitment: Uint8Array;
  readonly answer: Uint8Array | null;
  readonly secret: Uint8Array | null;
  readonly createdMs: number;
  readonly expiresMs: number;
}

/** Comparisons that the calling device takes part in. */
export interface Confirmations {
  readonly confirmations: Confirmation[];
}

/** The hashes of the proof that a larger audit log continues from a smaller one (RFC 6962). */
export interface LogConsistency {
  readonly proof: Uint8Array[];
}

/**
 * The authenticators of the caller that count, as their devices signed them. ``host``: the
 * name that they are made for; "": this server takes none. ``ever``: one was enrolled before, so
 * that a PIN proves nothing; ``asked``: the record that waits for another admin; ``enrols``: this
 * device is not confirmed yet, and so enrols one without another admin.
 */
export interface Authenticators {
  readonly host: string;
  readonly enrolled: Uint8Array[];
  readonly ever: boolean;
  readonly asked: Uint8Array | null;
  readonly enrols: boolean;
}

/**
 * A credential that was made on the calling device. ``attestation`` and ``client_data``: as
 * WebAuthn answers.
 */
export interface AddAuthenticator {
  readonly authenticator: Uint8Array;
  readonly attestation: Uint8Array;
  readonly clientData: Uint8Array;
}

/**
 * An authenticator that a person of the caller's part asks another admin to enrol.
 * ``authenticator``: the record that the person's device signed.
 */
export interface AuthenticatorAsked {
  readonly person: Person;
  readonly label: string;
  readonly authenticator: Uint8Array;
}

export interface AuthenticatorsAsked {
  readonly asked: AuthenticatorAsked[];
}

export type ClientFrame = Hello | Cursors | WatchOrder | SendPosition | WatchPositions | Working;

export type ServerFrame = Ready | EntryFrame | KeyFrame | CellKeyFrame | RosterFrame | ConversationFrame | ConversationGone | KeyWanted | CellKeyWanted | ShareWanted | SealsWanted | ShareFrame | Receipts | ReceiptCounts | PositionFrame | OrderProgressFrame | OrderAcknowledged | AccountFrame;

export type Step = AddUnit | RenameUnit | MoveUnit | MergeUnits | SplitUnit | RemoveUnit | OrderUnits;

export type Act = SuspendPerson | RestorePerson | TransferPerson | PlanTransfer | CancelTransfer | AbolishPost | RestorePost | GiveCharge | EndCharge | ReorganiseUnits | UndoReorganisation | MakeEnrolmentCodes | RevokeDevice | LockDevices | UnlockDevices | GiveGrant | WithdrawGrant | SetRights | ApplyImport | UndoImport | CreateGroup | ChangeGroup | EndGroup | SetGroupPolicy | AssignReport | DecideReport | DecideAppeal | PublishLesson | PublishConduct | SetGuardPolicy | MarkPicture | UnmarkPicture | EnrolAuthenticator | HoldMessages | LiftHold | ApproveAct | RefuseAct;
