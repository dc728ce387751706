/**
 * The console's part of the seam: administration within this person's part of the tree. The screens
 * offer; the core signs; the server judges. Times are ms since 1970.
 */
import type { Act, ActId, GuardPolicyVersion, Person, Step, UnitId, WaitingAct } from "../wire.ts";
import type { GuardPolicy } from "./guard.ts";
import type { Plate } from "../names.ts";
import type { PeopleQuery } from "./people.ts";

/** Acts that the page asks for as they are; grants and revocations are made by calls of core.ts. */
export type PlainAct = Exclude<
  Act,
  { readonly act: "revoke_device" | "give_grant" | "withdraw_grant" }
>;

/** `deep`: false leaves out the units below. */
export interface AdminPeopleQuery extends Omit<PeopleQuery, "unitId" | "first"> {
  readonly unit?: UnitId;
  readonly status?: string;
  readonly state?: "registered" | "unregistered" | "unconfirmed" | "silent";
}

export interface AdminDevicesQuery {
  readonly state?: "confirmed" | "unconfirmed" | "silent" | "unreached" | "locked" | "revoked";
  readonly after?: string;
  readonly limit?: number;
}

/** An act that waits for a second admin, read from what the first one's device signed. */
export interface WaitingView extends Omit<WaitingAct, "record"> {
  /** The signed record's hash, as this device computed it. */
  readonly hash: string;
  readonly act: Act;
  /** Whether the signature is that person's device's, by a certificate of the department. */
  readonly genuine: boolean;
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
 * and groups that were taken back. The vault keeps it on this device.
 */
export interface UnitDraft {
  readonly done: readonly (readonly Step[])[];
  readonly undone: readonly (readonly Step[])[];
}

export type ConductPendingQuery = Pick<
  AdminPeopleQuery,
  "text" | "unit" | "deep" | "after" | "limit"
>;

/** The guard's policy in force, the classes that the weights know, and the policies that were set. */
export interface GuardPoliciesView {
  readonly policy: GuardPolicy;
  readonly classes: readonly string[];
  readonly versions: readonly GuardPolicyVersion[];
}
