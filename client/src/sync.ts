/**
 * In step with the server: the socket's frames, the list of conversations, cursors.
 *
 * Invariants: a conversation's entries go to its inbox in the order of the frames; after every
 * `ready` each conversation is caught up from the log, because wake-ups may have been lost; cursors
 * are sent when the connection allows, and again after a reconnection if the server has not stored
 * them, so none is lost.
 */
import type { Account } from "./account.ts";
import type { Announcer } from "./announcer.ts";
import { Conversation, Work } from "./conversation.ts";
import { newRecord, refreshed } from "./conversation_record.ts";
import type { DeviceContext } from "./context.ts";
import { hasCode } from "./failure.ts";
import type { Inbox } from "./inbox.ts";
import type { Membership } from "./membership.ts";
import type { People } from "./people.ts";
import { applyReceipts, putMembers, readUpTo } from "./reading.ts";
import { RECEIPT_PEOPLE, withFetched } from "./receipts.ts";
import { STORES } from "./records.ts";
import type { ConversationRecord } from "./records.ts";
import { delayMs, pause } from "./transport/backoff.ts";
import type {
  Conversation as WireConversation,
  Member,
  Position,
  Ready,
  ServerFrame,
} from "./wire.ts";
import { sendLateSeals } from "./several_cells/late_seals.ts";
import type { Socket } from "./transport/socket.ts";

const CATCH_UPS = 4;
const CURSORS_MS = 50;
const CATCH_UP_AGAIN = { firstMs: 1_000, maxMs: 30_000 };
const SOME = 4;
/** Changes of one conversation within this time are fetched once. */
const REFRESH_MS = 150;

export interface SyncParts {
  readonly context: DeviceContext;
  readonly account: Account;
  readonly announcer: Announcer;
  readonly inbox: Inbox;
  readonly membership: Membership;
  readonly people: People;
  readonly socket: () => Socket;
  readonly onCatchingUp: (catchingUp: boolean) => void;
  readonly kick: (conversation: Conversation) => void;
}

export class Sync {
  readonly #parts: SyncParts;
  readonly conversations = new Map<string, Conversation>();
  readonly #dirty = new Set<string>();
  readonly #refreshing = new Map<string, Promise<void>>();
  #flushing = false;
  #round = 0;

  constructor(parts: SyncParts) {
    this.#parts = parts;
  }

  /** Everything the vault knows, for a start without network. */
  async load(): Promise<void> {
    const { context, announcer } = this.#parts;
    const records = await context.vault.all<ConversationRecord>(STORES.conversations);
    for (const record of records) {
      this.conversations.set(record.conversationId, new Conversation(context, announcer, record));
    }
  }

  find(conversationId: string): Conversation | null {
    return this.conversations.get(conversationId) ?? null;
  }

  /** How far this device has come, for Hello. */
  positions(): Position[] {
    return [...this.conversations.values()]
      .filter(({ record }) => record.state === "ready" && record.everJoined)
      .sort((a, b) => (b.record.last?.sentMs ?? 0) - (a.record.last?.sentMs ?? 0))
      .map(({ id, record }) => ({ conversationId: id, seq: record.cursor }));
  }

  // --- Frames ----------------------------------------------------------------------------------

  /** The connection is up: learn what changed while away, until that is known or it breaks. */
  async onReady(ready: Ready): Promise<void> {
    const round = ++this.#round;
    for (const conversation of this.conversations.values()) conversation.connection++;
    for (const { conversationId, follows } of ready.heads) {
      // What is missing comes on the socket: no need to ask the log.
      if (follows) this.find(conversationId)?.stepIn();
    }
    const { kick, onCatchingUp, context, socket } = this.#parts;
    const current = (): boolean => round === this.#round && socket().connected;
    onCatchingUp(true);
    for (let attempt = 0; current(); attempt++) {
      try {
        await this.#compare(ready, round);
        break;
      } catch (error) {
        if (hasCode(error, "locked", "unauthenticated", "signed_out", "conduct_not_accepted"))
          break;
        await pause(delayMs(CATCH_UP_AGAIN, attempt, context.random), context.signal);
      }
    }
    if (round === this.#round) onCatchingUp(false);
    for (const conversation of this.conversations.values()) kick(conversation);
  }

  /** Hold what this device has against what the server has, and bring both to the same. */
  async #compare(ready: Ready, round: number): Promise<void> {
    const { membership, context } = this.#parts;
    const { conversations } = await context.api.conversations();
    const heads = new Map(ready.heads.map((head) => [head.conversationId, head.lastSeq]));
    const listed = new Set(conversations.map(({ conversationId }) => conversationId));
    for (const info of conversations) {
      const { record, id } = await this.adopt(info);
      // Cursors wait in the server's memory for a moment: what it has not stored is sent again.
      const stored = info.deliveredSeq >= record.cursor && info.readSeq >= record.readSeq;
      if (!stored) this.#dirty.add(id);
    }
    this.#flushSoon();
    for (const conversation of this.conversations.values()) {
      if (!listed.has(conversation.id)) membership.attend(conversation);
    }
    await this.#catchUpAll(conversations, heads, round);
  }

