/**
 * What the client asks of its copy of the signed roster, whether it holds every leaf (RosterCopy,
 * of a conversation of one cell) or its own cell's (CellRosterCopy).
 */
import type { RosterView } from "../mls/types.ts";
import type { RosterRecord } from "../records.ts";
import type { RosterLeaf } from "../wire.ts";
import type { RosterHead } from "./head.ts";

export interface Roster extends RosterView {
  /** The newest head whose leaves are held. */
  readonly head: RosterHead;
  /** Every leaf that is held, in the order of the tree. */
  leaves(): readonly RosterLeaf[];
  /** What to store and open again. */
  toRecord(): RosterRecord;
}

/**
 * A roster as it stands while older entries of the log are still read: who came and went in between
 * is not known here. Certificates are judged as ever; whether everybody in the tree belongs is
 * judged by the roster before anything is sent or committed (readers.ts).
 */
export function ofThePast(roster: RosterView): RosterView {
  return { past: true, names: (cellId, hash) => roster.names(cellId, hash) };
}
