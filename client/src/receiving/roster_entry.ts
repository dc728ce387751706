/** An entry of kind "roster": the next signed head, verified against our copy, and its notices. */
import { followAdmins } from "../admins.ts";
import type { Work } from "../conversation.ts";
import type { DeviceContext } from "../context.ts";
import { owesProfile } from "../profile.ts";
import { rosterNotices } from "../roster_notices.ts";
import { CoreFailure } from "../failure.ts";
import { CellRosterCopy } from "../roster/cell-roster-copy.ts";
import { HeadHistory } from "../roster/heads.ts";
import { parseHead, type RosterHead } from "../roster/head.ts";
import { RosterRefused } from "../roster/refused.ts";
import { RosterCopy } from "../roster/roster-copy.ts";
import { isAll, noteUnkeyed, passedOver } from "../several_cells/roster_part.ts";
import { Alarm } from "../stops.ts";
import { unpack } from "../unpack.ts";
import type { LogEntry, RosterChange } from "../wire.ts";
import type { Receiving } from "./receiving.ts";

/** Who is named is in its cell after this time: whoever has not come is let in by its members. */
const IN_AFTER_MS = 40_000;

export async function applyRoster(receiving: Receiving, entry: LogEntry): Promise<void> {
  const { context, conversation, listener, work } = receiving;
  const { certificateHash, personId } = context.account();
  let change: RosterChange;
  try {
    change = unpack(entry.payload) as RosterChange;
    const head = parseHead(change.head);
    await applyChange(context, work, change, head);
    work.set({ rosterEpoch: Math.max(work.record.rosterEpoch, head.epoch) });
  } catch (error) {
    if (error instanceof CoreFailure) throw error;
    throw new Alarm(error instanceof RosterRefused ? `roster_${error.code}` : "roster", error);
  }
  followToFreshCell(work, certificateHash);
  followAdmins(work, change);
  const newcomers = change.peopleAdded > 0 || change.reason === "device_added";
  // In its own cell this device sees when they come in.
  if (newcomers && work.record.cells > 1) owesProfile(work, entry.sentMs + IN_AFTER_MS);
  for (const message of rosterNotices(work, entry, change, personId)) work.put(message);
  work.membersChanged = true;
  const { addedPeople, removedPeople, madeAdmin, revokedAdmin } = change;
  const people = [...addedPeople, ...removedPeople, ...madeAdmin, ...revokedAdmin];
  work.afterwards.push(() => {
    listener.onRoster(conversation, change.by === null ? people : [...people, change.by]);
    listener.onHandshake(conversation);
  });
}

async function applyChange(
  context: DeviceContext,
  work: Work,
  change: RosterChange,
  head: RosterHead,
): Promise<void> {
  // Entries of before there were several cells say nothing of it.
  const whole = (change as Partial<RosterChange>).whole ?? true;
  if (work.roster === null) return;
  if (work.heads !== null || !whole) {
    const { publicKey } = context.checker().rosterAuthority();
    if (!whole && isAll(work.roster)) noteUnkeyed(work);
    work.heads ??= HeadHistory.from(work.roster.head);
    const before = await passedOver(context, work.heads, head.epoch);
    work.heads = await before.extend([change.head], publicKey);
    work.set({ rosterPlace: Math.max(work.record.rosterPlace ?? 0, head.epoch) });
  }
  // Heads up to the copy that we fetched are history; the newest is compared by apply.
  if (head.epoch < work.roster.head.epoch || work.record.rosterStale === true) return;
  if (whole && head.epoch > work.roster.head.epoch + 1) {
    const before = await passedOver(context, HeadHistory.from(work.roster.head), head.epoch);
    await before.extend([change.head], context.checker().rosterAuthority().publicKey);
    return work.set({ rosterStale: true });
  }
  if (whole) {
    const copy = await wholeCopy(work.roster, context, work);
    if (copy !== null) work.roster = await copy.apply(change);
    else work.set({ rosterStale: true });
    return;
  }
  if (head.epoch === work.roster.head.epoch) return;
  if (work.roster instanceof RosterCopy || change.cells.includes(work.record.cellId))
    work.set({ rosterStale: true });
}

/** A copy of all leaves: ours already, or our cell's when it has become the only one. */
async function wholeCopy(
  roster: NonNullable<Work["roster"]>,
  context: DeviceContext,
  work: Work,
): Promise<RosterCopy | null> {
  if (roster instanceof RosterCopy) return roster;
  const leaves = roster.leaves();
  if (!(roster instanceof CellRosterCopy) || leaves.length !== roster.head.leaves) return null;
  const { publicKey } = context.checker().rosterAuthority();
  return RosterCopy.open(
    { head: roster.head.bytes, leaves },
    work.record.conversationId,
    publicKey,
  );
}

/** A cell that nobody could continue was given up: this device's place is in a fresh one now. */
function followToFreshCell(work: Work, certificateHash: string): void {
  const { roster } = work;
  const { cellId } = work.record;
  if (roster === null || roster.names(cellId, certificateHash)) return;
  const place = roster.leaves().find((leaf) => leaf.certificateHash === certificateHash);
  if (place === undefined) return;
  work.advance(null);
  work.pending = null;
  work.set({ cellId: place.cellId, state: "joining" });
}
