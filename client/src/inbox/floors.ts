/**
 * R2's floor: a sender must be listed under the highest epoch that any earlier log entry names. The floor
 * is a list of steps by position and never falls: if an older page adds a step, the messages after it
 * are checked again, and so are deletions (M3): the words of a message whose deletion counts no more are
 * gone, so it shows as withheld.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { idOf, type DeviceId } from "../ids.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { HeaderFormat } from "../keys/message.ts";
import { mayAdminister, maySend, type Leaf } from "../keys/roster/leaf.ts";
import type { PinRecord } from "../mark-records.ts";
import { leaveFiles } from "../conversation/files.ts";
import { dropMarks, judgeDeletion, markedIn } from "../messages/marks.ts";
import { mayPin } from "../messages/pins.ts";
import { fromHex } from "../octets.ts";
import { dropWaiting } from "./waiting.ts";
import type { AcceptedRecord, FloorStep } from "../records.ts";

/** Steps kept at most. The oldest are dropped first: their part of the log was read long ago. */
const MOST = 2_000;
const ONLY = "steps";

/** The floor of an entry at a position. Steps ascend, in position and epoch. */
export function floorAt(steps: readonly FloorStep[], position: number): number {
  return steps.findLast((step) => step.position < position)?.epoch ?? 0;
}

/** The steps with one more; the same ones where it raises no floor. */
export function withStep(steps: readonly FloorStep[], step: FloorStep): readonly FloorStep[] {
  if (floorAt(steps, step.position + 1) >= step.epoch) return steps;
  const before = steps.filter(({ position }) => position < step.position);
  const after = steps.filter(
    ({ position, epoch }) => position > step.position && epoch > step.epoch,
  );
  return [...before, step, ...after].slice(-MOST);
}

async function stepsOf({ floors }: Conversation, work: UnitOfWork): Promise<readonly FloorStep[]> {
  return (await floors.get(work, ONLY))?.steps ?? [];
}

export async function floorOf(
  conversation: Conversation,
  work: UnitOfWork,
  position: number,
): Promise<number> {
  return floorAt(await stepsOf(conversation, work), position);
}

/**
 * Raise the floor of every entry after a position. Messages there whose sender the raised floor does not
 * list are removed.
 */
export async function raiseFloor(
  context: Pick<DeviceContext, "vault">,
  conversation: Conversation,
  work: UnitOfWork,
  step: FloorStep,
): Promise<void> {
  const steps = await stepsOf(conversation, work);
  const raised = withStep(steps, step);
  if (raised === steps) return;
  conversation.floors.put(work, ONLY, { steps: raised });
  const end = steps.find(({ position, epoch }) => position > step.position && epoch >= step.epoch);
  await judgeAgain(context, conversation, work, step, end?.position ?? Infinity);
}

/** Forget the steps above a position: the log was gone back to there (S8). */
export async function dropFloors(
  conversation: Conversation,
  work: UnitOfWork,
  upTo: number,
): Promise<void> {
  const steps = await stepsOf(conversation, work);
  const kept = steps.filter(({ position }) => position <= upTo);
  if (kept.length < steps.length) conversation.floors.put(work, ONLY, { steps: kept });
}

/** Check messages after a new step again, up to the next step of the same or a higher epoch. */
async function judgeAgain(
  context: Pick<DeviceContext, "vault">,
  conversation: Conversation,
  work: UnitOfWork,
  { position, epoch }: FloorStep,
  end: number,
): Promise<void> {
  // The entry at the end itself was accepted without the step that it made.
  const isDue = (one: { readonly position: number; readonly epoch: number }): boolean =>
    one.position > position && one.position <= end && one.epoch < epoch;
  const gone = new Set<number>();
  if (position < (work.record.log?.cursor ?? 0))
    for (const row of await acceptedAbove(conversation, position, end))
      if (isDue(row)) {
        const may = (right: (leaf: Leaf) => boolean): Promise<boolean> =>
          stands(conversation, work, row.sender, epoch, right);
        const listed = await may(maySend);
        const { deletes, position: at } = row;
        if (!listed) {
          await takeOut(context, conversation, work, row);
          gone.add(at);
        }
        if (deletes !== undefined) {
          const admin = listed && (await may(mayAdminister));
          await judgeDeletion(context, conversation, work, deletes, at, { listed, admin });
        }
      }
  if (gone.size > 0) await dropMarks(context, conversation, work, (at) => gone.has(at));
  const pins: PinRecord[] = [];
  for (const pin of work.record.pins) {
    const may = (leaf: Leaf): boolean => maySend(leaf) && mayPin(work.record, mayAdminister(leaf));
    if (!isDue(pin) || (await stands(conversation, work, fromHex(pin.device), epoch, may)))
      pins.push(pin);
  }
  if (pins.length < work.record.pins.length) work.set({ pins });
  const { profile } = work.record;
  if (profile === null) return;
  const { sender, epoch: named } = HeaderFormat.parse(profile.header);
  const due = isDue({ position: profile.seq, epoch: named });
  if (due && !(await stands(conversation, work, sender, epoch, mayAdminister)))
    work.set({ profile: null, infoVersion: null });
}

async function acceptedAbove(
  { accepted }: Conversation,
  above: number,
  end: number,
): Promise<readonly AcceptedRecord[]> {
  const page = 256;
  const found: AcceptedRecord[] = [];
  for (let from = above; ;) {
    const rows = await accepted.page(from, page, false);
    found.push(...rows.filter((row) => row.position <= end));
    const last = rows.at(-1)?.position ?? Infinity;
    if (rows.length < page || last > end) return found;
    from = last;
  }
}

async function stands(
  { heads }: Conversation,
  work: UnitOfWork,
  sender: Uint8Array,
  epoch: number,
  may: (leaf: Leaf) => boolean,
): Promise<boolean> {
  try {
    const head = await heads.require(work, epoch);
    const { leaf } = await heads.listed(head, idOf<DeviceId>(sender), "R2");
    refuseUnless(may(leaf), "R2", "without the right");
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

/** Remove an accepted message with its files, also from a program, and count it as refused. */
async function takeOut(
  { vault }: Pick<DeviceContext, "vault">,
  conversation: Conversation,
  work: UnitOfWork,
  { sender, seq, messageId, position }: AcceptedRecord,
): Promise<void> {
  const { accepted } = conversation;
  const device = idOf<DeviceId>(sender);
  accepted.delete(work, `${device}/${String(seq)}`);
  accepted.delete(work, device);
  dropWaiting(work, [position]);
  // A mark is stored with the message that it marks.
  const message = await markedIn(vault, conversation, work, messageId);
  if (message !== null) {
    work.remove(message);
    await leaveFiles(vault, work, message);
  }
  if (work.record.last?.messageId === messageId) work.set({ last: null });
  const count = (work.record.refused?.count ?? 0) + 1;
  const reason = "R2: the sender was not listed any more";
  work.set({ refused: { count, rule: "R2", reason, position } });
}
