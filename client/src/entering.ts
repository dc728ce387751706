/**
 * The ways into a cell: founding it, by a Welcome, by one's own external commit. Called by
 * membership.ts inside the conversation's queue; each step is safe to repeat.
 */
import { isCheckFailed } from "./check-failed.ts";
import { claimKeyPackages, persistCommit, requireRoster, withAdds } from "./committing.ts";
import { Work } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import { refreshed } from "./conversation_record.ts";
import type { DeviceContext } from "./context.ts";
import { failure, hasCode } from "./failure.ts";
import type { Inbox } from "./inbox.ts";
import { storedBundles, usedUp } from "./key_packages.ts";
import { RosterRefused } from "./roster/refused.ts";
import type { RosterCopy } from "./roster/roster-copy.ts";
import { rosterAt } from "./roster_history.ts";
import type { Conversation as WireConversation } from "./wire.ts";

/** How long a Welcome may take to follow a live announcement, before we enter by ourselves. */
const WELCOME_GRACE_MS = 3_000;
/** How long we leave the founding to the creator. */
const FOUNDING_GRACE_MS = 3_000;
export const POLL_MS = 400;

export type Outcome = "done" | "again" | { readonly waitMs: number };

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
    const roster = await this.#fetchRoster(conversation);
    const { certificateHash } = this.#context.account();
    if (!roster.names(cell.cellId, certificateHash)) return { waitMs: 5_000 };
    const work = new Work(conversation);
    work.roster = roster;
    work.record = refreshed(work.record, info);
    work.set({ cellId: cell.cellId, state: "joining" });
    // A device that was never in starts at the end of the log.
    if (!work.record.everJoined && cell.epoch !== null) {
      const start = Math.max(work.record.cursor, info.lastSeq - 50, 0);
      work.set({ cursor: start });
    }
    await conversation.store(work);

    conversation.announcedMs ??= now() - (conversation.record.everJoined ? 60_000 : 0);
    const waited = now() - conversation.announcedMs;
    if (cell.epoch === null) {
      const creator = info.createdBy === this.#context.account().personId;
      if (!creator && waited < FOUNDING_GRACE_MS) return { waitMs: POLL_MS };
      return this.#found(conversation, roster);
    }
    if (await this.#enterByWelcome(conversation)) return "again";
    if (waited < WELCOME_GRACE_MS) return { waitMs: POLL_MS };
    return this.enterByCommit(conversation);
  }

  /** The newest roster, which must not go back behind the copy we hold. */
  async #fetchRoster(conversation: Conversation): Promise<RosterCopy> {
    const roster = await conversation.openRoster(await this.#context.api.roster(conversation.id));
    const held = conversation.roster;
    if (held !== null) {
      const back = roster.head.epoch < held.head.epoch;
      const forked = roster.head.epoch === held.head.epoch && roster.head.hash !== held.head.hash;
      if (back) throw new RosterRefused("not_an_extension", "the roster went back");
      if (forked) throw new RosterRefused("fork", "two signed heads for one epoch");
    }
    return roster;
  }

  async #found(conversation: Conversation, roster: RosterCopy): Promise<Outcome> {
    const { clientId } = this.#context.account();
    const { cellId } = conversation.record;
    const others = roster
      .leaves()
      .filter((leaf) => leaf.cellId === cellId && leaf.clientId !== clientId)
      .map((leaf) => leaf.clientId);
    const packages = await claimKeyPackages(this.#context, conversation, [...new Set(others)]);
    const alone = await this.#context.mls().found(conversation.id, cellId);
    const commit = await withAdds(alone, packages, roster);
    await persistCommit(conversation, "found", 0, commit, []);
    return "again";
  }

  async #enterByWelcome(conversation: Conversation): Promise<boolean> {
    const { api, mls } = this.#context;
    const { cellId } = conversation.record;
    try {
      const pending = await api.welcome(conversation.id, cellId);
      const roster = await rosterAt(api, conversation.id, requireRoster(conversation), pending.seq);
      const bundles = await storedBundles(this.#context);
      const { group, used } = await mls().joinByWelcome(pending.welcome, bundles, roster);
      const work = new Work(conversation);
      work.advance(group);
      work.roster = roster;
      work.changes.push(...usedUp(used));
      // Entries up to the commit are only looked at for how this person came in.
      const before = Math.max(0, pending.seq - 20);
      work.set({
        joinedSeq: pending.seq,
        // What came after the commit and was passed over while outside can be read now.
        cursor: work.record.everJoined ? Math.min(work.record.cursor, pending.seq) : before,
        state: "ready",
        everJoined: true,
        undecryptable: 0,
      });
      await conversation.store(work, true);
    } catch (error) {
      if (hasCode(error, "not_found")) return false;
      // A Welcome that we cannot use must not stand in the way of entering by ourselves.
      if (!isCheckFailed(error) && !(error instanceof RosterRefused)) throw error;
      await api.forgetWelcome(conversation.id, cellId);
      return false;
    }
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
      const roster = await this.#fetchRoster(conversation);
      const lease = await api.lease(conversation.id, cellId);
      const commit = await mls().joinByExternalCommit(lease.groupInfo, roster);
      if (conversation.roster !== null && roster.head.epoch > conversation.roster.head.epoch) {
        const work = new Work(conversation);
        work.roster = roster;
        await conversation.store(work);
      }
      await persistCommit(conversation, "join", lease.epoch, commit, []);
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
