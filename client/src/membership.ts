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
import { claimKeyPackages, persistCommit, requireRoster, withAdds } from "./committing.ts";
import { Work } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import { refreshed } from "./conversation_record.ts";
import type { DeviceContext } from "./context.ts";
import { CoreFailure, failure, hasCode } from "./failure.ts";
import { Entering, POLL_MS } from "./entering.ts";
import type { Outcome } from "./entering.ts";
import type { Inbox } from "./inbox.ts";
import { notice, noticeMessage } from "./messages.ts";
import type { CellGroup } from "./mls/types.ts";
import { newId } from "./octets.ts";
import { signsInVain } from "./own_certificate.ts";
import { everybodyNamed } from "./readers.ts";
import type { CommitRecord } from "./records.ts";
import { RosterRefused } from "./roster/refused.ts";
import { Alarm, StateLost } from "./stops.ts";
import { keyDue } from "./several_cells/key_due.ts";
import { GRACE_MS, forgetFormerSeed, keyRecordOf } from "./several_cells/own_key.ts";
import { freshRoster, rosterFits } from "./several_cells/roster_part.ts";
import { delayMs, pause } from "./transport/backoff.ts";
import type { Conversation as WireConversation } from "./wire.ts";

const RETRY = { firstMs: 1_000, maxMs: 60_000 };
/** Rounds of one attendance: enough for any race, too few to spin. */
const ROUNDS = 12;
/** A cell whose epoch has no key gets one from some member within this time. */
const PUBLISH_WITHIN_MS = 1_500;
/** Who is named and there comes in by itself within a few seconds; the others are let in after this. */
const ABSENT_AFTER_MS = 5_000;
/** One of the members is enough: each waits for some moment within this time more. */
const ABSENT_WITHIN_MS = 25_000;
/** Members who come to an old epoch together begin the next one at some moment within this time. */
const ROTATE_WITHIN_MS = 30_000;

/** Refusals after which a commit certainly was not accepted and is built again. */
const LOST_RACE = [
  "stale_epoch",
  "removal_pending",
  "cell_founded",
  "cell_unfounded",
  "join_busy",
  "commit_invalid",
  "wrong_mode",
  "key_record_invalid",
  "stale_roster",
];

