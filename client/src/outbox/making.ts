/**
 * S3: a new conversation key, sealed once to every listed confirmed device, or in a conversation of
 * several cells to the cells' keys: this device's own first, others that have no usable key or no
 * room get late seals from members (S9).
 *
 * Nothing is stored or sent here: the caller stores record, S and message together (S5).
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { failure } from "../failure.ts";
import type { CellKey } from "../keys/cell-key.ts";
import { sealToEach } from "../keys/committed.ts";
import { makeConversationKey, sealConversationKey } from "../keys/conversation-key.ts";
import type { ConversationKey } from "../keys/conversation-key.ts";
import { KEY_ID_BYTES, type SealTarget } from "../keys/device-key.ts";
import { Refused } from "../keys/format/refused.ts";
import { ENC_BYTES, SECRET_BYTES, TAG_BYTES, type Kem } from "../keys/hpke.ts";
import { fromHex, randomBytes } from "../octets.ts";
import type { PendingKey } from "../records.ts";
import { judgeParties } from "../conversation/parties.ts";
import { allLeaves } from "../roster/roster.ts";
import type { Newest } from "../roster/newest.ts";
import type { CellId, DeviceId } from "../ids.ts";
import { requireSealingKem } from "../keys/roster/head.ts";
import { deviceTargets } from "../secrets/targets.ts";
import { KNOWN_DEVICES, MAX_SEALS_BYTES } from "../limits.ts";
import { usableCellKeys } from "./cell-table.ts";

export interface MadeKey {
  readonly record: ConversationKey;
  readonly secret: Uint8Array;
  readonly pending: PendingKey;
}

interface Targets {
  readonly targets: readonly SealTarget[];
  readonly leftOut: readonly DeviceId[];
}

/** Null: this device's own cell, of several, has no usable key yet. */
export async function makeKey(
  context: DeviceContext,
  conversation: Conversation,
  newest: Newest,
): Promise<MadeKey | null> {
  try {
    const { head } = newest;
    requireSealingKem(head, context.trust.department);
    const found = await targetsOf(context, conversation, newest);
    if (found === null) return null;
    const { deviceBytes, privateKey } = context.identity();
    const secret = randomBytes(32);
    const record = await makeConversationKey(
      {
        conversation: fromHex(conversation.id),
        author: deviceBytes,
        epoch: head.epoch,
        head: head.hash,
        headCreated: head.created,
        nowMs: context.time.requireNow(),
        secret,
      },
      privateKey,
    );
    const seals = await sealToEach(found.targets, (to) => sealConversationKey(record, secret, to));
    return { record, secret, pending: { record: record.bytes, seals, leftOut: found.leftOut } };
  } catch (error) {
    // The server's answers do not fit together (any more): the device asks again.
    if (error instanceof Refused) throw failure("head_refused", { retry: true, cause: error });
    throw error;
  }
}

async function targetsOf(
  context: DeviceContext,
  conversation: Conversation,
  { head, own }: Newest,
): Promise<Targets | null> {
  const { cell } = own.leaf;
  if (head.devices <= KNOWN_DEVICES) {
    const leaves = await allLeaves(context, conversation, head);
    if (leaves.every((leaf) => leaf.cell === cell))
      return deviceTargets(context, conversation, leaves, head);
    // R10: the conversation's id may say that it belongs to two people. It uses no cell key then.
    await conversation.change((work) => {
      judgeParties(work, context.identity().personId, leaves);
      return Promise.resolve();
    });
  }
  const usable = await usableCellKeys(context, conversation, head);
  return usable.has(cell) ? withinOneRequest(usable, cell, head.kem) : null;
}

/** S9: as many cells as one request has room for, the author's own first. */
export function withinOneRequest(
  usable: ReadonlyMap<CellId, CellKey>,
  own: CellId,
  kem: Kem,
): Targets {
  const room = Math.floor(
    MAX_SEALS_BYTES / (KEY_ID_BYTES + ENC_BYTES[kem] + SECRET_BYTES + TAG_BYTES),
  );
  const ownFirst = [...usable].sort(([a], [b]) => Number(b === own) - Number(a === own));
  return { targets: ownFirst.slice(0, room).map(([, key]) => key), leftOut: [] };
}
