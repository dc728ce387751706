/** Entries of kind "commit" and "proposal" of this device's cell. */
import { isCheckFailed } from "../check-failed.ts";
import type { Work } from "../conversation.ts";
import type { CellGroup } from "../mls/types.ts";
import { owesProfile } from "../profile.ts";
import type { MessageRecord } from "../records.ts";
import { Alarm, StateLost } from "../stops.ts";
import { compareOwnKey } from "../several_cells/cell_keys.ts";
import { forgetFormerSeed, keepFormerSeed } from "../several_cells/own_key.ts";
import { rosterForEntry } from "../several_cells/roster_part.ts";
import type { LogEntry } from "../wire.ts";
import type { Receiving } from "./receiving.ts";
import { received } from "./received.ts";
import { openWaiting } from "./opening.ts";

export async function applyHandshake(receiving: Receiving, entry: LogEntry): Promise<void> {
  const { context, conversation, listener, work } = receiving;
  if (entry.cellId !== work.record.cellId) return;
  if (work.pending !== null && work.pending.entryId === entry.entryId) {
    return adopt(receiving, entry);
  }
  // A join of ours is on its way: what lies before it is for those who were in.
  const { group } = work;
  // The commit whose Welcome let this device in.
  if (entry.seq === work.record.joinedSeq) work.set({ joinedMs: entry.sentMs });
  if (group === null || entry.seq <= work.record.joinedSeq) return;
  try {
    const roster = await rosterForEntry(context, conversation, work);
    const result = await group.processHandshake(entry.payload, roster, entry.sentMs);
    if (result.evicted) throw new StateLost("evicted");
    if (result.kind === "commit") {
      await keepFormerSeed(work, group, entry.sentMs, group.pendingRemovals.length > 0);
    }
    const before = clientsOf(group);
    const newcomers = [...clientsOf(result.next)].some((clientId) => !before.has(clientId));
    work.advance(result.next);
    if (newcomers) owesProfile(work, entry.sentMs);
    if (result.kind === "commit") {
      await beginEpoch(work, entry);
      await openWaiting(receiving);
    }
  } catch (error) {
    if (!isCheckFailed(error)) throw error;
    if (error.code === "rule_violated" || error.code === "credential_refused") {
      const rule = error.rule === null ? error.code : `${error.code}_${error.rule}`;
      throw new Alarm(rule, error);
    }
    // A commit of an epoch that we have left behind changes nothing.
    if (error.code === "stale_epoch") return;
    throw new StateLost(error.code, { cause: error });
  }
  work.afterwards.push(() => listener.onHandshake(conversation));
}

function clientsOf(group: CellGroup): ReadonlySet<string> {
  return new Set(group.members().map(({ clientId }) => clientId));
}

/** Our own commit at its place in the log: the state that was stored with it is the group now. */
async function adopt(receiving: Receiving, entry: LogEntry): Promise<void> {
  const { context, conversation, listener, work } = receiving;
  const { group, pending } = work;
  if (pending === null) return;
  if (group !== null)
    await keepFormerSeed(work, group, entry.sentMs, group.pendingRemovals.length > 0);
  work.advance(await context.mls(work.record.suite).decode(pending.next));
  work.pending = null;
  if (pending.kind !== "member") {
    const { seq, sentMs } = entry;
    work.set({ joinedSeq: seq, joinedMs: sentMs, state: "ready", everJoined: true });
    if (pending.kind === "join") work.put(joinedHere(entry));
  }
  await beginEpoch(work, entry);
  await openWaiting(receiving);
  work.afterwards.push(() => listener.onHandshake(conversation));
}

/** `work` holds the new group already. */
async function beginEpoch(work: Work, entry: LogEntry): Promise<void> {
  work.set({ undecryptable: 0, undecryptableFrom: [] });
  forgetFormerSeed(work, entry.sentMs);
  // With several cells the DS takes no commit without the key record of its epoch.
  work.set({ epochMs: entry.sentMs, sealedInEpoch: 0, unkeyedEpoch: null });
  // The commit comes without its record. Where that was learnt before, as senders learn them, it is
  // compared here; else when the keys are asked for next, which is before anything is sent.
  await compareOwnKey(work);
}

function joinedHere(entry: LogEntry): MessageRecord {
  return {
    ...received(entry, null, false, new Uint8Array()),
    content: null,
    notice: { kind: "joined_here", by: null, people: [], title: null },
  };
}