/** A wait that may end before its time. */
interface Wait {
  readonly ending: AbortController;
  readonly endedBy: "commit" | "work";
}

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
  readonly #entering: Entering;
  readonly #attending = new Map<string, boolean>();
  /** Under way now. */
  readonly #waits = new Map<string, Wait>();
  readonly #failures = new Map<string, number>();

  constructor(context: DeviceContext, inbox: Inbox, listener: MembershipListener) {
    this.#context = context;
    this.#inbox = inbox;
    this.#listener = listener;
    this.#entering = new Entering(context, inbox, {
      left: (conversation) => this.left(conversation),
      onEntered: (conversation) => listener.onEntered(conversation),
    });
  }

  /** A commit came: whoever waits to found the cell looks again. */
  onCommit(conversation: Conversation): void {
    this.#waits.get(conversation.id)?.ending.abort();
  }

  /** Look after a conversation in the background, again and again until it is settled. */
  attend(conversation: Conversation): void {
    if (this.#attending.has(conversation.id)) {
      this.#attending.set(conversation.id, true);
      const wait = this.#waits.get(conversation.id);
      if (wait?.endedBy === "work") wait.ending.abort();
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
      let endedBy: Wait["endedBy"] | null = null;
      try {
        const outcome = await this.attendNow(conversation);
        this.#failures.delete(id);
        if (typeof outcome === "object") {
          waitMs = outcome.waitMs;
          endedBy = outcome.endedBy ?? null;
        }
      } catch (error) {
        if (signal.aborted) break;
        const failures = this.#failures.get(id) ?? 0;
        this.#failures.set(id, failures + 1);
        waitMs = delayMs(RETRY, failures, this.#context.random);
        // The next connection ends the wait; where one stands, nothing else may come that does.
        if (hasCode(error, "network")) endedBy = "work";
      }
      if (waitMs !== null) {
        if (endedBy === null) await pause(waitMs, signal);
        else await this.#pauseUntil(id, waitMs, endedBy);
        if (signal.aborted) break;
      } else if (this.#attending.get(id) !== true) break;
      this.#attending.set(id, false);
    }
    this.#attending.delete(id);
  }

  async #pauseUntil(id: string, waitMs: number, endedBy: Wait["endedBy"]): Promise<void> {
    const ending = new AbortController();
    const stop = (): void => ending.abort();
    this.#context.signal.addEventListener("abort", stop);
    this.#waits.set(id, { ending, endedBy });
    try {
      if (!this.#context.signal.aborted) await pause(waitMs, ending.signal);
    } finally {
      this.#context.signal.removeEventListener("abort", stop);
      this.#waits.delete(id);
    }
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
    // Once it is renewed, the device looks after all conversations.
    if (this.#signsInVain({ group: null })) return "done";
    const { pending } = conversation;
    if (pending !== null) {
      if (await this.#isOutdated(conversation, pending)) await this.#drop(conversation, pending);
      else await this.#post(conversation, pending);
      return "again";
    }
    const { group } = conversation;
    if (group === null) return this.#entering.enter(conversation);
    if (state === "joining") {
      const work = new Work(conversation);
      work.set({ state: "ready", everJoined: true });
      await conversation.store(work);
    }
    // What this device has not read yet may be of its old cell, which it is about to leave, and is
    // judged by the roster of then.
    if (!conversation.inStep) {
      if (!(await this.#caughtUp(conversation))) return this.#follow(conversation);
      if (conversation.group !== group) return "again";
    }
    if (!rosterFits(conversation)) {
      if (!(await freshRoster(this.#context, conversation))) return this.#follow(conversation);
    }
    if (this.#certificateRenewed(conversation, group))
      return this.#entering.enterByCommit(conversation);
    // The roster entry that names the new certificate is still to come.
    if (this.#signsInVain(conversation)) return "done";
    const adds = this.#addsDue(conversation, group);
    const removals = group.pendingRemovals.length > 0 && conversation.duty;
    if (adds.length > 0 || removals) return this.#commit(conversation, group, adds);
    if (group.pendingRemovals.length === 0) conversation.duty = false;
    const { record } = conversation;
    if ((record.awaited ?? []).length > 0) {
      const work = new Work(conversation);
      work.set({ awaited: [] });
      await conversation.store(work);
    }
    const outcome = record.cells > 1 ? await this.#keepKeyed(conversation, group) : "done";
    if (outcome !== "again") this.#listener.onReady(conversation);
    const seedMs = await this.#eraseFormerSeed(conversation);
    if (outcome !== "done") return outcome;
    const absentMs = this.#absentDue(conversation, group);
    if (absentMs === 0) return "again";
    const waits = [seedMs, absentMs].filter((ms) => ms !== null);
    return waits.length > 0 ? { waitMs: Math.min(...waits), endedBy: "work" } : "done";
  }

  /** Where nothing is sent, no entry says that the grace is over. Returns how long it still is. */
  async #eraseFormerSeed(conversation: Conversation): Promise<number | null> {
    const { formerSeed } = conversation;
    if (formerSeed === null || !conversation.inStep) return null;
    const now = this.#context.serverNow();
    const work = new Work(conversation);
    forgetFormerSeed(work, now);
    if (work.formerSeed !== null) return formerSeed.endedMs + GRACE_MS + 1 - now;
    await conversation.store(work);
    return null;
  }

  /** Read the log to its end. False: this device has no place in the conversation any more. */
  async #caughtUp(conversation: Conversation): Promise<boolean> {
    try {
      await this.#inbox.catchUp(conversation);
      return true;
    } catch (error) {
      if (!hasCode(error, "not_member", "not_found")) throw error;
      return false;
    }
  }

  /** Our cell is gone, or this device's place is in another one now: go there. */
  async #follow(conversation: Conversation): Promise<Outcome> {
    const info = await this.#info(conversation);
    if (info === null) {
      await this.left(conversation);
      return "done";
    }
    const cellId = info.cells[0]?.cellId;
    if (cellId === undefined || cellId === conversation.record.cellId) return { waitMs: POLL_MS };
    const work = new Work(conversation);
    work.advance(null);
    work.pending = null;
    work.formerSeed = null;
    work.record = refreshed(work.record, info);
    work.set({ cellId, state: "joining" });
    await conversation.store(work);
    return "again";
  }

  /** What the DS says of a conversation; null when this device has no place in it. */
  async #info(conversation: Conversation): Promise<WireConversation | null> {
    try {
      return await this.#context.api.conversation(conversation.id);
    } catch (error) {
      if (!hasCode(error, "not_found", "not_member")) throw error;
      return null;
    }
  }

  /** Take over how many cells there are, before something is made for another number. */
  async refetch(conversation: Conversation): Promise<void> {
    const info = await this.#info(conversation);
    if (info === null) return this.left(conversation);
    const work = new Work(conversation);
    work.record = refreshed(work.record, info);
    await conversation.store(work);
  }

  /** Of several cells: ours has a key, and not an old one. */
  async #keepKeyed(conversation: Conversation, group: CellGroup): Promise<Outcome> {
    if (group.pendingRemovals.length > 0 || !everybodyNamed(conversation, group)) return "done";
    const { clientId } = this.#context.account();
    const due = keyDue(conversation.record, group, clientId, this.#context.serverNow());
    if (due === null) return "done";
    // Any member may, one is enough. Whoever is to send publishes at once.
    const within = due === "publish" ? PUBLISH_WITHIN_MS : ROTATE_WITHIN_MS;
    const waitMs = this.#turnIn(conversation, group.epoch, within);
    if (waitMs > 0) return { waitMs, endedBy: "work" };
    if (due === "rotate") return this.#commit(conversation, group, []);
    await this.publishKey(conversation);
    return "done";
  }

  /** How long this device leaves it to the others to see to the key of an epoch. */
  #turnIn(conversation: Conversation, epoch: number, withinMs: number): number {
    const { now, random } = this.#context;
    if (conversation.keyTurn?.epoch !== epoch)
      conversation.keyTurn = { epoch, atMs: now() + withinMs * random() };
    return conversation.keyTurn.atMs - now();
  }

  /** Give our cell's epoch its key record, if it has none. Inside the queue. */
  async publishKey(conversation: Conversation): Promise<void> {
    const { group } = conversation;
    if (group === null || conversation.record.unkeyedEpoch !== group.epoch) return;
    if (!(await freshRoster(this.#context, conversation))) return;
    const key = await keyRecordOf(this.#context, group, conversation.roster);
    try {
      await this.#context.api.uploadKeyRecord(conversation.id, group.cellId, key);
    } catch (error) {
      // Removes first: their commit brings a key.
      if (hasCode(error, "removal_pending")) return;
      // Somebody else did, or the cell has moved on, or the others are gone: all is well.
      if (!hasCode(error, "key_record_exists", "key_record_invalid", "wrong_mode")) throw error;
    }
    const work = new Work(conversation);
    work.set({ unkeyedEpoch: null });
    await conversation.store(work);
  }

  #signsInVain(conversation: Pick<Conversation, "group">): boolean {
    const { account, serverNow } = this.#context;
    return signsInVain(conversation, account(), serverNow());
  }

  #certificateRenewed(conversation: Conversation, group: CellGroup): boolean {
    const { certificateHash } = this.#context.account();
    const own = group.members().find(({ leafIndex }) => leafIndex === group.ownLeafIndex);
    const named = conversation.roster?.names(group.cellId, certificateHash) === true;
    return own !== undefined && own.certificateHash !== certificateHash && named;
  }

  /** Clients promised a Welcome that the roster names and the cell lacks. */
  #addsDue(conversation: Conversation, group: CellGroup): readonly string[] {
    for (const clientId of conversation.record.awaited ?? []) conversation.toAdd.add(clientId);
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

  /**
   * Whom the roster names for our cell and who is away: they are let in by Welcome, and have what is
   * sent from then on. Who named them may be in another cell, or nobody, as in a conversation that
   * follows the data bank. 0: they are among those that are due now; null: there are none.
   */
  #absentDue(conversation: Conversation, group: CellGroup): number | null {
    const { now, random } = this.#context;
    const { record, roster, toAdd, absent: before } = conversation;
    const known = new Set(group.members().map(({ clientId }) => clientId));
    for (const clientId of record.passedOver ?? []) known.add(clientId);
    const absent = new Map<string, number>();
    conversation.absentTurn ??= random();
    const dueMs = now() + ABSENT_AFTER_MS + ABSENT_WITHIN_MS * conversation.absentTurn;
    for (const { cellId, clientId } of roster?.leaves() ?? [])
      if (cellId === group.cellId && !known.has(clientId))
        absent.set(clientId, before.get(clientId) ?? dueMs);
    conversation.absent = absent;
    const settled = group.pendingRemovals.length === 0 && everybodyNamed(conversation, group);
    if (absent.size === 0 || !settled) return null;
    const waitMs = Math.min(...absent.values()) - now();
    if (waitMs > 0) return waitMs;
    for (const [clientId, atMs] of absent) if (atMs <= now()) toAdd.add(clientId);
    return 0;
  }

  // --- Commits of a member ---------------------------------------------------------------------

  async #commit(
    conversation: Conversation,
    group: CellGroup,
    adds: readonly string[],
  ): Promise<Outcome> {
    if (conversation.record.cells > 1) {
      if (!(await freshRoster(this.#context, conversation))) return this.#follow(conversation);
      // The new epoch's key must be nobody's whom the roster does not name: wait for their Remove.
      if (!everybodyNamed(conversation, group)) return "done";
    }
    const packages = await claimKeyPackages(this.#context, conversation, adds);
    const roster = requireRoster(conversation);
    const idle = adds.length > 0 && group.pendingRemovals.length === 0;
    const made = idle && packages.length === 0 ? null : await withAdds(group, packages, roster);
    const commit = idle && made?.added.length === 0 ? null : made;
    for (const clientId of adds) conversation.toAdd.delete(clientId);
    // Who has no key package that serves enters by their own external commit.
    const added = new Set(commit?.added.map(({ clientId }) => clientId));
    const work = new Work(conversation);
    work.set({ awaited: (work.record.awaited ?? []).filter((id) => added.has(id)) });
    const named = new Set(roster.leaves().map(({ clientId }) => clientId));
    const passedOver = new Set([...(work.record.passedOver ?? []), ...adds]);
    if (passedOver.size > 0)
      work.set({ passedOver: [...passedOver].filter((id) => named.has(id) && !added.has(id)) });
    await conversation.store(work);
    if (commit === null) return "again";
    const { epoch } = group;
    await persistCommit(this.#context, conversation, {
      kind: "member",
      epoch,
      commit,
      promised: adds,
    });
    return "again";
  }

  /** Post a stored commit and process the log up to it, or drop it when it lost. */
  async #post(conversation: Conversation, pending: CommitRecord): Promise<void> {
    try {
      await this.#context.api.uploadCommit(conversation.id, pending.cellId, pending.upload);
    } catch (error) {
      if (!(error instanceof CoreFailure) || error.retry || hasCode(error, "network")) {
        if (!hasCode(error, "join_busy")) throw error;
      }
      // The cell was given up, perhaps after it had taken the commit: what was said in it since is
      // read with what the commit leads to.
      if (hasCode(error, "not_member") && (await this.#caughtUp(conversation))) {
        if (conversation.pending?.entryId !== pending.entryId) return;
      }
      const work = new Work(conversation);
      work.pending = null;
      await conversation.store(work);
      for (const clientId of pending.addedClients) conversation.toAdd.add(clientId);
      if (!hasCode(error, ...LOST_RACE)) throw error;
      if (hasCode(error, "wrong_mode")) await this.refetch(conversation);
      if (pending.kind === "member") await this.#inbox.catchUp(conversation);
      return;
    }
    await this.#inbox.catchUp(conversation);
    if (conversation.pending?.entryId === pending.entryId) {
      const info = await this.#info(conversation);
      // Accepted, and yet not in the log that we were given.
      if (info?.cells[0]?.cellId === pending.cellId)
        throw failure("network", { retry: true, details: { reason: "log_incomplete" } });
      // This device lost the place that it had there, and may have another: the log shows no more of it.
      const work = new Work(conversation);
      work.pending = null;
      return conversation.store(work);
    }
    conversation.duty = false;
    if (pending.kind === "member" && pending.upload.welcome !== null) {
      this.#listener.onWelcomed(conversation);
    }
    if (pending.kind === "join") this.#listener.onEntered(conversation);
  }

  /** Whether the leaf with which the commit leaves this device is of a certificate that has run out. */
  async #isOutdated(conversation: Conversation, { next }: CommitRecord): Promise<boolean> {
    const group = await this.#context.mls(conversation.record.suite).decode(next);
    return this.#signsInVain({ group });
  }

  /** Unless it is in the log, in which case it was taken in time. */
  async #drop(conversation: Conversation, { entryId }: CommitRecord): Promise<void> {
    await this.#caughtUp(conversation);
    if (conversation.pending?.entryId !== entryId) return;
    const work = new Work(conversation);
    work.pending = null;
    await conversation.store(work);
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
    work.set({ state: "left", unread: 0, mentioned: false, namedEpoch: null });
    await conversation.store(work);
    conversation.fallOut();
    this.#listener.onLeft(conversation);
  }
}

function alarmReason(error: unknown): string | null {
  if (error instanceof Alarm) return error.reason;
  if (error instanceof RosterRefused) return `roster_${error.code}`;
  if (isCheckFailed(error)) return error.rule === null ? error.code : `${error.code}_${error.rule}`;
  return null;
}
