/**
 * The ways into a cell: founding it, by a Welcome, by one's own external commit. Called by
 * membership.ts inside the conversation's queue; each step is safe to repeat.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { isCheckFailed } from "./check-failed.ts";
import { claimKeyPackages, persistCommit, requireRoster, withAdds } from "./committing.ts";
import { Work } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import { refreshed } from "./conversation_record.ts";
import type { DeviceContext } from "./context.ts";
import { failure, hasCode } from "./failure.ts";
import type { Inbox } from "./inbox.ts";
import { toHex, utf8 } from "./octets.ts";
import { storedBundles, usedUp } from "./key_packages.ts";
import type { ConversationRecord } from "./records.ts";
import { CellRosterCopy } from "./roster/cell-roster-copy.ts";
import { parseHead } from "./roster/head.ts";
import { RosterRefused } from "./roster/refused.ts";
import type { Roster } from "./roster/roster.ts";
import { rosterAt } from "./roster_history.ts";
import { fetchRoster, renewRoster } from "./several_cells/roster_part.ts";
import type { CellInfo, Conversation as WireConversation } from "./wire.ts";

/** How long a Welcome may take to follow a live announcement, before we enter by ourselves. */
const WELCOME_GRACE_MS = 3_000;
/** How long we leave the founding to the creator. */
const FOUNDING_GRACE_MS = 3_000;
/** What founding a cell of 256 takes on a slow phone. */
const FOUNDING_TURN_MS = 4_000;
/** How far back the first look into the log goes; of several cells it may have to go further. */
const RECENT_ENTRIES = 50;
const LATE_ENTRIES = 500;
export const POLL_MS = 400;

/** `endedBy`: what ends the wait before its time: a commit in the cell, or anything to do as well. */
export type Outcome =
  "done" | "again" | { readonly waitMs: number; readonly endedBy?: "commit" | "work" };

export interface EnteringHooks {
  left(conversation: Conversation): Promise<void>;
  onEntered(conversation: Conversation): void;
}

export class Entering {
  readonly #context: DeviceContext;
  readonly #inbox: Inbox;
  readonly #hooks: EnteringHooks;

  constructor(context: DeviceContext, inbox: Inbox, hooks: EnteringHooks) {
    this.#context = context;
    this.#inbox = inbox;
    this.#hooks = hooks;
  }

