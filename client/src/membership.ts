/**
 * Being in a cell: founding it, entering it, committing what is due, and entering anew after a
 * loss. One entry point, {@link Membership.attend}, looks at where a conversation stands and does
 * the next thing until there is nothing left to do; it is called whenever something may have
 * changed and is safe to call at any time.
 *
 * A commit is stored with the state it leads to before it is posted, and adopted at its place in
 * the log, so that the messages before it are still read under the old epoch. Whatever refuses it
 * (stale epoch, another founder, a lost lease) certainly did not accept it: it is dropped, the log
 * is processed, and the need for it is judged again.
 */
import { isCheckFailed } from "./check-failed.ts";
import { Work } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import type { DeviceContext } from "./context.ts";
import { CoreFailure, failure, hasCode } from "./failure.ts";
import { Alarm, StateLost } from "./inbox.ts";
import type { Inbox } from "./inbox.ts";
import { storedBundles, usedUp } from "./key_packages.ts";
import { notice, noticeMessage } from "./messages.ts";
import type { CellGroup, PendingCommit } from "./mls/types.ts";
import { newId } from "./octets.ts";
import { refreshed } from "./conversation_record.ts";
import type { CommitRecord } from "./records.ts";
import { RosterRefused } from "./roster/refused.ts";
import type { RosterCopy } from "./roster/roster-copy.ts";
import { rosterAt } from "./roster_history.ts";
import { delayMs, pause } from "./transport/backoff.ts";
import type { Conversation as WireConversation } from "./wire.ts";

/** How long a Welcome may take to follow a live announcement, before we enter by ourselves. */
const WELCOME_GRACE_MS = 3_000;
/** How long we leave the founding to the creator. */
const FOUNDING_GRACE_MS = 3_000;
const POLL_MS = 400;
const RETRY = { firstMs: 1_000, maxMs: 60_000 };
/** Rounds of one attendance: enough for any race, too few to spin. */
const ROUNDS = 12;

/** Refusals after which a commit certainly was not accepted and is built again. */
const LOST_RACE = [
  "stale_epoch",
  "removal_pending",
  "cell_founded",
  "cell_unfounded",
  "join_busy",
  "commit_invalid",
];

type Outcome = "done" | "again" | { readonly waitMs: number };

export interface MembershipListener {
  /** The conversation can send and receive now. */
  onReady(conversation: Conversation): void;
  /** A commit of ours let clients in by Welcome: they do not know the name yet. */
  onWelcomed(conversation: Conversation): void;
  /** This device came in and knows no name. */
  onEntered(conversation: Conversation): void;
  onLeft(conversation: Conversation): void;
}

export class Membership {
  readonly #context: DeviceContext;
  readonly #inbox: Inbox;
  readonly #listener: MembershipListener;
  readonly #attending = new Map<string, boolean>();
  readonly #failures = new Map<string, number>();

  constructor(context: DeviceContext, inbox: Inbox, listener: MembershipListener) {
    this.#context = context;
    this.#inbox = inbox;
    this.#listener = listener;
  }

  /** Look after a conversation in the background, again and again until it is settled. */
  attend(conversation: Conversation): void {
    if (this.#attending.has(conversation.id)) {
      this.#attending.set(conversation.id, true);
      return;
    }
    this.#attending.set(conversation.id, false);
    void this.#attendAll(conversation);
  }

