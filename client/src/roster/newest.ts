/**
 * S1: the newest head, by a stamp of the last 10 minutes, and this device's own leaf under it.
 * Without one nothing is signed, sealed or shared.
 */
import { version } from "../../package.json";
import type { Conversation } from "../conversation/conversation.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { failure, hasCode } from "../failure.ts";
import { Refused } from "../keys/format/refused.ts";
import { letsSend } from "../keys/trust/department.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import { maySend } from "../keys/roster/leaf.ts";
import type { Listed } from "../keys/roster/proof.ts";
import type { RosterState } from "../wire.ts";

export interface Newest {
  readonly head: RosterHead;
  readonly own: Listed;
}

/**
 * S1, for whatever is signed, sealed or shared: a head with a fresh stamp that is below no head that
 * this device holds or can be shown. Refuses others. Inside the queue.
 */
export async function takeNewest(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  { head: bytes, stamp }: Pick<RosterState, "head" | "stamp">,
): Promise<RosterHead> {
  const head = await conversation.heads.takeHead(work, bytes);
  for (const { record } of await conversation.keys.newest())
    if (record.epoch > work.record.headEpoch) await named(conversation, work, record.epoch);
  await context.time.requireNewest(stamp, head, work.record.headEpoch);
  return head;
}

/** The head that a key's record names raises the floor if the roster authority signed one. */
async function named(conversation: Conversation, work: UnitOfWork, epoch: number): Promise<void> {
  try {
    await conversation.heads.require(work, epoch);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
}

/** Take over the server's newest head: this device is listed. Refuses by S1. Inside the queue. */
export async function takeRoster(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  state: RosterState,
): Promise<Newest> {
  const head = await takeNewest(context, conversation, work, state);
  const { proof } = state;
  const own = conversation.heads.prove(head, context.identity().device, proof);
  const { historyFrom } = own.leaf;
  if (work.record.state !== "ready" || work.record.historyFromMs !== historyFrom)
    work.set({ state: "ready", historyFromMs: historyFrom, whole: false });
  if (maySend(own.leaf) !== (work.record.sendLostMs === null))
    work.set({ sendLostMs: maySend(own.leaf) ? null : head.created });
  return { head, own };
}

/** Nothing is signed, sealed or shared by an app below the lowest that the department lets send. */
export function requireUpdated({ trust }: Pick<DeviceContext, "trust">): void {
  if (!letsSend(trust.department, version)) throw failure("update_required", { retry: true });
}

/** The newest head by a stamp that still counts, fetched where needed. Outside the queue. */
export async function requireNewest(
  context: DeviceContext,
  conversation: Conversation,
  force = false,
): Promise<Newest> {
  requireUpdated(context);
  const held = force ? null : await stillNewest(context, conversation);
  if (held !== null) return held;
  try {
    const state = await context.api.rosterState(conversation.id);
    return await conversation.change((work) => takeRoster(context, conversation, work, state));
  } catch (error) {
    // A head that is not the newest: the server that gave it has another soon, or lies.
    if (error instanceof Refused) throw failure("head_refused", { retry: true, cause: error });
    if (hasCode(error, "not_found")) throw failure("conversation_left", { cause: error });
    throw error;
  }
}

/** The same without the network; null: ask the server. */
export async function stillNewest(
  context: DeviceContext,
  conversation: Conversation,
): Promise<Newest | null> {
  const { headEpoch } = conversation.record;
  const head = await conversation.heads.newest(null, headEpoch);
  if (head === null) return null;
  const own = conversation.heads.known(head, context.identity().device);
  if (own === null) return null;
  try {
    context.time.requireStillNewest(head, headEpoch);
    return { head, own };
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}