  /** Inside the queue: take the next step into the cell. */
  async enter(conversation: Conversation): Promise<Outcome> {
    const { api, now } = this.#context;
    let info: WireConversation;
    try {
      info = await api.conversation(conversation.id);
    } catch (error) {
      if (!hasCode(error, "not_found", "not_member")) throw error;
      await this.#hooks.left(conversation);
      return "done";
    }
    const cell = info.cells[0];
    if (cell === undefined) return { waitMs: 5_000 };
    const work = new Work(conversation);
    work.record = refreshed(work.record, info);
    work.set({ admins: info.admins ?? [] });
    const { roster, heads } = await fetchRoster(this.#context, conversation, work, cell.cellId);
    const { certificateHash } = this.#context.account();
    if (!roster.names(cell.cellId, certificateHash)) return { waitMs: 5_000 };
    const moved = wasMoved(work, cell.cellId);
    work.roster = roster;
    work.heads = heads;
    work.set({ cellId: cell.cellId, state: "joining", rosterStale: false });
    if (heads !== null) work.set({ rosterPlace: roster.head.epoch });
    // Cells became one: who was moved with us is let in before anything is sent.
    if (moved && info.cellsTotal === 1) work.set({ awaited: clientsOf(roster) });
    const namedEpoch = namedSince(work.record, cell, roster.head.epoch);
    if (namedEpoch !== undefined) work.set({ namedEpoch });
    if (!work.record.everJoined && (info.cellsTotal > 1 || cell.epoch !== null)) {
      const start = await this.#start(conversation, info, work.record.namedEpoch ?? null);
      work.set({ cursor: Math.max(work.record.cursor, start, 0) });
    }
    await conversation.store(work);

    conversation.announcedMs ??= now() - (conversation.record.everJoined ? 60_000 : 0);
    const waited = now() - conversation.announcedMs;
    if (cell.epoch === null) {
      const wait = this.#foundingWait(conversation, info, roster) - waited;
      if (wait <= 0) return this.#found(conversation, roster);
      return info.cellsTotal > 1 ? { waitMs: wait, endedBy: "commit" } : { waitMs: POLL_MS };
    }
    if (await this.#enterByWelcome(conversation)) return "again";
    // Who finds the conversation in the list, as a new device does, has nobody who just named it.
    if (conversation.announced && waited < WELCOME_GRACE_MS) return { waitMs: POLL_MS };
    return this.enterByCommit(conversation);
  }

  /**
   * Where in the log a device that was never in begins to read: near its end. Of several cells,
   * before what was said since it was named, which it gets late seals for where its cell was not
   * founded yet: while many cells are founded, that is soon far from the end.
   */
  async #start(
    { id, record, roster: before }: Conversation,
    info: WireConversation,
    namedEpoch: number | null,
  ): Promise<number> {
    const { lastSeq } = info;
    if (info.cellsTotal === 1) return lastSeq - RECENT_ENTRIES;
    // It was found before, or all is recent.
    if ((before !== null && record.namedEpoch !== null) || lastSeq <= LATE_ENTRIES) return 0;
    const { api } = this.#context;
    const epoch = namedEpoch ?? info.rosterEpoch;
    const { heads } = await api.rosterHeads(id, epoch, epoch);
    const namedMs = heads[0] === undefined ? Infinity : parseHead(heads[0]).createdMs;
    for (let back = LATE_ENTRIES; back < lastSeq; back *= 2) {
      const { entries } = await api.log(id, lastSeq - back, 1);
      if ((entries[0]?.sentMs ?? 0) < namedMs) return lastSeq - back;
    }
    return 0;
  }

  /**
   * How long after the announcement this device founds the cell. Of one cell: the creator does.
   * With several, its clients take turns, in an order of their ids: one, then two more, then four…
   * so that somebody who is there founds it soon, and few do so at once.
   */
  #foundingWait(conversation: Conversation, info: WireConversation, roster: Roster): number {
    const { clientId, personId } = this.#context.account();
    if (info.createdBy === personId) return 0;
    if (info.cellsTotal === 1) return FOUNDING_GRACE_MS;
    const clients = clientsOf(roster).map((id) => turnOf(conversation.record.cellId, id));
    const rank = clients.sort().indexOf(turnOf(conversation.record.cellId, clientId));
    return FOUNDING_TURN_MS * Math.floor(Math.log2(rank + 1));
  }