  async #attendAll(conversation: Conversation): Promise<void> {
    const { id } = conversation;
    const { signal } = this.#context;
    for (;;) {
      let waitMs: number | null = null;
      try {
        const outcome = await this.attendNow(conversation);
        this.#failures.delete(id);
        if (typeof outcome === "object") waitMs = outcome.waitMs;
      } catch (error) {
        if (signal.aborted) break;
        // Without network the next connection starts everything again.
        if (hasCode(error, "network")) break;
        const failures = this.#failures.get(id) ?? 0;
        this.#failures.set(id, failures + 1);
        waitMs = delayMs(RETRY, failures, this.#context.random);
      }
      if (waitMs !== null) {
        await pause(waitMs, signal);
        if (signal.aborted) break;
      } else if (this.#attending.get(id) !== true) break;
      this.#attending.set(id, false);
    }
    this.#attending.delete(id);
  }

  /** The same, once and awaited; errors reach the caller. */
  attendNow(conversation: Conversation): Promise<Outcome> {
    return conversation.run(() => this.settle(conversation));
  }

  /** Inside the conversation's queue: do what is due until nothing is. */
  async settle(conversation: Conversation): Promise<Outcome> {
    for (let round = 0; round < ROUNDS; round++) {
      const outcome = await this.guard(conversation, () => this.#next(conversation));
      if (outcome !== "again") return outcome;
    }
    return { waitMs: POLL_MS };
  }

  /** Run a step; a failed check becomes the conversation's alarm, a lost state a new entry. */
  async guard<T>(conversation: Conversation, step: () => Promise<T>): Promise<T | "again"> {
    try {
      return await step();
    } catch (error) {
      if (error instanceof StateLost) {
        await this.#lose(conversation);
        return "again";
      }
      const reason = alarmReason(error);
      if (reason === null) throw error;
      const work = new Work(conversation);
      work.set({ state: "alarm", alarm: reason });
      await conversation.store(work);
      throw failure("security_alarm", { cause: error, details: { reason } });
    }
  }

  /** What a failed receive means for its conversation. */
  async recover(conversation: Conversation, error: unknown): Promise<void> {
    const outcome = await conversation
      .run(() => this.guard(conversation, () => Promise.reject(error as Error)))
      .catch((cause: unknown) => cause);
    if (!hasCode(outcome, "security_alarm", "locked")) this.attend(conversation);
  }

  /** Forget a state that cannot follow the log. */
  async #lose(conversation: Conversation): Promise<void> {
    const work = new Work(conversation);
    work.advance(null);
    work.pending = null;
    work.set({ state: "joining" });
    await conversation.store(work);
  }

  async #next(conversation: Conversation): Promise<Outcome> {
    const { state } = conversation.record;
    if (state === "alarm" || state === "left") return "done";
    if (conversation.pending !== null) {
      await this.#post(conversation, conversation.pending);
      return "again";
    }
    const { group } = conversation;
    if (group === null) return this.#enter(conversation);
    if (state === "joining") {
      const work = new Work(conversation);
      work.set({ state: "ready", everJoined: true });
      await conversation.store(work);
    }
    if (this.#certificateRenewed(conversation, group)) return this.#enterByCommit(conversation);
    const adds = this.#addsDue(conversation, group);
    const removals = group.pendingRemovals.length > 0 && conversation.duty;
    if (adds.length > 0 || removals) return this.#commit(conversation, group, adds);
    if (group.pendingRemovals.length === 0) conversation.duty = false;
    this.#listener.onReady(conversation);
    return "done";
  }

  #certificateRenewed(conversation: Conversation, group: CellGroup): boolean {
    const { certificateHash } = this.#context.account();
    const own = group.members().find(({ leafIndex }) => leafIndex === group.ownLeafIndex);
    const named = conversation.roster?.names(group.cellId, certificateHash) === true;
    return own !== undefined && own.certificateHash !== certificateHash && named;
  }

