/**
 * Endorsement (docs/keys.md): one device's signature that another belongs to the same person,
 * or an admin's. Made after both sides compared digits (E3, digits.ts).
 */
import { RecordFormat, bytes, integer, type RecordOf } from "../format/record.ts";
import { refuseUnless } from "../format/refused.ts";

export const OWN_DEVICE = 1;
export const BY_ADMIN = 2;

export const EndorsementFormat = new RecordFormat(
  { label: "copconnect endorsement v1", rule: "E0", version: 1 },
  { endorsed: bytes(32), endorser: bytes(32), kind: integer(1), created: integer(8) },
);
export type Endorsement = RecordOf<typeof EndorsementFormat>;

export function requireEndorsementValues({ kind }: Endorsement): void {
  const known = kind === OWN_DEVICE || kind === BY_ADMIN;
  refuseUnless(known, "E0", "unknown kind of endorsement");
}
