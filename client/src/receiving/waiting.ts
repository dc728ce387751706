/**
 * Sealed messages that this device cannot open yet: their seal is still to come, or it is for an
 * epoch that the log has still to bring, or for the cell that took the place of ours. Shown as nothing, counted on the encryption page.
 */
import { kemOfSuite } from "../cells/kem.ts";
import { parseSeal } from "../cells/message.ts";
import { CellRefused } from "../cells/refused.ts";
import type { Work } from "../conversation.ts";
import { STORES } from "../records.ts";
import type { ConversationRecord, WaitingRecord } from "../records.ts";
import { GRACE_MS } from "../several_cells/own_key.ts";
import type { Vault } from "../vault/vault.ts";
import type { SealedEntry } from "./sealed_entry.ts";

/** More than these are not kept. */
const MOST = 1_000;

/**
 * Whether a message may be sealed to the epoch that ended when this device came in: the DS takes
 * such seals for a moment, and then asks its sender for another one.
 */
export function perhapsBeforeJoining(
  { joinedSeq, joinedMs = 0 }: ConversationRecord,
  { seq, sentMs }: Pick<SealedEntry, "seq" | "sentMs">,
): boolean {
  return seq > joinedSeq && sentMs <= joinedMs + GRACE_MS;
}

/**
 * Whether a seal is for another cell than this device is in. One that is no seal is not: it is
 * refused where it is opened.
 */
export function isElsewhere(
  { cellId, suite }: Pick<ConversationRecord, "cellId" | "suite">,
  seal: Uint8Array,
): boolean {
  try {
    return parseSeal(seal, kemOfSuite(suite)).cellId !== cellId;
  } catch (error) {
    if (error instanceof CellRefused) return false;
    throw error;
  }
}

/**
 * Whether a message was sealed before this device was named, and is not for it: a late seal opens for
 * whoever is in the cell by then.
 */
export function isOfBefore(
  { group, record }: Pick<Work, "group" | "record">,
  { seq }: Pick<SealedEntry, "seq">,
  seal: Uint8Array | null,
  rosterEpoch: number,
): boolean {
  const { joinedSeq, namedEpoch } = record;
  const sealedLate =
    group === null || seal === null || isElsewhere(record, seal) || seq <= joinedSeq;
  return sealedLate && rosterEpoch < (namedEpoch ?? 0);
}

/** `late`: no other seal will come. */
export function putWaiting(work: Work, entry: SealedEntry, late = false): void {
  const { seq, entryId, sender, sentMs, payload } = entry;
  const { group } = work;
  const count = work.record.waiting ?? 0;
  if (count >= MOST) return;
  work.waiting.set(seq, {
    ...{ seq, entryId, sender, sentMs, payload },
    ...(late ? { late } : {}),
    ...(group !== null && group.pendingRemovals.length > 0 ? { frozenEpoch: group.epoch } : {}),
  });
  work.set({ waiting: count + 1 });
}

export function dropWaiting(work: Work, seq: number): void {
  work.waiting.set(seq, null);
  work.set({ waiting: Math.max(0, (work.record.waiting ?? 0) - 1) });
}

/** All that wait, ascending, with what `work` changes. */
export async function allWaiting(vault: Vault, work: Work): Promise<readonly WaitingRecord[]> {
  if ((work.record.waiting ?? 0) === 0) return [];
  const stored = await vault.page<WaitingRecord>({
    store: STORES.waiting,
    group: work.record.conversationId,
    limit: MOST,
    descending: false,
  });
  const all = new Map(stored.map((one): [number, WaitingRecord | null] => [one.seq, one]));
  for (const [seq, one] of work.waiting) all.set(seq, one);
  return [...all.values()].filter((one) => one !== null).sort((a, b) => a.seq - b.seq);
}
