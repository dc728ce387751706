/**
 * S3: a new conversation key, sealed once to every listed confirmed device: directly, or in
 * conversations of several cells by the cells' keys. Devices that this device cannot confirm, or
 * whose key is missing or too old, are left out by name; they get nothing from here.
 *
 * Nothing is stored or posted here: the caller stores record, S and message together (S5).
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { failure } from "../failure.ts";
import { compareBytes } from "../keys/format/compare.ts";
import { makeConversationKey, sealConversationKey } from "../keys/conversation-key.ts";
import type { ConversationKey } from "../keys/conversation-key.ts";
import type { SealTarget } from "../keys/device-key.ts";
import { Refused } from "../keys/format/refused.ts";
import { planSeals, withinOneRequest } from "../keys/seal-plan.ts";
import type { SealPlan } from "../keys/seal-plan.ts";
import { concat, equalBytes, fromHex, randomBytes } from "../octets.ts";
import type { PendingKey } from "../records.ts";
import { judgeParties } from "../roster/parties.ts";
import { allLeaves } from "../roster/roster.ts";
import { checkCell } from "../roster/cells.ts";
import type { Cell } from "../roster/cells.ts";
import type { Newest } from "../roster/newest.ts";
import type { CellId } from "../ids.ts";
import { requireSealingKem } from "../keys/roster/head.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import type { Leaf } from "../keys/roster/leaf.ts";
import { listedDevices } from "../secrets/targets.ts";
import { DIRECT_SEALS, KNOWN_DEVICES } from "../limits.ts";
import type { CellLeaves } from "../wire.ts";
import { cellTable } from "./cell-table.ts";
import type { CellTable } from "./cell-table.ts";

/** Seals made at a time, so that the worker answers its screens between them. */
const AT_ONCE = 16;
const NO_KEYS: Pick<CellTable, "usable"> = { usable: new Map() };

export interface MadeKey {
  readonly record: ConversationKey;
  readonly secret: Uint8Array;
  readonly pending: PendingKey;
}

/**
 * `patient`: null where this device's own cell lacks a key, or cells do that have more devices than
 * are sealed to directly.
 */
export async function makeKey(
  context: DeviceContext,
  conversation: Conversation,
  { head, own }: Newest,
  { patient } = { patient: false },
): Promise<MadeKey | null> {
  try {
    requireSealingKem(head, context.trust.department);
    const { cell } = own.leaf;
    const whole = await planOf(context, conversation, head, cell, patient);
    if (whole === null) return null;
    const plan = withinOneRequest(whole, cell, head.kem);
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
    const seals = await sealAll(record, secret, [...plan.devices, ...plan.cells]);
    const pending = { record: record.bytes, seals, leftOut: [...plan.leftOut.keys()] };
    return { record, secret, pending };
  } catch (error) {
    // The server's answers do not fit together (any more): the device asks anew.
    if (error instanceof Refused) throw failure("head_refused", { retry: true, cause: error });
    throw error;
  }
}

async function sealAll(
  record: ConversationKey,
  secret: Uint8Array,
  targets: readonly SealTarget[],
): Promise<Uint8Array> {
  const seals: Uint8Array[] = [];
  for (let at = 0; at < targets.length; at += AT_ONCE) {
    const some = targets.slice(at, at + AT_ONCE);
    seals.push(...(await Promise.all(some.map((to) => sealConversationKey(record, secret, to)))));
  }
  return concat(...seals.sort(compareBytes));
}

async function planOf(
  context: DeviceContext,
  conversation: Conversation,
  head: RosterHead,
  ownCell: CellId,
  patient: boolean,
): Promise<SealPlan | null> {
  if (head.devices <= KNOWN_DEVICES) {
    const leaves = await allLeaves(context, conversation, head);
    // R10: the conversation's id may say that it belongs to two people. No cell key is used then.
    await conversation.change((work) => {
      judgeParties(work, context.identity().personId, leaves);
      return Promise.resolve();
    });
    const direct = conversation.record.directPersonId !== null;
    const cells = new Set(leaves.map(({ cell }) => cell)).size;
    const { usable } =
      direct || cells === 1 ? NO_KEYS : await cellTable(context, conversation, head);
    const open = leaves.filter(({ cell }) => !usable.has(cell));
    return planSeals(await listedDevices(context, conversation, open, head), usable);
  }
  const { lines, usable } = await cellTable(context, conversation, head);
  // S9: others of this device's cell are to hold the key too, and seal it to the cells without one.
  if (patient && !usable.has(ownCell)) return null;
  const open = lines.filter(({ cell }) => !usable.has(cell));
  const devices = open.reduce((sum, line) => sum + line.devices, 0);
  // Too many for direct seals: they ask for shares.
  if (devices > DIRECT_SEALS) return patient ? null : planSeals([], usable);
  const leaves: Leaf[] = [];
  for (const { cell } of open) {
    const found = fittingCell(head, await context.api.cellLeaves(conversation.id, cell));
    leaves.push(...found.leaves);
  }
  return planSeals(await listedDevices(context, conversation, leaves, head), usable);
}

function fittingCell(head: RosterHead, cell: CellLeaves): Cell {
  if (!equalBytes(cell.head, head.bytes)) throw new Refused("S1", "there is a newer head");
  return checkCell(head, cell, "S3");
}
