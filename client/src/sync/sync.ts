/**
 * In step with the server: what a new connection says, and the socket's frames.
 *
 * Invariants: a conversation's entries go to its inbox in the order of the frames; after every
 * `ready` each conversation is brought up to the server's log, because wake-ups may have been lost;
 * one conversation's trouble never holds up the others, and is tried again with the next connection.
 */
import type { ConversationId } from "../ids.ts";
import type { DeviceContext } from "../context.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { hasCode } from "../failure.ts";
import type { History } from "../inbox/history.ts";
import type { Inbox } from "../inbox/inbox.ts";
import { applyReceipts, readUpTo } from "../messages/reading.ts";
import { applyCounts } from "../messages/receipt-counts.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { followRoster } from "../roster/roster.ts";
import { requireNewest } from "../roster/newest.ts";
import { CELL_SIZE } from "../limits.ts";
import { makeWantedCellKey, takeCellKeys } from "../secrets/making-cell-keys.ts";
import type { LateSeals } from "../outbox/late-seals.ts";
import type { Answering } from "../secrets/answering.ts";
import type { SecretRequests } from "../secrets/asking.ts";
import { delayMs, pause } from "../transport/backoff.ts";
import type { Socket } from "../transport/socket.ts";
import type {
  AccountFrame,
  ConversationHead,
  OrderAcknowledged,
  OrderProgressFrame,
  Position,
  PositionFrame,
  Ready,
  ServerFrame,
  Start,
} from "../wire.ts";
import type { Book } from "./book.ts";
import type { Cursors } from "./cursors.ts";
import { SPREAD_MS, type MemberList } from "./member-list.ts";

const CATCH_UPS = 4;
const AGAIN = { firstMs: 1_000, maxMs: 30_000 };
const MOST_TRIES = 6;
/** The log of a conversation at a standstill is read again each half minute. */
const STANDSTILL_TRY = MOST_TRIES - 1;
/** This device is in no such conversation. */
const NOT_HERE = ["not_member", "not_found", "device_unconfirmed"] as const;
/** At most so many changed conversations are fetched one by one; for more, the list. */
const ONE_BY_ONE = 3;

export interface SyncParts {
  readonly context: DeviceContext;
  readonly book: Book;
  readonly inbox: Inbox;
  readonly history: History;
  readonly outbox: Outbox;
  readonly asking: SecretRequests;
  readonly answering: Answering;
  readonly lateSeals: LateSeals;
  readonly cursors: Cursors;
  readonly members: MemberList;
  readonly connection: Pick<Socket, "connected" | "say">;
  /** Conversations with a flash order that this person owes. */
  readonly urgent: () => Promise<ReadonlySet<ConversationId>>;
  readonly onCatchingUp: (catchingUp: boolean) => void;
  readonly onAccount: (event: AccountFrame["event"]) => void;
}

/** Frames about orders go to orders/orders.ts. */
type OrderFrame = OrderProgressFrame | OrderAcknowledged;
type Stand = Omit<ConversationHead, "conversationId" | "infoVersion">;

const NONE: ReadonlySet<ConversationId> = new Set();

export class Sync {
  readonly #parts: SyncParts;
  readonly #later = new Set<ConversationId>();
  #round = 0;

  constructor(parts: SyncParts) {
    this.#parts = parts;
  }

