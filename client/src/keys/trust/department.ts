/**
 * Department record (docs/keys.md): what the offline root signs. Devices pin the root's key at
 * registration. Only a higher number replaces a record; all are kept and served, because an
 * endorsement is judged by the record in force when it was made.
 */
import { kemField } from "../hpke.ts";
import { RecordFormat, bytes, hashes, integer, type RecordOf } from "../format/record.ts";
import { refuseUnless } from "../format/refused.ts";

/** Under policy none a person's first device is confirmed without an endorsement. */
export const POLICY_NONE = 0;
export const POLICY_APPROVAL = 1;

export const DepartmentFormat = new RecordFormat(
  { label: "copconnect department v1", rule: "E0", version: 1 },
  {
    number: integer(8),
    created: integer(8),
    authority: bytes(32),
    lowestKem: kemField,
    policy: integer(1),
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
  requireNewer(record, former);
}

/** The same for a record whose signature is checked. */
export function requireNewer(record: Department, former: number): void {
  const known = record.policy === POLICY_NONE || record.policy === POLICY_APPROVAL;
  refuseUnless(known, "E0", "unknown policy");
  refuseUnless(record.number > former, "E0", "not newer than the record before");
}
