/** Messages that waited for a seal or for an epoch are opened when it has come. */
import { encode } from "@msgpack/msgpack";
import type { Work } from "../conversation.ts";
import type { WaitingRecord } from "../records.ts";
import { keysHeld } from "../several_cells/cell_keys.ts";
import { unpack } from "../unpack.ts";
import type { SealedPayload } from "../wire.ts";
import type { Receiving } from "./receiving.ts";
import { applyWaiting, giveUp } from "./sealed_entry.ts";
import { allWaiting, dropWaiting } from "./waiting.ts";

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

/** Whether an epoch is known to be still to come that the seal could be for. */
function mayOpenLater(work: Work, { seq }: WaitingRecord): boolean {
  const { group, keys, record } = work;
  // Sealed for those who were in before this device came.
  if (group === null || seq <= record.joinedSeq) return group === null;
  const newest = keysHeld(keys).get(group.cellId)?.epoch;
  return newest === undefined || newest > group.epoch;
}

/** The seal of our cell for an earlier entry has come. */
export async function openLate(receiving: Receiving, seq: number, seal: Uint8Array): Promise<void> {
  const { context, work } = receiving;
  const waiting = (await allWaiting(context.vault, work)).find((one) => one.seq === seq);
  if (waiting === undefined) return;
  const payload = unpack(waiting.payload) as SealedPayload;
  if (payload.seal !== null) return;
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