  /** How far this device has come, for Hello. */
  positions(): Position[] {
    const time = ({ record }: Conversation): number => record.last?.sentMs ?? 0;
    return [...this.#parts.book.conversations.values()]
      .filter(({ record }) => record.state === "ready" && record.log !== null)
      .sort((a, b) => time(b) - time(a))
      .map(({ id, record }) => ({ conversationId: id, seq: record.log?.cursor ?? 0 }));
  }

  // --- A new connection ------------------------------------------------------------------------

  /** Learn what changed while away, until that is known or the connection breaks. */
  async onReady(ready: Ready): Promise<void> {
    const round = ++this.#round;
    const { book, asking, history, outbox, onCatchingUp, context, connection } = this.#parts;
    for (const conversation of book.conversations.values()) conversation.heads.reconnected();
    asking.reconnected(book.conversations.values());
    const current = (): boolean => round === this.#round && connection.connected;
    onCatchingUp(true);
    for (let attempt = 0; current(); attempt++) {
      try {
        await this.#compare(ready, round);
        break;
      } catch (error) {
        if (hasCode(error, "locked", "unauthenticated", "signed_out", "conduct_not_accepted"))
          break;
        // Not confirmed yet: nothing lists this device, and a frame tells when something does.
        if (hasCode(error, "device_unconfirmed")) break;
        await pause(delayMs(AGAIN, attempt, context.random), context.signal);
      }
    }
    if (round === this.#round) onCatchingUp(false);
    history.fill();
    for (const conversation of book.conversations.values()) outbox.kick(conversation);
  }

  async #compare(ready: Ready, round: number): Promise<void> {
    const { book, cursors, context } = this.#parts;
    // Trust that does not verify is shown as such (account.ts); conversations continue with the former.
    await context.learnIncarnation(ready.trustVersion).catch((error: unknown) => {
      if (!hasCode(error, "trust_invalid")) throw error;
    });
    const stands = new Map<ConversationId, Stand>(
      ready.heads.map((head) => [head.conversationId, head]),
    );
    const all = [...book.conversations.values()];
    // Later, the newest message says which conversation comes first.
    const isFirstDay = all.every(({ record }) => record.log === null);
    const asked = isFirstDay ? this.#parts.urgent().catch(() => NONE) : NONE;
    await this.#learn(ready, round);
    const urgent = await asked;
    for (const [id, stand] of stands) {
      const conversation = book.find(id);
      if (conversation !== null) cursors.compare(conversation, stand);
    }
    const ordered = this.#inOrder([...stands.keys()], urgent);
    const step = (take: (conversation: Conversation, stand: Stand) => Promise<void>) =>
      this.#each(ordered, round, async (id) => {
        const [conversation, stand] = [book.find(id), stands.get(id)];
        if (conversation !== null && stand !== undefined) await take(conversation, stand);
      });
    // The messages of all conversations come before the members of any.
    await step((conversation, stand) => this.#takeMessages(conversation, stand));
    await step((conversation, stand) => this.#takeMembers(conversation, stand));
    for (const { id, record } of book.conversations.values()) {
      if (stands.has(id) || record.state === "left") continue;
      await book.fetch(id);
    }
  }

  /** Ask for what this device does not know the newest of. */
  async #learn(ready: Ready, round: number): Promise<void> {
    const { context, book } = this.#parts;
    const others = ready.heads.filter(({ conversationId, infoVersion }) => {
      const record = book.find(conversationId)?.record;
      return record?.infoVersion !== infoVersion || record.state !== "ready";
    });
    const ids = others.map(({ conversationId }) => conversationId);
    const atOnce = ids.filter((id) => !this.#mayWait(id));
    // After an outage all members of a large conversation may connect at once and fetch the same:
    // each one fetches it after a random delay.
    for (const id of ids) if (!atOnce.includes(id)) this.#refreshLater(id);
    if (ready.heads.length > 0 && atOnce.length <= ONE_BY_ONE) {
      for (const id of atOnce) await book.fetch(id);
      return;
    }
    const { conversations } = await context.api.conversations();
    const titled: ConversationId[] = [];
    for (const info of conversations) {
      const { profile } = await book.adopt(info).then(({ record }) => record);
      // The list leaves states out.
      if (info.stateSeq !== null && info.stateSeq > (profile?.seq ?? 0))
        titled.push(info.conversationId);
    }
    await this.#each(titled, round, async (id) => void (await book.fetch(id)));
  }

  /**
   * Flash orders first; then the newest message, which a person opens first; then, of conversations
   * that this device has not read yet, the smallest: the own station before the whole force.
   */
  #inOrder(
    ids: readonly ConversationId[],
    urgent: ReadonlySet<ConversationId>,
  ): readonly ConversationId[] {
    const { book } = this.#parts;
    const places = ids.map((id) => {
      const record = book.find(id)?.record;
      const [sentMs, members] = [record?.last?.sentMs ?? 0, record?.members ?? 0];
      return { id, urgent: urgent.has(id) ? 1 : 0, sentMs, members };
    });
    places.sort((a, b) => b.urgent - a.urgent || b.sentMs - a.sentMs || a.members - b.members);
    return places.map(({ id }) => id);
  }

