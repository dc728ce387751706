/** An entry of kind "roster": the next signed head, verified against our copy, and its notices. */
import type { Work } from "../conversation.ts";
import { rosterNotices } from "../roster_notices.ts";
import { parseHead } from "../roster/head.ts";
import { RosterRefused } from "../roster/refused.ts";
import { Alarm } from "../stops.ts";
import { unpack } from "../unpack.ts";
import type { LogEntry, RosterChange } from "../wire.ts";
import type { Receiving } from "./receiving.ts";

export async function applyRoster(receiving: Receiving, entry: LogEntry): Promise<void> {
  const { context, conversation, listener, work } = receiving;
  const { certificateHash, personId } = context.account();
  let change: RosterChange;
  try {
    change = unpack(entry.payload) as RosterChange;
    const head = parseHead(change.head);
    // Heads up to the copy that we fetched whole are history; the newest is compared by apply.
    if (work.roster !== null && head.epoch >= work.roster.head.epoch) {
      work.roster = await work.roster.apply(change);
    }
    work.set({ rosterEpoch: Math.max(work.record.rosterEpoch, head.epoch) });
  } catch (error) {
    throw new Alarm(error instanceof RosterRefused ? `roster_${error.code}` : "roster", error);
  }
  followToFreshCell(work, certificateHash);
  for (const message of rosterNotices(work, entry, change, personId)) work.put(message);
  work.membersChanged = true;
  const people = [...change.addedPeople, ...change.removedPeople];
  work.afterwards.push(() => {
    listener.onRoster(conversation, change.by === null ? people : [...people, change.by]);
    listener.onHandshake(conversation);
  });
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
