/**
 * Whether a cell of several needs a key record or a new epoch: a key is used for a day, or for a
 * thousand messages. Pure.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { CellGroup } from "../mls/types.ts";
import { utf8 } from "../octets.ts";
import type { ConversationRecord } from "../records.ts";

export const ROTATE_AFTER_MS = 24 * 3_600_000;
export const ROTATE_AFTER_MESSAGES = 1_000;
/** Members of a cell come to it one after another: by up to so much of both limits. */
const JITTER = 0.1;

/**
 * - `publish`: other cells came beside ours in the middle of an epoch, which has no record.
 * - `rotate`: the epoch is old; an empty commit begins the next.
 */
export type KeyDue = "publish" | "rotate" | null;

export function keyDue(
  record: Pick<ConversationRecord, "unkeyedEpoch" | "epochMs" | "sealedInEpoch">,
  group: Pick<CellGroup, "epoch" | "cellId">,
  clientId: string,
  nowMs: number,
): KeyDue {
  if (record.unkeyedEpoch === group.epoch) return "publish";
  const late = 1 + JITTER * jitter(`${group.cellId}${clientId}${String(group.epoch)}`);
  const ageMs = nowMs - (record.epochMs ?? nowMs);
  const messages = record.sealedInEpoch ?? 0;
  const old = ageMs > ROTATE_AFTER_MS * late || messages > ROTATE_AFTER_MESSAGES * late;
  return old ? "rotate" : null;
}

/** In [0, 1), another for each device and epoch. */
function jitter(of: string): number {
  const hash = sha256(utf8(of));
  return new DataView(hash.buffer, hash.byteOffset).getUint32(0) / 2 ** 32;
}
