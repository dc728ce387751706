/** Messages that waited for a seal or for an epoch are opened when it has come. */
import { encode } from "@msgpack/msgpack";
import type { Work } from "../conversation.ts";
import { equalBytes } from "../octets.ts";
import type { WaitingRecord } from "../records.ts";
import { keysHeld } from "../several_cells/good_keys.ts";
import { unpack } from "../unpack.ts";
import type { SealedPayload } from "../wire.ts";
import type { Receiving } from "./receiving.ts";
import { applyWaiting, giveUp } from "./sealed_entry.ts";
import { allWaiting, dropWaiting, perhapsBeforeJoining } from "./waiting.ts";

/** A new epoch has begun, or this device has come in: what waits for it can be read now. */
export async function openWaiting(receiving: Receiving): Promise<void> {
  const { context, work } = receiving;
  const all = await allWaiting(context.vault, work);
  if (all.length !== (work.record.waiting ?? 0)) work.set({ waiting: all.length });
  for (const waiting of all) {
    const { seal } = unpack(waiting.payload) as SealedPayload;
    if (seal === null) continue;
    const settled = await open(receiving, waiting);
    if (!settled && !mayOpenLater(work, waiting)) {
      dropWaiting(work, waiting.seq);
      giveUp(work, waiting);
    }
  }
}

/** Whether another seal, or an epoch that this one could be for, is still to come. */
function mayOpenLater(work: Work, waiting: WaitingRecord): boolean {
  const { group, keys, record } = work;
  const { seq } = waiting;
  // Sealed for those who were in before this device came.
  if (group === null || seq <= record.joinedSeq) return group === null;
  if (perhapsBeforeJoining(record, waiting)) return true;
  const newest = keysHeld(keys).get(group.cellId)?.epoch;
  return newest === undefined || newest > group.epoch;
}

/** Whether a message that waits has no seal, or one that is to be replaced. */
export function lacksSeal({ record }: Pick<Work, "record">, waiting: WaitingRecord): boolean {
  const { seal } = unpack(waiting.payload) as SealedPayload;
  return seal === null || perhapsBeforeJoining(record, waiting);
}

/** The seal of our cell for an earlier entry has come. */
export async function openLate(receiving: Receiving, seq: number, seal: Uint8Array): Promise<void> {
  const { context, work } = receiving;
  const waiting = (await allWaiting(context.vault, work)).find((one) => one.seq === seq);
  if (waiting === undefined) return;
  const payload = unpack(waiting.payload) as SealedPayload;
  if (!lacksSeal(work, waiting) || (payload.seal !== null && equalBytes(payload.seal, seal))) return;
  const sealed = { ...waiting, payload: encode({ ...payload, seal }) };
  if (!(await open(receiving, sealed))) work.waiting.set(seq, sealed);
}

async function open(receiving: Receiving, waiting: WaitingRecord): Promise<boolean> {
  const { conversation, work } = receiving;
  const entry = { ...waiting, conversationId: conversation.id };
  const settled = await applyWaiting(receiving, entry);
  if (settled) dropWaiting(work, waiting.seq);
  return settled;
}
