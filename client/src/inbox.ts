/**
 * Receiving: log entries in strict order of seq, each judged, processed and stored with the group
 * state and the cursor in one transaction.
 *
 * An entry not above the cursor is a duplicate and dropped; a gap is fetched from the log. Own
 * entries are known by their entry id. A refused check stops the conversation with an alarm; lost
 * or broken state makes the device enter the cell anew (membership.ts).
 */
import { isCheckFailed } from "./check-failed.ts";
import { decodeContent } from "./content.ts";
import type { Conversation } from "./conversation.ts";
import { Work } from "./conversation.ts";
import type { DeviceContext } from "./context.ts";
import type { CellGroup } from "./mls/types.ts";
import { counts, mentions, pointersOf } from "./messages.ts";
import { acceptedMessage } from "./outgoing.ts";
import type { OutgoingStore } from "./outgoing.ts";
import { applyProfile } from "./profile.ts";
import { rosterNotices } from "./roster_notices.ts";
import { STORES } from "./records.ts";
import type { AttachmentRecord, MessageRecord } from "./records.ts";
import { parseHead } from "./roster/head.ts";
import { RosterRefused } from "./roster/refused.ts";
import { unpack } from "./unpack.ts";
import type { LogEntry, RosterChange } from "./wire.ts";

/** Entries stored in one transaction while catching up. */
const BATCH = 32;
const PAGE = 200;
/** So many messages in a row that do not decrypt, of two people, mean that the state is broken. */
const BROKEN_AFTER = 3;

/** The group state cannot follow the log any more: enter the cell anew. */
export class StateLost extends Error {}

/** A security check failed. `reason` is stable and goes to the screen. */
export class Alarm extends Error {
  readonly reason: string;
  constructor(reason: string, cause: unknown) {
    super(reason, { cause });
    this.reason = reason;
  }
}

export interface InboxListener {
  /** Processing changed who is in the cell or what is pending: look whether there is work. */
  onHandshake(conversation: Conversation): void;
  /** A member that knows no name asks for the profile. */
  onProfileRequest(conversation: Conversation): void;
  /** The cursor moved. */
  onCursor(conversation: Conversation): void;
  /** Who belongs may have changed. */
  onRoster(conversation: Conversation, personIds: readonly string[]): void;
  /** An entry of ours came back through the log. */
  onAccepted(conversation: Conversation): void;
}

export class Inbox {
  readonly #context: DeviceContext;
  readonly #outgoing: OutgoingStore;
  readonly #listener: InboxListener;
  readonly #waiting = new Map<string, LogEntry[]>();

  constructor(context: DeviceContext, outgoing: OutgoingStore, listener: InboxListener) {
    this.#context = context;
    this.#outgoing = outgoing;
    this.#listener = listener;
  }

  /** A live entry. Entries that arrive while others are processed are taken together. */
  receive(conversation: Conversation, entry: LogEntry): Promise<void> {
    const waiting = this.#waiting.get(conversation.id);
    if (waiting !== undefined) {
      waiting.push(entry);
      return Promise.resolve();
    }
    this.#waiting.set(conversation.id, [entry]);
    return conversation.run(async () => {
      const entries = this.#waiting.get(conversation.id) ?? [];
      this.#waiting.delete(conversation.id);
      const { cursor } = conversation.record;
      const next = entries.filter(({ seq }) => seq > cursor).sort((a, b) => a.seq - b.seq);
      const whole = next.every(({ seq }, i) => seq === cursor + 1 + i);
      if (next.length === 0 || conversation.record.state === "left") return;
      if (whole) await this.#process(conversation, next, true);
      else await this.catchUp(conversation);
    });
  }

  /** Process the log from the cursor to its end. Call inside the conversation's queue. */
  async catchUp(conversation: Conversation): Promise<void> {
    for (;;) {
      if (conversation.record.state === "alarm" || conversation.record.state === "left") return;
      const { cursor } = conversation.record;
      const page = await this.#context.api.log(conversation.id, cursor, PAGE);
      const entries = page.entries.filter(({ seq }) => seq > cursor);
      await this.#process(conversation, entries, false);
      if (page.more && entries.length > 0) continue;
      if (page.lastSeq > conversation.record.cursor) {
        const work = new Work(conversation);
        work.set({ cursor: page.lastSeq });
        await conversation.store(work);
        this.#listener.onCursor(conversation);
      }
      return;
    }
  }