  async #found(conversation: Conversation, roster: Roster): Promise<Outcome> {
    const { clientId } = this.#context.account();
    const { cellId, suite } = conversation.record;
    const others = roster
      .leaves()
      .filter((leaf) => leaf.cellId === cellId && leaf.clientId !== clientId)
      .map((leaf) => leaf.clientId);
    const packages = await claimKeyPackages(this.#context, conversation, [...new Set(others)]);
    const alone = await this.#context.mls(suite).found(conversation.id, cellId);
    const commit = await withAdds(alone, packages, roster);
    await persistCommit(this.#context, conversation, { kind: "found", epoch: 0, commit });
    return "again";
  }

  async #enterByWelcome(conversation: Conversation): Promise<boolean> {
    const { api, mls } = this.#context;
    const { cellId } = conversation.record;
    const work = new Work(conversation);
    try {
      const pending = await api.welcome(conversation.id, cellId);
      const at = await rosterAt(api, conversation, pending.seq);
      const bundles = await storedBundles(this.#context);
      const { group, used } = await mls(conversation.record.suite).joinByWelcome(
        pending.welcome,
        bundles,
        at.view,
      );
      work.advance(group);
      work.roster = at.roster;
      work.heads ??= at.heads;
      work.set({ rosterPlace: at.place, epochMs: this.#context.serverNow(), sealedInEpoch: 0 });
      work.changes.push(...usedUp(used));
      const { everJoined, cells, cursor } = work.record;
      // Entries up to the commit are only looked at for how this person came in; of several cells
      // also for what gets a late seal, from where this device began to read on. What came after
      // the commit and was passed over while outside can be read now.
      const several = cells > 1 || at.heads !== null;
      const looked = at.heads === null ? 20 : LATE_ENTRIES;
      const before = everJoined ? pending.seq : Math.max(0, pending.seq - looked);
      work.set({
        joinedSeq: pending.seq,
        // Until the commit is read.
        joinedMs: this.#context.serverNow(),
        cursor: everJoined || several ? Math.min(before, cursor) : before,
        state: "ready",
        everJoined: true,
        undecryptable: 0,
      });
    } catch (error) {
      if (hasCode(error, "not_found")) return false;
      // A Welcome that we cannot use must not stand in the way of entering by ourselves.
      if (!isCheckFailed(error) && !(error instanceof RosterRefused)) throw error;
      await api.forgetWelcome(conversation.id, cellId);
      return false;
    }
    // What was read while outside is read again by nothing else before the next epoch.
    await this.#inbox.openWaiting(conversation, work);
    await conversation.store(work, true);
    await api.forgetWelcome(conversation.id, cellId).catch(() => undefined);
    await this.#inbox.catchUp(conversation);
    this.#hooks.onEntered(conversation);
    return true;
  }

  /** By one's own external commit; removes this device's own old leaf if there is one. */
  async enterByCommit(conversation: Conversation): Promise<Outcome> {
    const { api, mls, random } = this.#context;
    const { cellId } = conversation.record;
    try {
      const work = new Work(conversation);
      if (!(await renewRoster(this.#context, conversation, work))) return { waitMs: POLL_MS };
      const roster = work.roster ?? requireRoster(conversation);
      const lease = await api.lease(conversation.id, cellId);
      const commit = await mls(conversation.record.suite).joinByExternalCommit(
        lease.groupInfo,
        roster,
      );
      work.set({ rosterPlace: roster.head.epoch });
      await conversation.store(work);
      const { epoch } = lease;
      await persistCommit(this.#context, conversation, { kind: "join", epoch, commit });
      return "again";
    } catch (error) {
      if (hasCode(error, "join_busy")) {
        return { waitMs: (error.retryAfterMs ?? 500) * (0.2 + random()) };
      }
      if (hasCode(error, "removal_pending")) return { waitMs: 500 + 1_000 * random() };
      if (hasCode(error, "cell_unfounded")) return { waitMs: POLL_MS };
      // The cell was given up, or this person lost their place: the conversation says which.
      if (hasCode(error, "not_member")) return { waitMs: POLL_MS };
      // The group info and our roster may be of different moments, or its maker lied. Nothing was
      // shown and nothing sent; it is tried again, more and more rarely, because the next commit or
      // a fresh cell brings another group info.
      if (isCheckFailed(error)) throw failure("not_joined", { cause: error, retry: true });
      throw error;
    }
  }
}

/**
 * Whether the DS gave this device another cell than the one it was in. The roster says so also
 * where the record names the new cell already, as it does once the old one was left for it.
 */
function wasMoved({ heads, record, roster }: Work, cellId: string): boolean {
  if (heads === null) return false;
  const before = roster instanceof CellRosterCopy ? roster.cellId : record.cellId;
  return before !== cellId || record.cellId !== cellId;
}

/**
 * The roster epoch with which this device got its place. Of before a DS kept it, it is the one of
 * the first time that the device looked. It only grows: a device that was taken out and named
 * again while it was away has no claim on what was sent in between.
 */
function namedSince(
  { everJoined, namedEpoch }: ConversationRecord,
  cell: CellInfo,
  epoch: number,
): number | undefined {
  const named = (cell as Partial<CellInfo>).namedEpoch ?? null;
  if (named !== null) return Math.max(namedEpoch ?? 0, Math.min(named, epoch));
  return namedEpoch ?? (everJoined && namedEpoch === undefined ? undefined : epoch);
}

function clientsOf(roster: Roster): readonly string[] {
  return [...new Set(roster.leaves().map(({ clientId }) => clientId))];
}

/** An order of a cell's clients that is another in each cell. */
function turnOf(cellId: string, clientId: string): string {
  return toHex(sha256(utf8(`${cellId}${clientId}`)));
}