  /** Clients promised a Welcome that the roster names and the cell lacks. */
  #addsDue(conversation: Conversation, group: CellGroup): readonly string[] {
    if (conversation.toAdd.size === 0 || conversation.roster === null) return [];
    const inside = new Set(group.members().map(({ clientId }) => clientId));
    const named = new Set(
      conversation.roster
        .leaves()
        .filter(({ cellId }) => cellId === group.cellId)
        .map(({ clientId }) => clientId),
    );
    for (const clientId of conversation.toAdd) {
      if (inside.has(clientId) || !named.has(clientId)) conversation.toAdd.delete(clientId);
    }
    return [...conversation.toAdd];
  }

  // --- Commits of a member ---------------------------------------------------------------------

  async #commit(
    conversation: Conversation,
    group: CellGroup,
    adds: readonly string[],
  ): Promise<Outcome> {
    const packages = await this.#claim(conversation, adds);
    // Who has no key package enters by their own external commit.
    for (const clientId of adds) conversation.toAdd.delete(clientId);
    if (packages.length === 0 && group.pendingRemovals.length === 0) return "again";
    const roster = requireRoster(conversation);
    const commit = await withAdds(group, packages, roster);
    await this.#persist(conversation, "member", group.epoch, commit, adds);
    return "again";
  }

  async #claim(conversation: Conversation, clientIds: readonly string[]) {
    if (clientIds.length === 0) return [];
    const { keyPackages } = await this.#context.api.claimKeyPackages({
      conversationId: conversation.id,
      clientIds: [...clientIds],
    });
    return keyPackages.map(({ keyPackage }) => keyPackage);
  }

  async #persist(
    conversation: Conversation,
    kind: CommitRecord["kind"],
    epoch: number,
    commit: PendingCommit,
    promised: readonly string[],
  ): Promise<void> {
    const work = new Work(conversation);
    const added = commit.added.map(({ clientId }) => clientId);
    work.pending = {
      entryId: newId(),
      cellId: conversation.record.cellId,
      kind,
      upload: {
        entryId: "",
        epoch,
        founding: kind === "found",
        commit: commit.commit,
        groupInfo: commit.groupInfo,
        welcome: commit.welcome,
        welcomeClients: commit.welcome === null ? [] : added,
      },
      next: commit.next.encode(),
      addedClients: promised,
    };
    work.pending = {
      ...work.pending,
      upload: { ...work.pending.upload, entryId: work.pending.entryId },
    };
    await conversation.store(work, true);
  }

  /** Post a stored commit and process the log up to it, or drop it when it lost. */
  async #post(conversation: Conversation, pending: CommitRecord): Promise<void> {
    try {
      await this.#context.api.uploadCommit(conversation.id, pending.cellId, pending.upload);
    } catch (error) {
      if (!(error instanceof CoreFailure) || error.retry || hasCode(error, "network")) {
        if (!hasCode(error, "join_busy")) throw error;
      }
      const work = new Work(conversation);
      work.pending = null;
      await conversation.store(work);
      for (const clientId of pending.addedClients) conversation.toAdd.add(clientId);
      if (!hasCode(error, ...LOST_RACE)) throw error;
      if (pending.kind === "member") await this.#inbox.catchUp(conversation);
      return;
    }
    await this.#inbox.catchUp(conversation);
    if (conversation.pending?.entryId === pending.entryId) {
      // Accepted, and yet not in the log that we were given.
      throw failure("network", { retry: true, details: { reason: "log_incomplete" } });
    }
    conversation.duty = false;
    if (pending.kind === "member" && pending.upload.welcome !== null) {
      this.#listener.onWelcomed(conversation);
    }
    if (pending.kind === "join") this.#listener.onEntered(conversation);
  }

  // --- Entering --------------------------------------------------------------------------------

  async #enter(conversation: Conversation): Promise<Outcome> {
    const { api, now } = this.#context;
    let info: WireConversation;
    try {
      info = await api.conversation(conversation.id);
    } catch (error) {
      if (!hasCode(error, "not_found", "not_member")) throw error;
      await this.left(conversation);
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
    return this.#enterByCommit(conversation);
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
    const packages = await this.#claim(conversation, [...new Set(others)]);
    const alone = await this.#context.mls().found(conversation.id, cellId);
    const commit = await withAdds(alone, packages, roster);
    await this.#persist(conversation, "found", 0, commit, []);
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
        cursor: work.record.everJoined ? work.record.cursor : before,
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
    this.#listener.onEntered(conversation);
    return true;
  }

  async #enterByCommit(conversation: Conversation): Promise<Outcome> {
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
      await this.#persist(conversation, "join", lease.epoch, commit, []);
      return "again";
    } catch (error) {
      if (hasCode(error, "join_busy")) {
        return { waitMs: (error.retryAfterMs ?? 500) * (0.2 + random()) };
      }
      if (hasCode(error, "removal_pending")) return { waitMs: 500 + 1_000 * random() };
      if (hasCode(error, "cell_unfounded")) return { waitMs: POLL_MS };
      if (hasCode(error, "not_member")) {
        await this.left(conversation);
        return "done";
      }
      // The group info and our roster may be of different moments: fetch both again.
      if (isCheckFailed(error)) {
        const failures = this.#failures.get(conversation.id) ?? 0;
        if (failures < 5) throw failure("not_joined", { cause: error, retry: true });
      }
      throw error;
    }
  }

  /** This device lost its place: what it has stays, nothing more comes. */
  async left(conversation: Conversation, byMyself = false): Promise<void> {
    if (conversation.record.state === "left") return;
    const { personId } = this.#context.account();
    const work = new Work(conversation);
    const { cursor } = work.record;
    work.put(
      noticeMessage(
        conversation.id,
        newId(),
        { seq: cursor, order: cursor + 0.9, sentMs: this.#context.now() },
        notice(byMyself ? "left" : "removed", byMyself ? personId : null, [personId]),
      ),
    );
    work.advance(null);
    work.pending = null;
    work.set({ state: "left", unread: 0, mentioned: false });
    await conversation.store(work);
    this.#listener.onLeft(conversation);
  }
}

/** Commit with Adds; a key package that does not verify leaves its client to enter by itself. */
async function withAdds(
  group: CellGroup,
  packages: readonly Uint8Array[],
  roster: RosterCopy,
): Promise<PendingCommit> {
  try {
    return await group.commit(packages, roster);
  } catch (error) {
    if (packages.length === 0 || !isCheckFailed(error)) throw error;
    return group.commit([], roster);
  }
}

function requireRoster(conversation: Conversation): RosterCopy {
  if (conversation.roster === null) throw failure("not_joined", { retry: true });
  return conversation.roster;
}

function alarmReason(error: unknown): string | null {
  if (error instanceof Alarm) return error.reason;
  if (error instanceof RosterRefused) return `roster_${error.code}`;
  if (isCheckFailed(error)) return error.rule === null ? error.code : `${error.code}_${error.rule}`;
  return null;
}