  async #process(
    conversation: Conversation,
    entries: readonly LogEntry[],
    live: boolean,
  ): Promise<void> {
    for (let at = 0; at < entries.length; at += BATCH) {
      const batch = entries.slice(at, at + BATCH);
      const work = new Work(conversation);
      try {
        for (const entry of batch) {
          await this.#apply(conversation, work, entry, live);
          work.set({ cursor: Math.max(entry.seq, work.record.cursor) });
        }
      } finally {
        // What came before a failure stands: its cursor does not cover the failed entry.
        await conversation.store(work);
        this.#listener.onCursor(conversation);
      }
    }
  }

  async #apply(
    conversation: Conversation,
    work: Work,
    entry: LogEntry,
    live: boolean,
  ): Promise<void> {
    if (entry.conversationId !== conversation.id) throw new Alarm("entry_misplaced", null);
    switch (entry.kind) {
      case "roster":
        return this.#applyRoster(conversation, work, entry);
      case "commit":
      case "proposal":
        return this.#applyHandshake(conversation, work, entry);
      case "message":
        return this.#applyMessage(conversation, work, entry, live);
      case "sealed":
        // Conversations of several cells come later; what this version cannot read is kept.
        work.put(received(entry, null, false, entry.payload));
        return;
    }
  }

  async #applyRoster(conversation: Conversation, work: Work, entry: LogEntry): Promise<void> {
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
    followToFreshCell(work, this.#context.account().certificateHash);
    const { personId } = this.#context.account();
    for (const message of rosterNotices(work, entry, change, personId)) {
      work.put(message);
    }
    work.membersChanged = true;
    const people = [...change.addedPeople, ...change.removedPeople];
    work.afterwards.push(() => {
      this.#listener.onRoster(conversation, change.by === null ? people : [...people, change.by]);
      this.#listener.onHandshake(conversation);
    });
  }

  async #applyHandshake(conversation: Conversation, work: Work, entry: LogEntry): Promise<void> {
    if (entry.cellId !== work.record.cellId) return;
    if (work.pending !== null && work.pending.entryId === entry.entryId) {
      return this.#adopt(conversation, work, entry);
    }
    // A join of ours is on its way: what lies before it is for those who were in.
    if (work.group === null || entry.seq <= work.record.joinedSeq) return;
    if (work.roster === null) throw new StateLost("no roster");
    const before = work.group;
    try {
      const result = await before.processHandshake(entry.payload, work.roster, entry.sentMs);
      if (result.evicted) throw new StateLost("evicted");
      work.advance(result.next);
      if (result.kind === "commit") work.set({ undecryptable: 0, undecryptableFrom: [] });
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
    work.afterwards.push(() => this.#listener.onHandshake(conversation));
  }

  /** Our own commit at its place in the log: the state that was stored with it is the group now. */
  async #adopt(conversation: Conversation, work: Work, entry: LogEntry): Promise<void> {
    const pending = work.pending;
    if (pending === null) return;
    work.advance(await this.#context.mls().decode(pending.next));
    work.pending = null;
    if (pending.kind !== "member") {
      const again = pending.kind === "join" && work.record.everJoined;
      work.set({ joinedSeq: entry.seq, state: "ready", everJoined: true });
      if (again || pending.kind === "join") work.put(joinedHere(entry));
    }
    work.set({ undecryptable: 0, undecryptableFrom: [] });
    work.afterwards.push(() => this.#listener.onHandshake(conversation));
  }

  async #applyMessage(
    conversation: Conversation,
    work: Work,
    entry: LogEntry,
    live: boolean,
  ): Promise<void> {
    const account = this.#context.account();
    if (entry.sender === account.clientId) {
      const own = this.#outgoing.find(entry.entryId);
      if (own !== null && own.conversationId === conversation.id) {
        const accepted = { seq: entry.seq, sentMs: entry.sentMs };
        await acceptedMessage(this.#context, this.#outgoing, work, own, accepted);
        work.afterwards.push(() => this.#listener.onAccepted(conversation));
      }
      return;
    }
    if (entry.cellId !== work.record.cellId) return;
    if (work.group === null || entry.seq <= work.record.joinedSeq) return;
    const opened = await this.#decrypt(work, entry);
    if (opened === null) return;
    const { plaintext, senderId } = opened;
    const content = decodeContent(plaintext);
    if (content.kind === "profile") {
      conversation.profilesHeard++;
      for (const message of applyProfile(work, content, entry, senderId)) work.put(message);
      return;
    }
    if (content.kind === "profile_request") {
      if (live) work.afterwards.push(() => this.#listener.onProfileRequest(conversation));
      return;
    }
    const mine = senderId === account.personId;
    const message = received(entry, senderId, mine, plaintext);
    work.put(message);
    for (const pointer of pointersOf(content)) {
      // Known by id means the same key and size (content.ts): forwarded, or our own come back.
      const known = await this.#context.vault.get(STORES.attachments, pointer.id);
      if (known !== null) continue;
      const record: AttachmentRecord = {
        attachmentId: pointer.id,
        conversationId: conversation.id,
        messageId: entry.entryId,
        pointer,
        upload: "none",
        local: false,
      };
      work.changes.push({
        op: "put",
        store: STORES.attachments,
        key: pointer.id,
        group: conversation.id,
        value: record,
      });
    }
    if (mine || !counts(content) || entry.seq <= work.record.readSeq) return;
    work.set({
      unread: work.record.unread + 1,
      mentioned: work.record.mentioned || mentions(content, account.personId),
    });
    work.fresh.push(message);
  }

  async #decrypt(
    work: Work,
    entry: LogEntry,
  ): Promise<{ readonly plaintext: Uint8Array; readonly senderId: string } | null> {
    const group = work.group;
    if (group === null) return null;
    // The DS takes messages for the current epoch only, so ours must be that epoch here.
    if (entry.epoch !== null && entry.epoch > group.epoch) throw new StateLost("epoch_gap");
    try {
      const { next, plaintext, sender } = await group.decrypt(entry.payload, entry.sentMs);
      if (sender.clientId !== entry.sender) throw new Alarm("sender_mismatch", null);
      work.advance(next);
      if (work.record.undecryptable > 0) work.set({ undecryptable: 0, undecryptableFrom: [] });
      return { plaintext, senderId: sender.personId };
    } catch (error) {
      if (!isCheckFailed(error)) throw error;
      if (error.code === "credential_refused" || error.code === "rule_violated") {
        throw new Alarm(error.code, error);
      }
      // One member's broken messages are that member's fault and show nothing: they must not send
      // everybody out and in again. Several in a row of several people are this device's.
      const undecryptable = work.record.undecryptable + 1;
      const from = new Set([...(work.record.undecryptableFrom ?? []), this.#senderOf(work, entry)]);
      work.set({ undecryptable, undecryptableFrom: [...from] });
      const broken = from.size > 1 || this.#onlyOneOther(group);
      if (undecryptable >= BROKEN_AFTER && broken) {
        throw new StateLost(error.code, { cause: error });
      }
      return null;
    }
  }

  /** The person whose client posted an entry, as the roster has it. */
  #senderOf({ roster }: Work, { sender }: LogEntry): string {
    const leaf = roster?.leaves().find(({ clientId }) => clientId === sender);
    return leaf?.personId ?? sender ?? "";
  }

  #onlyOneOther(group: CellGroup): boolean {
    const { personId } = this.#context.account();
    const others = group.members().filter((member) => member.personId !== personId);
    return new Set(others.map((member) => member.personId)).size <= 1;
  }
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

function received(
  entry: LogEntry,
  senderId: string | null,
  mine: boolean,
  content: Uint8Array,
): MessageRecord {
  return {
    messageId: entry.entryId,
    conversationId: entry.conversationId,
    order: entry.seq,
    seq: entry.seq,
    senderId,
    mine,
    sentMs: entry.sentMs,
    content,
    notice: null,
    failure: null,
  };
}

function joinedHere(entry: LogEntry): MessageRecord {
  return {
    ...received(entry, null, false, new Uint8Array()),
    content: null,
    notice: { kind: "joined_here", by: null, people: [], title: null },
  };
}
