/**
 * Department record: what the offline root signs. Devices pin the root's key at registration. Only
 * a higher number replaces a record; all are kept and served, because an endorsement is judged by
 * the record in force when it was made.
 *
 * The roster authorities of a department count from 0, and each numbers what it signs within a
 * separate range: the numbers of a later authority are above all the numbers that an earlier one
 * can use. {@link authorityOf} therefore says whose signature a numbered record needs.
 */
import { equalBytes } from "../../octets.ts";
import { kemField } from "../hpke.ts";
import {
  RecordFormat,
  bytes,
  hashes,
  integer,
  type Field,
  type RecordOf,
} from "../format/record.ts";
import { Refused, refuseUnless } from "../format/refused.ts";

/** Under policy none a person's first device is confirmed without an endorsement. */
export const POLICY_NONE = 0;
export const POLICY_APPROVAL = 1;

/** 256 ranges; times in ms since 1970 fit one until the year 3084. */
const RANGE = 2 ** 45;

export interface AppVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

const appVersion: Field<AppVersion> = {
  read: (reader) => ({ major: reader.uint(2), minor: reader.uint(2), patch: reader.uint(2) }),
  write(writer, { major, minor, patch }) {
    writer.uint(major, 2).uint(minor, 2).uint(patch, 2);
  },
};

export const DepartmentFormat = new RecordFormat(
  { label: "copconnect department v2", rule: "E0", version: 2 },
  {
    number: integer(8),
    created: integer(8),
    /** How many roster authorities came before. */
    authorityNumber: integer(1),
    authority: bytes(32),
    lowestKem: kemField,
    policy: integer(1),
    /** The lowest version of the app that may send. */
    lowestApp: appVersion,
    /** H(SPKI) of the issuing CAs. */
    issuers: hashes(1),
    /** Root admins' devices. */
    admins: hashes(1),
  },
);
export type Department = RecordOf<typeof DepartmentFormat>;

/** Check a record that shall replace the one with the number `former` (0: there is none). */
export async function checkDepartment(
  record: Department,
  rootKey: Uint8Array,
  former = 0,
): Promise<void> {
  await DepartmentFormat.verify(record, rootKey);
  const known = record.policy === POLICY_NONE || record.policy === POLICY_APPROVAL;
  refuseUnless(known, "E0", "unknown policy");
  refuseUnless(record.number > former, "E0", "not newer than the record before");
}

/** Check a record, whose signature is checked, against the one that it shall replace. */
export function requireFollows(record: Department, former: Department): void {
  refuseUnless(record.number > former.number, "E0", "not newer than the record before");
  const later = record.created > former.created;
  refuseUnless(later, "E0", "dated before the department record that it replaces");
  const step = record.authorityNumber - former.authorityNumber;
  const right = equalBytes(record.authority, former.authority) ? step === 0 : step > 0;
  refuseUnless(right, "E0", "another roster authority takes a higher number");
}

/** The number of the roster authority that may sign an epoch or a record of this number. */
export function authorityNumberOf(number: number): number {
  return Math.floor(number / RANGE);
}

/** The first number of a roster authority's range. */
export function firstNumber(authorityNumber: number): number {
  return authorityNumber * RANGE;
}

/** Raw public key of the roster authority to whose range a number belongs. Refuses by `rule`. */
export function authorityOf(
  departments: readonly Department[],
  number: number,
  rule: string,
): Uint8Array {
  const wanted = authorityNumberOf(number);
  const found = departments.find(({ authorityNumber }) => authorityNumber === wanted);
  if (found === undefined) throw new Refused(rule, "a number of no roster authority");
  return found.authority;
}

/** Whether a record lets an app of a version, such as "1.4.0", send. */
export function letsSend({ lowestApp }: Department, version: string): boolean {
  const own = version.split(".").map(Number);
  const lowest = [lowestApp.major, lowestApp.minor, lowestApp.patch];
  const at = lowest.findIndex((part, place) => part !== own[place]);
  return at < 0 || (own[at] ?? 0) > (lowest[at] ?? 0);
}
