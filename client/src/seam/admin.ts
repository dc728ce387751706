/**
 * The console's part of the seam: administration within this person's part of the tree. The screens
 * offer; the core signs; the server judges. Times are ms since 1970.
 */
import type {
  Act,
  ActAnswer,
  ActId,
  ActPreview,
  AdminCharts,
  AdminDevices,
  AdminGrants,
  AdminGroups,
  AdminImports,
  AdminOverview,
  AdminPeople,
  AdminRights,
  Audience,
  AudiencePreview,
  ConductAcceptances,
  ConductTexts,
  ConductVersions,
  GuardPolicyVersion,
  KnownPictures,
  People,
  FoundPeople,
  PastReorganisations,
  ReorganisationPreview,
  Step,
  UnitCounts,
  Exported,
  ExportForm,
  ImportChoices,
  ImportRows,
  ImportShow,
  MovesPreview,
  Person,
  PersonId,
  PersonPostings,
  PlannedTransfers,
  PreviewMoves,
  Upload,
  UploadId,
} from "../wire.ts";
import type { GuardPolicy } from "./guard.ts";
import type { Plate } from "./people.ts";

/** Acts that the page asks for as they are; grants and revocations are made by calls of core.ts. */
export type PlainAct = Exclude<
  Act,
  { readonly act: "revoke_device" | "give_grant" | "withdraw_grant" }
>;

export interface AdminPeopleQuery {
  readonly text?: string;
  readonly unit?: string;
  /** False: without the units below. */
  readonly deep?: boolean;
  readonly rank?: string;
  readonly role?: string;
  readonly status?: string;
  readonly state?: "registered" | "unregistered" | "unconfirmed" | "silent";
  readonly after?: string;
  readonly limit?: number;
}

export interface AdminDevicesQuery {
  readonly state?: "confirmed" | "unconfirmed" | "silent" | "unreached" | "locked" | "revoked";
  readonly after?: string;
  readonly limit?: number;
}

/** An act that waits for a second admin, read from what the first one's device signed. */
export interface WaitingView {
  readonly actId: ActId;
  /** The signed record's hash, as this device computed it. */
  readonly hash: string;
  readonly act: Act;
  readonly by: Person;
  /** Whether the signature is that person's device's, by a certificate of the department. */
  readonly genuine: boolean;
  readonly people: number;
  readonly paths: readonly string[];
  readonly madeMs: number;
  readonly expiresMs: number;
  readonly own: boolean;
  /** The first of the people who may approve it, and how many they are; null: that is not told. */
  readonly approvers: readonly Person[];
  readonly approverCount: number | null;
  /** The preview that its asker was shown; null for an act about a report. */
  readonly preview: ActPreview | null;
}

/** An authenticator that somebody asks another admin to enrol. */
export interface AuthenticatorItem {
  readonly person: Person;
  /** The label of the device on which it was made. */
  readonly label: string;
  readonly madeMs: number;
  /** That person sees the same digits. */
  readonly digits: string;
  /** As the act names it. */
  readonly authenticator: string;
}

export interface AuditQuery {
  readonly kinds?: string;
  readonly by?: string;
  readonly about?: string;
  readonly act?: string;
  readonly from?: number;
  readonly until?: number;
  readonly before?: number;
  readonly limit?: number;
}

/** An entry of the audit log. */
export interface AuditItem {
  readonly number: number;
  readonly madeMs: number;
  /** The login of an operator; null where a person did it. */
  readonly operator: string | null;
  readonly by: Plate | null;
  readonly path: string;
  /** The act as it was done: the tag under `act`, and its fields, as the server says. */
  readonly done: Readonly<Record<string, unknown>>;
  /** Whether a device signed it, and whether that signature was found right on this device. */
  readonly signature: "right" | "wrong" | "none";
  /** The act's id, where an act was signed. */
  readonly actId: ActId | null;
}

export interface AuditItems {
  readonly entries: readonly AuditItem[];
  readonly people: readonly Person[];
  readonly next: number | null;
  readonly newest: number;
}

/** The audit log as this device verified it. `problem`: the first entry that does not hold. */
export interface VerifiedAudit {
  readonly entries: number;
  readonly hash: Uint8Array;
  /** Entries whose content this person may read. */
  readonly read: number;
  readonly signed: number;
  readonly unsigned: number;
  readonly problem: { readonly number: number; readonly reason: string } | null;
}