  async #catchUpAll(
    infos: readonly WireConversation[],
    heads: ReadonlyMap<string, number>,
    round: number,
  ): Promise<void> {
    const { inbox, membership } = this.#parts;
    // Newest first: what a person opens first is ready first.
    const waiting = [...infos].sort((a, b) => (b.lastMessageMs ?? 0) - (a.lastMessageMs ?? 0));
    const worker = async (): Promise<void> => {
      for (let info = waiting.shift(); info !== undefined; info = waiting.shift()) {
        if (round !== this.#round) return;
        const conversation = this.find(info.conversationId);
        if (conversation === null) continue;
        const lastSeq = Math.max(info.lastSeq, heads.get(info.conversationId) ?? 0);
        try {
          await conversation.run(async () => {
            const { state, cursor, everJoined } = conversation.record;
            if (state === "ready" && everJoined && lastSeq > cursor && !conversation.inStep) {
              await inbox.catchUp(conversation);
            }
          });
          membership.attend(conversation);
          await this.#refreshMembers(conversation);
          await this.#settleSeals(conversation);
        } catch (error) {
          if (hasCode(error, "network", "locked")) throw error;
          // One broken conversation never holds up the rest.
          await membership.recover(conversation, error);
        }
      }
    };
    await Promise.all(Array.from({ length: CATCH_UPS }, worker));
  }

  /** Seals that this device waits for, and those that others wait for from it. */
  async #settleSeals(conversation: Conversation): Promise<void> {
    if (conversation.record.cells === 1) return;
    const { context, inbox, membership } = this.#parts;
    await conversation.run(async () => {
      await membership.guard(conversation, () => inbox.askForSeals(conversation));
      await membership.guard(conversation, () => sendLateSeals(context, conversation));
    });
  }

  async onFrame(frame: Exclude<ServerFrame, Ready>): Promise<void> {
    const { context, membership, inbox, people, account } = this.#parts;
    switch (frame.t) {
      case "entry": {
        const conversation = this.find(frame.entry.conversationId);
        if (conversation === null) return this.refresh(frame.entry.conversationId);
        try {
          await inbox.receive(conversation, frame.entry);
        } catch (error) {
          if (!hasCode(error, "locked")) await membership.recover(conversation, error);
        }
        if (conversation.record.state === "joining") membership.attend(conversation);
        if (frame.entry.kind === "commit") membership.onCommit(conversation);
        return;
      }
      case "conversation":
        return this.refresh(frame.conversationId, true);
      case "gone": {
        const conversation = this.find(frame.conversationId);
        if (conversation === null) return;
        // Losing one's place while another device of the same person keeps its own looks the
        // same: entering again asks the server.
        membership.attend(conversation);
        await this.#lost(conversation);
        return;
      }
      case "receipts": {
        const conversation = this.find(frame.conversationId);
        if (conversation === null) return;
        await conversation.run(() => applyReceipts(context, conversation, frame.receipts));
        return;
      }
      case "duty": {
        const conversation = this.find(frame.conversationId);
        if (conversation === null) return;
        conversation.duty = true;
        membership.attend(conversation);
        return;
      }
      case "seal_wanted": {
        const conversation = this.find(frame.conversationId);
        if (conversation === null) return;
        await conversation.run(() =>
          membership.guard(conversation, () => sendLateSeals(context, conversation)),
        );
        return;
      }
      case "late_seal": {
        const conversation = this.find(frame.conversationId);
        if (conversation === null) return;
        await conversation.run(() =>
          membership.guard(conversation, () => inbox.lateSeal(conversation, frame.seq, frame.seal)),
        );
        return;
      }
      case "account":
        if (frame.event === "directory") await people.refreshDirectory(null);
        if (frame.event === "trust") await account.refreshTrust(Infinity);
        return;
    }
  }

  async #lost(conversation: Conversation): Promise<void> {
    const { context, membership } = this.#parts;
    try {
      await context.api.conversation(conversation.id);
    } catch (error) {
      if (!hasCode(error, "not_found", "not_member")) throw error;
      await conversation.run(() => membership.left(conversation));
    }
  }

  // --- The list --------------------------------------------------------------------------------

  /** Take over what the server says about a conversation. */
  async adopt(info: WireConversation): Promise<Conversation> {
    const { context, announcer } = this.#parts;
    const known = this.find(info.conversationId);
    if (known === null) {
      const conversation = new Conversation(context, announcer, newRecord(info));
      this.conversations.set(conversation.id, conversation);
      await conversation.run(async () => {
        const value = conversation.record;
        const { store } = { store: STORES.conversations };
        await context.vault.write([{ op: "put", store, key: conversation.id, value }]);
        announcer.conversation(conversation);
      });
      return conversation;
    }
    await known.run(async () => {
      const work = new Work(known);
      const next = refreshed(work.record, info);
      if (JSON.stringify(next) !== JSON.stringify(work.record)) work.record = next;
      // Back in after having been removed.
      if (work.record.state === "left") work.set({ state: "joining" });
      await known.store(work);
      await readUpTo(context, known, info.readSeq);
    });
    return known;
  }

  /** Fetch a conversation again; calls in quick succession share one fetch. */
  refresh(conversationId: string, announced = false): Promise<void> {
    const running = this.#refreshing.get(conversationId);
    if (running !== undefined) return running;
    const { context, membership, kick } = this.#parts;
    const refresh = (async () => {
      const known = this.find(conversationId);
      if (known !== null) await pause(REFRESH_MS, context.signal);
      this.#refreshing.delete(conversationId);
      try {
        const info = await context.api.conversation(conversationId);
        const conversation = await this.adopt(info);
        if (known === null && announced) {
          conversation.announcedMs = context.now();
          conversation.announced = true;
        }
        membership.attend(conversation);
        await this.#refreshMembers(conversation);
        kick(conversation);
      } catch (error) {
        if (!hasCode(error, "not_found", "not_member")) throw error;
        if (known !== null) await known.run(() => membership.left(known));
      }
    })().finally(() => this.#refreshing.delete(conversationId));
    this.#refreshing.set(conversationId, refresh);
    return refresh;
  }

  /**
   * Members with their cursors, as far as the screens and ticks need them: of a conversation of more
   * people than receipts are told of a few names, once.
   */
  async #refreshMembers(conversation: Conversation): Promise<void> {
    const { context, people, account } = this.#parts;
    const many = conversation.record.members > RECEIPT_PEOPLE;
    const { members: known } = await conversation.loadMembers();
    if (many && conversation.record.some.length > 0 && known.length === 0) return;
    const found: Member[] = [];
    let after: string | null = null;
    do {
      const page = await context.api.members(conversation.id, after);
      found.push(...page.members);
      after = page.next;
    } while (after !== null && !many);
    const members = many ? [] : found;
    const me = account.require().personId;
    const others = found.map(({ personId }) => personId).filter((id) => id !== me);
    await people.prefetch(many ? others.slice(0, SOME) : others);
    await conversation.run(async () => {
      const work = new Work(conversation);
      const news = withFetched(work.members, members);
      if (news !== work.members) await putMembers(context, work, news);
      const some = others.slice(0, SOME);
      if (JSON.stringify(some) !== JSON.stringify(work.record.some)) work.set({ some });
      else if (work.record.last?.mine === true) work.set({});
      await conversation.store(work);
    });
  }

  // --- Cursors ---------------------------------------------------------------------------------

  /** This device has come further, in receiving or in reading. */
  onCursor(conversation: Conversation): void {
    this.#dirty.add(conversation.id);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushing || this.#dirty.size === 0) return;
    this.#flushing = true;
    void pause(CURSORS_MS, this.#parts.context.signal).then(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const updates = [...this.#dirty]
      .map((id) => this.find(id))
      .filter((found) => found !== null)
      .filter(({ record }) => record.state === "ready")
      .map(({ id, record }) => ({
        conversationId: id,
        deliveredSeq: record.cursor,
        readSeq: Math.min(record.readSeq, record.cursor),
      }));
    // Without a connection they wait for the next `ready`.
    if (updates.length === 0 || this.#parts.socket().sendCursors(updates)) this.#dirty.clear();
  }
}
