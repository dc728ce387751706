/**
 * Revocation (E4): a device is lost, since when, and which of its endorsements
 * and grants still stand. Whether one counts is judged in standing.ts.
 */
import { equalBytes } from "../../octets.ts";
import { ZEROS } from "../format/hashing.ts";
import { RecordFormat, bytes, hashes, integer, type RecordOf } from "../format/record.ts";
import { refuseUnless } from "../format/refused.ts";
import { LOSS_LIMIT_MS } from "../../limits.ts";

export const RevocationFormat = new RecordFormat(
  { label: "copconnect revocation v1", rule: "E4", version: 1 },
  {
    device: bytes(32),
    lostAt: integer(8),
    created: integer(8),
    /** Zeros: the roster authority. */
    signer: bytes(32),
    /** Hashes of the endorsements and grants by the device that still stand. */
    standing: hashes(2),
  },
);
export type Revocation = RecordOf<typeof RevocationFormat>;

export function isByAuthority(revocation: Revocation): boolean {
  return equalBytes(revocation.signer, ZEROS);
}

/** Check what the record says without other records. */
export function requireRevocationValues(revocation: Revocation): void {
  refuseUnless(revocation.lostAt <= revocation.created, "E4", "loss is still to come");
  const other = !equalBytes(revocation.signer, revocation.device);
  refuseUnless(other, "E4", "a device does not revoke itself");
}

/** Whether the loss is dated further back than anybody but a root admin may. */
export function isFarBack(revocation: Revocation): boolean {
  return revocation.created - revocation.lostAt > LOSS_LIMIT_MS;
}
