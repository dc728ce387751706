/**
 * Which keys a sender may use (S2, S4), under the newest head (S1). Asynchronous for the author's
 * signature alone, which is checked once for each record.
 */
import { equalBytes, toHex, compareBytes } from "../octets.ts";
import type { Judge } from "./trust/confirmed.ts";
import type { RosterHead } from "./roster/head.ts";
import { CellKeyFormat, type CellKey } from "./cell-key.ts";
import { ConversationKeyFormat, type ConversationKey } from "./conversation-key.ts";
import { requirePublicKey } from "./hpke.ts";
import { idOf, type CellId, type DeviceId } from "../ids.ts";
import { requireHead, requireListed, type KnownConversation } from "./known.ts";
import { refuseUnless } from "./format/refused.ts";
import { isYoung } from "./format/times.ts";
import { CELL_KEY_AGE_MS, KEY_AGE_MS, KEY_MESSAGES } from "../limits.ts";

export interface SendingState {
  readonly known: Pick<KnownConversation, "head" | "listed">;
  readonly judge: Judge;
  /** S1: the head whose stamp is fresh. */
  readonly newest: RosterHead;
  /** T1's clock. */
  readonly nowMs: number;
}

/** Check S2, of a key under which `used` messages were sent. */
export async function requireUsableKey(
  key: ConversationKey,
  sending: SendingState,
  used: number,
): Promise<void> {
  const { known, judge, newest, nowMs } = sending;
  const same = equalBytes(key.conversation, newest.conversation);
  refuseUnless(same, "S2", "another conversation's key");
  const inRange = newest.rekeyEpoch <= key.epoch && key.epoch <= newest.epoch;
  refuseUnless(inRange, "S2", "made before a removal");
  const head = key.epoch === newest.epoch ? newest : requireHead(known, key.epoch, "S2");
  refuseUnless(equalBytes(key.head, head.hash), "S2", "another roster head");
  const author = judge.confirmed(idOf(key.author), nowMs, "S2");
  await ConversationKeyFormat.verify(key, author.certificate.publicKey);
  requireListed(known, key.epoch, author.device, author.person, "S2");
  const fresh = isYoung(key.created, nowMs, KEY_AGE_MS) && used < KEY_MESSAGES;
  refuseUnless(fresh, "S2", "older than 24 h, or used up");
}

/** The order in which S2 chooses: the newest by roster epoch, created, key id comes first. */
export function newestKeyFirst(a: ConversationKey, b: ConversationKey): number {
  return b.epoch - a.epoch || b.created - a.created || compareBytes(b.hash, a.hash);
}

/**
 * Check S4. The author's leaf under the newest head says the cell and the cell's rekey_epoch. The
 * head of the key's epoch is compared where it is known.
 */
export async function requireUsableCellKey(key: CellKey, sending: SendingState): Promise<void> {
  const { known, judge, newest, nowMs } = sending;
  const same = equalBytes(key.conversation, newest.conversation) && key.kem === newest.kem;
  refuseUnless(same, "S4", "another conversation's or KEM's");
  const author = judge.confirmed(idOf<DeviceId>(key.author), nowMs, "S4");
  await CellKeyFormat.verify(key, author.certificate.publicKey);
  const { device, person } = author;
  const { leaf, line } = requireListed(known, newest.epoch, device, person, "S4");
  refuseUnless(leaf.cell === idOf<CellId>(key.cell), "S4", "author is not listed in the cell");
  const inRange = line.rekeyEpoch <= key.epoch && key.epoch <= newest.epoch;
  refuseUnless(inRange, "S4", "made before a removal");
  const head = key.epoch === newest.epoch ? newest : known.head(key.epoch);
  const sameHead = head === null || toHex(head.hash) === toHex(key.head);
  refuseUnless(sameHead, "S4", "another roster head");
  refuseUnless(isYoung(key.created, nowMs, CELL_KEY_AGE_MS), "S4", "older than 7 days");
  requirePublicKey(key.kem, key.publicKey, "S4");
}