  /** Bring conversations up to date in this order, a few at a time; if one fails, the others continue. */
  async #each(
    ids: readonly ConversationId[],
    round: number,
    take: (id: ConversationId) => Promise<void>,
  ): Promise<void> {
    const waiting = [...ids];
    let offline: unknown = null;
    const worker = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        if (round !== this.#round || offline !== null) return;
        try {
          await take(id);
        } catch (error) {
          if (hasCode(error, "network", "locked")) offline = error;
          else this.#troubled(id, error);
        }
      }
    };
    await Promise.all(Array.from({ length: CATCH_UPS }, worker));
    if (offline !== null) throw offline;
  }

  /** `start`: what this device begins to follow the conversation with. */
  async #takeMessages(
    conversation: Conversation,
    stand: Stand | null,
    start: Start | null = null,
  ): Promise<void> {
    const { context, inbox, history, asking } = this.#parts;
    if (start !== null) await this.#begin(conversation, start);
    if (stand !== null)
      await conversation.run(() => readUpTo(context, conversation, stand.readSeq));
    await conversation.run(async () => {
      if (conversation.record.state !== "ready") return;
      const begun = conversation.record.log !== null;
      await history.begin(conversation, null);
      const cursor = conversation.record.log?.cursor ?? 0;
      // After a backup was restored the log may be another one.
      const doubt = inbox.isInDoubt(conversation);
      const pushed = begun && stand !== null && stand.follows && !doubt;
      if (!pushed && (stand === null || doubt || stand.lastSeq !== cursor))
        await inbox.catchUp(conversation);
    });
    if (conversation.record.standstill) {
      this.#refreshLater(conversation.id, STANDSTILL_TRY);
      return;
    }
    // A device that begins gets its shares by frames.
    if (start !== null) return;
    if (stand === null || stand.shares > 0) await asking.fetch(conversation);
    await this.#missingKeys(conversation);
  }

  async #takeMembers(conversation: Conversation, stand: Stand | null): Promise<void> {
    const { inbox, members } = this.#parts;
    if (conversation.record.standstill) return;
    await members.follow(conversation, stand?.receiptsVersion ?? null);
    await inbox.doubt(conversation);
    const { headEpoch } = conversation.record;
    await this.#followRoster(conversation, (stand?.rosterEpoch ?? headEpoch) > headEpoch);
  }

  async #begin(conversation: Conversation, start: Start): Promise<void> {
    const { history, asking } = this.#parts;
    asking.begins(conversation, start);
    try {
      await this.#cellKeys(conversation, start.cellKeys);
      await conversation.run(async () => {
        if (conversation.record.state === "ready") await history.begin(conversation, start.page);
      });
    } finally {
      await asking.begun(conversation, start.asked);
    }
  }

  /** After a restart memory does not know what is missing; the vault does. */
  async #missingKeys(conversation: Conversation): Promise<void> {
    const { record, id } = conversation;
    if (record.waiting === 0) return;
    const { keys } = await this.#parts.context.api.ownCellKeys(id);
    await this.#cellKeys(conversation, keys);
    await this.#parts.inbox.askMissing(conversation);
  }

  /** A conversation that could not be brought up is tried again soon. */
  #troubled(id: ConversationId, error: unknown): void {
    if (hasCode(error, ...NOT_HERE)) {
      void this.#parts.book.refresh(id).catch(() => undefined);
      return;
    }
    this.#refreshLater(id);
  }

  // --- Frames ----------------------------------------------------------------------------------

  /** Frames that failed for want of an answer are made up for while the connection lives. */
  async onFrame(frame: Exclude<ServerFrame, Ready | OrderFrame>): Promise<void> {
    if (frame.t === "account") return this.#parts.onAccount(frame.event);
    if (frame.t === "position") return;
    try {
      await this.#followFrame(frame);
    } catch (error) {
      if (!hasCode(error, "network", "overloaded")) throw error;
      const id = frame.t === "entry" ? frame.entry.conversationId : frame.conversationId;
      await this.refreshUntil(id);
    }
  }

  async #followFrame(
    frame: Exclude<ServerFrame, Ready | AccountFrame | OrderFrame | PositionFrame>,
  ): Promise<void> {
    const { context, book, inbox, outbox, asking, answering, lateSeals, members } = this.#parts;
    const { connection } = this.#parts;
    const id = frame.t === "entry" ? frame.entry.conversationId : frame.conversationId;
    const conversation = book.find(id);
    if (frame.t === "conversation" || conversation === null) return this.refreshUntil(id);
    switch (frame.t) {
      case "entry":
        await inbox.receive(conversation, frame.entry, frame.supplement);
        return members.makeUp(conversation);
      case "key":
        return inbox.key(conversation, frame);
      case "cell_key":
        return this.#cellKeys(conversation, [frame]);
      case "roster":
        return this.#followRoster(conversation, frame.epoch > conversation.record.headEpoch);
      case "gone":
        return this.refreshUntil(id);
      case "key_wanted":
        return outbox.keyWanted(conversation);
      case "cell_key_wanted":
        return makeWantedCellKey(context, conversation, frame, (said) => connection.say(said));
      case "seals_wanted":
        return lateSeals.asked(conversation, frame);
      case "share_wanted":
        return answering.asked(frame);
      case "share":
        return asking.receive(conversation, frame.share);
      case "receipts":
        return conversation.run(() => applyReceipts(context, conversation, frame));
      case "receipt_counts":
        return conversation.run(() => applyCounts(context, conversation, frame.counts));
    }
  }

  async #cellKeys(
    conversation: Conversation,
    items: readonly { readonly record: Uint8Array; readonly seal: Uint8Array | null }[],
  ): Promise<void> {
    const { context, asking, inbox } = this.#parts;
    const opened = await takeCellKeys(context, conversation, items, (keyId) => {
      asking.cellKey(conversation, keyId);
    });
    if (opened && conversation.record.waiting > 0) await inbox.askMissing(conversation);
  }

  /** Tell what changed in the roster. */
  async #followRoster(conversation: Conversation, newer: boolean): Promise<void> {
    const { context } = this.#parts;
    const { record } = conversation;
    if (record.state !== "ready") return;
    const newest = () => requireNewest(context, conversation, newer);
    await followRoster(context, conversation, newest, newer);
  }

  // --- One conversation ------------------------------------------------------------------------

  /** Fetch a conversation again and bring it up; without network, again on this connection. */
  async refreshUntil(conversationId: ConversationId): Promise<void> {
    const { context, connection } = this.#parts;
    const round = this.#round;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.refresh(conversationId);
      } catch (error) {
        const current = round === this.#round && connection.connected;
        if (!hasCode(error, "network", "overloaded") || !current) throw error;
        await pause(delayMs(AGAIN, attempt, context.random), context.signal);
      }
    }
  }

  async refresh(conversationId: ConversationId): Promise<void> {
    const { book, history, outbox } = this.#parts;
    const { conversation, start } = await book.refresh(conversationId);
    if (conversation === null) return;
    await this.#takeMessages(conversation, null, start);
    await this.#takeMembers(conversation, null);
    history.fill();
    outbox.kick(conversation);
  }

  /** Members of a large conversation need not know at once how many they are. */
  #mayWait(conversationId: ConversationId): boolean {
    const record = this.#parts.book.find(conversationId)?.record;
    return record?.state === "ready" && record.devices > CELL_SIZE;
  }

  /** Fetch a conversation again soon, and again where the server fails. The people of a large one do not
   * all ask at once. */
  #refreshLater(conversationId: ConversationId, attempt = 0): void {
    if (this.#later.has(conversationId)) return;
    this.#later.add(conversationId);
    const { signal, random } = this.#parts.context;
    const round = this.#round;
    const spread = this.#mayWait(conversationId);
    void pause(spread ? SPREAD_MS * random() : delayMs(AGAIN, attempt, random), signal)
      .then(() => {
        this.#later.delete(conversationId);
        return signal.aborted ? undefined : this.refresh(conversationId);
      })
      .catch((error: unknown) => {
        // Without network, or in vain so often: the next connection sees that it is still due.
        if (hasCode(error, "network", "locked", ...NOT_HERE) || round !== this.#round) return;
        if (attempt + 1 < MOST_TRIES) this.#refreshLater(conversationId, attempt + 1);
      });
  }
}
