/**
 * Roster head (docs/keys.md): the signed summary of a conversation's devices at one epoch.
 * Heads are fetched singly; a device checks `previous` where it holds the one before.
 *
 * The department's lowest KEM binds sealing, not reading: {@link checkHead} takes a head below it,
 * {@link requireSealingKem} refuses to seal under one.
 */
import { equalBytes } from "../../octets.ts";
import { ZEROS } from "../format/hashing.ts";
import { kemField } from "../hpke.ts";
import { RecordFormat, bytes, integer, type RecordOf } from "../format/record.ts";
import { refuseUnless } from "../format/refused.ts";
import { authorityNumberOf, type Department } from "../trust/department.ts";

export const RosterHeadFormat = new RecordFormat(
  { label: "copconnect roster v3", rule: "R4", version: 3 },
  {
    conversation: bytes(16),
    epoch: integer(8),
    previous: bytes(32),
    kem: kemField,
    rekeyEpoch: integer(8),
    /** The highest of its leaves: everybody listed may read what is not older. */
    latestHistoryFrom: integer(8),
    created: integer(8),
    devices: integer(4),
    root: bytes(32),
  },
);
export type RosterHead = RecordOf<typeof RosterHeadFormat>;

/** Check a head by the roster authority's key. */
export async function checkHead(
  head: RosterHead,
  authority: Uint8Array,
  conversation: Uint8Array,
): Promise<void> {
  const same = equalBytes(head.conversation, conversation);
  refuseUnless(same, "R4", "another conversation's head");
  const fits = head.epoch >= 1 && head.rekeyEpoch <= head.epoch;
  refuseUnless(fits, "R4", "epochs do not fit");
  const first = equalBytes(head.previous, ZEROS);
  refuseUnless((head.epoch === 1) === first, "R4", "wrong previous head");
  await RosterHeadFormat.verify(head, authority);
}

/**
 * Check a head against an earlier one of the same conversation that this device holds. Between them
 * may be others; a KEM that rises rekeys.
 */
export function checkLaterHead(before: RosterHead, later: RosterHead): void {
  refuseUnless(later.epoch > before.epoch, "R4", "not a later head");
  // A thief of a former authority's key may have signed any rekey epoch and KEM.
  if (authorityNumberOf(later.epoch) !== authorityNumberOf(before.epoch)) return;
  const follows = later.epoch > before.epoch + 1 || equalBytes(later.previous, before.hash);
  refuseUnless(follows, "R4", "head does not follow the one before");
  refuseUnless(later.rekeyEpoch >= before.rekeyEpoch, "R4", "rekey_epoch goes back");
  refuseUnless(later.kem >= before.kem, "R4", "KEM goes back");
  const rekeyed = later.kem === before.kem || later.rekeyEpoch > before.epoch;
  refuseUnless(rekeyed, "R4", "a higher KEM needs a new key");
}

/** S3: nothing is sealed under a head whose KEM is below the department's lowest. */
export function requireSealingKem(head: RosterHead, department: Department): void {
  refuseUnless(head.kem >= department.lowestKem, "S3", "KEM is below the department's lowest");
}