/**
 * Changes of the tree of units that nobody has signed yet: groups of steps, each what one gesture made,
 * and those that were taken back. The vault keeps it on this device.
 */
export interface UnitDraft {
  readonly done: readonly (readonly Step[])[];
  readonly undone: readonly (readonly Step[])[];
}

export interface ConductPendingQuery {
  readonly text?: string;
  readonly unit?: string;
  readonly deep?: boolean;
  readonly after?: string;
  readonly limit?: number;
}

/** The guard's policy in force, the classes that the weights know, and the policies that were set. */
export interface GuardPoliciesView {
  readonly policy: GuardPolicy;
  readonly classes: readonly string[];
  readonly versions: readonly GuardPolicyVersion[];
}

export interface AdminCore {
  rights(): Promise<AdminRights>;
  overview(): Promise<AdminOverview>;
  charts(): Promise<AdminCharts>;
  people(query: AdminPeopleQuery): Promise<AdminPeople>;
  devices(query: AdminDevicesQuery): Promise<AdminDevices>;
  grants(): Promise<AdminGrants>;
  waiting(): Promise<readonly WaitingView[]>;
  preview(act: PlainAct): Promise<ActPreview>;
  /** Sign an act and let the server do it. The id is the host's where absent. */
  perform(act: PlainAct, actId?: ActId): Promise<ActAnswer>;
  unitCounts(): Promise<UnitCounts>;
  previewReorganisation(
    asked: { readonly steps: readonly Step[] } | { readonly undo: number },
  ): Promise<ReorganisationPreview>;
  reorganisations(): Promise<PastReorganisations>;
  unitDraft(): Promise<UnitDraft | null>;
  /** Null: forget it. */
  keepUnitDraft(draft: UnitDraft | null): Promise<void>;
  imports(): Promise<AdminImports>;
  /** Announce a file to import. */
  beginUpload(file: Blob, name: string): Promise<UploadId>;
  /** Send it, all or what is missing; `upload` says how far it has come. */
  sendUpload(uploadId: UploadId, file: Blob): Promise<void>;
  /** Let the server read and judge it; `upload` says how far that is, then what it would change. */
  examineUpload(uploadId: UploadId, choices: ImportChoices): Promise<void>;
  upload(uploadId: UploadId): Promise<Upload>;
  uploadRows(uploadId: UploadId, show: ImportShow, after: string | null): Promise<ImportRows>;
  /** A file of this person's part; the audit log records it. */
  exported(what: Exported, format: ExportForm): Promise<Blob>;
  /** A workbook of the refused rows and of all changes. */
  uploadReport(uploadId: UploadId): Promise<Blob>;
  /** People by employee numbers or phone numbers, as somebody pastes them. */
  findPeople(given: readonly string[]): Promise<FoundPeople>;
  /** The post, charges and former posts of a person; `at`: those that they held then. */
  postings(personId: PersonId, at?: number): Promise<PersonPostings>;
  previewMoves(asked: PreviewMoves): Promise<MovesPreview>;
  /** Transfers that take effect on a day to come, and those that failed of late. */
  plannedTransfers(): Promise<PlannedTransfers>;
  previewAudience(rule: Audience): Promise<AudiencePreview>;
  groups(): Promise<AdminGroups>;
  /** Every version of the code of conduct, and the newest text. */
  conductVersions(): Promise<ConductVersions>;
  conductTexts(version: number): Promise<ConductTexts>;
  /** How many have accepted, by unit of this person's part. */
  conductAcceptances(): Promise<ConductAcceptances>;
  /** People of this person's part who have not accepted. */
  conductPending(query: ConductPendingQuery): Promise<People>;
  guardPolicies(): Promise<GuardPoliciesView>;
  /** The policy that an act says; null: it says none. */
  guardPolicyOf(text: string): Promise<GuardPolicy | null>;
  /** A page of the pictures that moderators marked; `before`: after this `next`. */
  pictures(before: number | null): Promise<KnownPictures>;
  authenticatorsAsked(): Promise<readonly AuthenticatorItem[]>;
  audit(query: AuditQuery): Promise<AuditItems>;
  verifyAudit(): Promise<VerifiedAudit>;
}

export type AdminMethod = keyof AdminCore;
