/** Messages that waited for a seal or for an epoch are opened when it has come. */
import { encode } from "@msgpack/msgpack";
import { parseSignedHeader } from "../cells/message.ts";
import type { Work } from "../conversation.ts";
import { equalBytes } from "../octets.ts";
import type { WaitingRecord } from "../records.ts";
import { unpack } from "../unpack.ts";
import type { SealedPayload } from "../wire.ts";
import type { Receiving } from "./receiving.ts";
import { applyWaiting, refuseElsewhere } from "./sealed_entry.ts";
import { allWaiting, dropWaiting, isElsewhere, isOfBefore, perhapsBeforeJoining } from "./waiting.ts";

/** A new epoch has begun, or this device has come in: what waits for it can be read now. */
export async function openWaiting(receiving: Receiving): Promise<void> {
  const { context, work } = receiving;
  const all = await allWaiting(context.vault, work);
  if (all.length !== (work.record.waiting ?? 0)) work.set({ waiting: all.length });
  for (const waiting of all) {
    const { sealed, seal } = unpack(waiting.payload) as SealedPayload;
    // It may have been read before this device heard that it had lost its place meanwhile.
    if (isOfBefore(work, waiting, seal, parseSignedHeader(sealed).rosterEpoch)) {
      dropWaiting(work, waiting.seq);
      continue;
    }
    // Until this device has gone where its place is, or the log has ended without a move.
    if (seal !== null && !isElsewhere(work.record, seal)) await open(receiving, waiting);
  }
}

/**
 * The log is read to its end: what is sealed for another cell was never ours, unless something of
 * our cell has changed that is still to be looked at.
 */
export async function dropElsewhere(receiving: Receiving): Promise<void> {
  const { context, conversation, work } = receiving;
  if (work.group === null || work.record.rosterStale === true) return;
  for (const waiting of await allWaiting(context.vault, work)) {
    const { seal } = unpack(waiting.payload) as SealedPayload;
    if (seal === null || !isElsewhere(work.record, seal)) continue;
    refuseElsewhere(receiving, { ...waiting, conversationId: conversation.id });
    dropWaiting(work, waiting.seq);
  }
}

/** Whether a message that waits has no seal, or one that is to be replaced. */
export function lacksSeal({ record }: Pick<Work, "record">, waiting: WaitingRecord): boolean {
  if (waiting.late === true) return false;
  const { seal } = unpack(waiting.payload) as SealedPayload;
  return seal === null || perhapsBeforeJoining(record, waiting);
}

/** The seal of our cell for an earlier entry has come. */
export async function openLate(receiving: Receiving, seq: number, seal: Uint8Array): Promise<void> {
  const { context, work } = receiving;
  const waiting = (await allWaiting(context.vault, work)).find((one) => one.seq === seq);
  if (waiting === undefined) return;
  const payload = unpack(waiting.payload) as SealedPayload;
  if (!lacksSeal(work, waiting) || (payload.seal !== null && equalBytes(payload.seal, seal)))
    return;
  const sealed = { ...waiting, payload: encode({ ...payload, seal }), late: true };
  if (isElsewhere(work.record, seal) || !(await open(receiving, sealed)))
    work.waiting.set(seq, sealed);
}

async function open(receiving: Receiving, waiting: WaitingRecord): Promise<boolean> {
  const { conversation, work } = receiving;
  const entry = { ...waiting, conversationId: conversation.id };
  const settled = await applyWaiting(receiving, entry, waiting.late === true);
  if (settled) dropWaiting(work, waiting.seq);
  return settled;
}
