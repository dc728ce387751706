/**
 * C1 and C2: a new key of this device's own cell, when the server asks for one; and what this device
 * cannot open of its cell.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode } from "../failure.ts";
import { makeCellKey, sealCellKey } from "../keys/cell-key.ts";
import { sealToEach } from "../keys/committed.ts";
import type { SealKeyId } from "../ids.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { equalBytes, fromHex, randomBytes } from "../octets.ts";
import { deviceTargets } from "./targets.ts";
import { checkCell } from "../roster/cells.ts";
import { requireNewest } from "../roster/newest.ts";
import { requireSealingKem } from "../keys/roster/head.ts";
import type { CellKeyWanted, Working } from "../wire.ts";

/** Make the cell's next key, store it, send it. The first for an epoch and generation counts. */
export async function makeWantedCellKey(
  context: DeviceContext,
  conversation: Conversation,
  wanted: CellKeyWanted,
  send: (frame: Working) => boolean,
): Promise<void> {
  const { api, time, trust } = context;
  const { head } = await requireNewest(context, conversation, true);
  requireSealingKem(head, trust.department);
  const answer = await api.ownCell(conversation.id);
  refuseUnless(equalBytes(answer.head, head.bytes), "S1", "there is a newer head");
  const { line, leaves } = checkCell(head, answer, "S4");
  refuseUnless(line.cell === wanted.cellId, "C1", "another cell than this device's");
  send({ t: "working", conversationId: conversation.id });
  const { targets, leftOut } = await deviceTargets(context, conversation, leaves, head);
  const { deviceBytes, privateKey } = context.identity();
  const secret = randomBytes(32);
  const record = await makeCellKey(
    {
      kem: head.kem,
      conversation: fromHex(conversation.id),
      cell: fromHex(line.cell),
      epoch: head.epoch,
      generation: wanted.generation,
      head: head.hash,
      headCreated: head.created,
      author: deviceBytes,
      nowMs: time.requireNow(),
      secret,
    },
    privateKey,
  );
  const seals = await sealToEach(targets, (to) => sealCellKey(record, secret, to));
  await conversation.change((work) => {
    conversation.cellKeys.made(work, record, secret);
    return Promise.resolve();
  }, true);
  try {
    await api.submitCellKey(conversation.id, {
      record: record.bytes,
      seals,
      leftOut: [...leftOut],
    });
  } catch (error) {
    // Another device was faster, or the roster has changed: the server asks again where needed.
    if (!hasCode(error, "not_asked", "stale_record", "have_key")) throw error;
  }
}

/**
 * Take in keys of this device's cell. Returns whether one that could not be opened before opens now.
 * The device asks for each key that it cannot open, and flags one whose seal for this device failed (C2);
 * a newcomer has no seal of a key that was made before.
 */
export async function takeCellKeys(
  context: DeviceContext,
  conversation: Conversation,
  items: readonly { readonly record: Uint8Array; readonly seal: Uint8Array | null }[],
  onMissing: (keyId: SealKeyId) => void,
): Promise<boolean> {
  let opened = false;
  for (const { record, seal } of items) {
    try {
      const { keyId, held, failed } = await conversation.change((work) =>
        conversation.cellKeys.take(work, record, seal),
      );
      opened ||= held;
      if (held) continue;
      onMissing(keyId);
      if (failed) await context.api.flagCellKey(conversation.id, { keyId }).catch(() => undefined);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return opened;
}
