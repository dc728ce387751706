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
import { applyCounts, askCounts } from "./receipt_counts.ts";
import { RECEIPT_PEOPLE, ticksMayMove, withFetched } from "./receipts.ts";
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
import { saysVersions, standsOf } from "./stands.ts";
import type { Stand } from "./stands.ts";
import { sendLateSeals } from "./several_cells/late_seals.ts";
import type { Socket } from "./transport/socket.ts";

const CATCH_UPS = 4;
const CURSORS_MS = 50;
const CATCH_UP_AGAIN = { firstMs: 1_000, maxMs: 30_000 };
const SOME = 4;
/** Changes of one conversation within this time are fetched once. */
const REFRESH_MS = 150;

/** Within this time all members of a large conversation ask what became of it. */
const SPREAD_MS = 60_000;
/** Of more conversations than these that changed, the list is asked for. */
const ONE_BY_ONE = 3;

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
  readonly #later = new Set<string>();
  /** Where receipts were missed that could change no tick of what was known then. */
  readonly #missed = new Set<string>();
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

  /** Look after the conversations that may have something due. */
  attendAll(due: (record: ConversationRecord) => boolean): void {
    for (const conversation of this.conversations.values())
      if (due(conversation.record)) this.#parts.membership.attend(conversation);
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
    for (const { conversationId, follows, lastSeq } of ready.heads) {
      const conversation = this.find(conversationId);
      // What is missing comes on the socket, or nothing is: no need to ask the log.
      if (conversation !== null && (follows || lastSeq <= conversation.record.cursor))
        conversation.stepIn();
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
    const { membership } = this.#parts;
    const stands = standsOf(ready, await this.#learn(ready));
    for (const [id, { deliveredSeq, readSeq }] of stands) {
      const record = this.find(id)?.record;
      if (record === undefined) continue;
      // Cursors wait in the server's memory for a moment: what it has not stored is sent again.
      if (deliveredSeq < record.cursor || readSeq < record.readSeq) this.#dirty.add(id);
    }
    this.#flushSoon();
    await this.#catchUpAll(stands, round);
    for (const conversation of this.conversations.values()) {
      const { state } = conversation.record;
      if (stands.has(conversation.id) || state === "left" || state === "alarm") continue;
      await this.#lost(conversation);
      membership.attend(conversation);
    }
  }

  /** Ask for what this device does not know the newest of; null when that is not everything. */
  async #learn(ready: Ready): Promise<readonly WireConversation[] | null> {
    const { context } = this.#parts;
    const others = ready.heads.filter(({ conversationId, infoVersion }) => {
      const record = this.find(conversationId)?.record;
      return record?.infoVersion !== infoVersion || record.state === "left";
    });
    if (saysVersions(ready)) {
      const ids = others.map(({ conversationId }) => conversationId);
      const atOnce = ids.filter((id) => !this.#mayWait(id));
      // Everybody in those that may wait has come back at once, perhaps, and lacks the same.
      for (const id of ids) if (!atOnce.includes(id)) this.#refreshLater(id);
      if (atOnce.length <= ONE_BY_ONE) {
        for (const id of atOnce) await this.#fetch(id);
        return null;
      }
    }
    const { conversations } = await context.api.conversations();
    for (const info of conversations) await this.adopt(info);
    return conversations;
  }

  async #catchUpAll(stands: ReadonlyMap<string, Stand>, round: number): Promise<void> {
    const { inbox, membership, context } = this.#parts;
    // Newest first: what a person opens first is ready first.
    const waiting = [...stands].sort(([a], [b]) => this.#lastMs(b) - this.#lastMs(a));
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (round !== this.#round) return;
        const [id, stand] = next;
        const conversation = this.find(id);
        if (conversation === null) continue;
        try {
          await conversation.run(async () => {
            await readUpTo(context, conversation, stand.readSeq);
            const { state, cursor, everJoined } = conversation.record;
            if (state === "ready" && everJoined && stand.lastSeq > cursor && !conversation.inStep) {
              await inbox.catchUp(conversation);
            }
          });
          membership.attend(conversation);
          if (this.#membersDue(conversation, stand.receiptsVersion)) {
            await this.#refreshMembers(conversation);
          } else if (stand.receiptsVersion !== (conversation.members.receiptsVersion ?? 0)) {
            this.#missed.add(id);
          }
          if (this.#countsDue(conversation)) this.#askCountsLater(conversation);
          await this.settleSeals(conversation);
        } catch (error) {
          if (hasCode(error, "network", "locked")) throw error;
          // One broken conversation never holds up the rest.
          await membership.recover(conversation, error);
        }
      }
    };
    await Promise.all(Array.from({ length: CATCH_UPS }, worker));
  }

  #lastMs(conversationId: string): number {
    return this.find(conversationId)?.record.last?.sentMs ?? 0;
  }

  /** Seals that this device waits for, and those that others wait for from it. */
  async settleSeals(conversation: Conversation): Promise<void> {
    if (conversation.record.cells === 1) return;
    const { context, inbox, membership } = this.#parts;
    await conversation.run(async () => {
      await membership.guard(conversation, () => inbox.askForSeals(conversation));
      await membership.guard(conversation, () => sendLateSeals(context, conversation));
    });
  }

  /** Seals that this device has waited for in vain on this connection. */
  async askOverdue(): Promise<void> {
    const { inbox, membership, socket } = this.#parts;
    for (const conversation of this.conversations.values()) {
      const { cells, waiting = 0 } = conversation.record;
      if (cells === 1 || waiting === 0 || !socket().connected) continue;
      await conversation.run(() =>
        membership.guard(conversation, () => inbox.askOverdue(conversation)),
      );
    }
  }

  async onFrame(frame: Exclude<ServerFrame, Ready>): Promise<void> {
    const { context, membership, inbox, people, account } = this.#parts;
    switch (frame.t) {
      case "entry": {
        const conversation = this.find(frame.entry.conversationId);
        if (conversation === null) return this.#refreshUntil(frame.entry.conversationId, false);
        try {
          await inbox.receive(conversation, frame.entry);
        } catch (error) {
          if (!hasCode(error, "locked")) await membership.recover(conversation, error);
        }
        if (conversation.record.state === "joining") membership.attend(conversation);
        if (frame.entry.kind === "commit") membership.onCommit(conversation);
        this.#makeUp(conversation);
        return;
      }
      case "conversation":
        return this.#refreshUntil(frame.conversationId, true);
      case "gone": {
        const conversation = this.find(frame.conversationId);
        if (conversation === null) return;
        // Who is named again at once is not pushed what lies between.
        conversation.fallOut();
        // Losing one's place while another device of the same person keeps its own looks the
        // same: entering again asks the server.
        membership.attend(conversation);
        await this.#lost(conversation);
        return;
      }
      case "receipts": {
        const conversation = this.find(frame.conversationId);
        if (conversation === null) return;
        await conversation.run(() => applyReceipts(context, conversation, frame));
        return;
      }
      case "receipt_counts": {
        const conversation = this.find(frame.conversationId);
        if (conversation === null) return;
        await conversation.run(() => applyCounts(context, conversation, frame.counts));
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
    await this.#fetch(conversation.id);
  }

  /** Ask for a conversation; null when this device has no place in it (any more). */
  async #fetch(conversationId: string): Promise<Conversation | null> {
    const { context, membership } = this.#parts;
    try {
      return await this.adopt(await context.api.conversation(conversationId));
    } catch (error) {
      if (!hasCode(error, "not_found", "not_member")) throw error;
      const known = this.find(conversationId);
      if (known !== null) await known.run(() => membership.left(known));
      return null;
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

  /** Nothing else may come that tells of it: without network it is tried again on this connection. */
  async #refreshUntil(conversationId: string, announced: boolean): Promise<void> {
    const { context, socket } = this.#parts;
    const round = this.#round;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.refresh(conversationId, announced);
      } catch (error) {
        const current = round === this.#round && socket().connected;
        if (!hasCode(error, "network") || !current) throw error;
        await pause(delayMs(CATCH_UP_AGAIN, attempt, context.random), context.signal);
      }
    }
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
      const conversation = await this.#fetch(conversationId);
      if (conversation === null) return;
      if (known === null && announced) {
        conversation.announcedMs = context.now();
        conversation.announced = true;
      }
      membership.attend(conversation);
      await conversation.loadMembers();
      const { receiptsVersion } = conversation.members;
      if (this.#membersDue(conversation, receiptsVersion ?? 0)) {
        await this.#refreshMembers(conversation);
      }
      kick(conversation);
    })().finally(() => this.#refreshing.delete(conversationId));
    this.#refreshing.set(conversationId, refresh);
    return refresh;
  }

  /** Whether members or cursors are not those that the server has, and that matters here. */
  #membersDue({ record, members }: Conversation, receiptsVersion: number | null): boolean {
    // Of so many a few names are held, for a title, and no cursors.
    const named = record.some.length > 0 && members.members.length === 0;
    if (record.members > RECEIPT_PEOPLE && named) return false;
    if (receiptsVersion === null || record.infoVersion === undefined) return true;
    if (members.infoVersion !== record.infoVersion) return true;
    const { personId } = this.#parts.account.require();
    const moved = receiptsVersion !== (members.receiptsVersion ?? 0);
    return moved && ticksMayMove(members, personId, record.own);
  }

  /**
   * A message of mine that this device had not heard of, or whose answer was lost, may have been
   * read before the connection came back: then the receipts that did not matter do.
   */
  #makeUp(conversation: Conversation): void {
    const { record, members, id } = conversation;
    const { personId } = this.#parts.account.require();
    if (!this.#missed.has(id) || record.members > RECEIPT_PEOPLE) return;
    if (!ticksMayMove(members, personId, record.own)) return;
    this.#missed.delete(id);
    // Without network the next connection sees that they are still missing.
    void this.#refreshMembers(conversation).catch(() => undefined);
  }

  /** A roster entry came, about these people. */
  onRoster({ id }: Conversation, personIds: readonly string[]): void {
    const { personId } = this.#parts.account.require();
    if (this.#mayWait(id) && !personIds.includes(personId)) this.#refreshLater(id);
    else void this.refresh(id).catch(() => undefined);
  }

  /** Of so many people nobody has to know at once how many they are. */
  #mayWait(conversationId: string): boolean {
    const record = this.find(conversationId)?.record;
    return record?.state === "ready" && record.members > RECEIPT_PEOPLE;
  }

  /** Of so many people counts are told while they change; what changed while away is asked for. */
  #countsDue({ id, record, members }: Conversation): boolean {
    const { personId } = this.#parts.account.require();
    return (
      this.#mayWait(id) &&
      (record.own ?? null) !== null &&
      ticksMayMove(members, personId, record.own)
    );
  }

  #askCountsLater(conversation: Conversation): void {
    const { context } = this.#parts;
    const round = this.#round;
    void pause(SPREAD_MS * context.random(), context.signal)
      .then(async () => {
        if (!context.signal.aborted && round === this.#round)
          await askCounts(context, conversation, null);
      })
      // The next count that changes is told, and who looks at the message asks.
      .catch(() => undefined);
  }

  /** Fetch a large conversation again some time soon: its people do not all ask at once. */
  #refreshLater(conversationId: string): void {
    if (this.#later.has(conversationId)) return;
    this.#later.add(conversationId);
    const { signal, random } = this.#parts.context;
    void pause(SPREAD_MS * random(), signal).then(() => {
      this.#later.delete(conversationId);
      // Without network the next connection sees that it is still due.
      if (!signal.aborted) void this.refresh(conversationId).catch(() => undefined);
    });
  }

  /**
   * Members with their cursors, as far as the screens and ticks need them: of a conversation of more
   * people than receipts are told of a few names, once.
   */
  async #refreshMembers(conversation: Conversation): Promise<void> {
    const { context, people, account } = this.#parts;
    const many = conversation.record.members > RECEIPT_PEOPLE;
    const found: Member[] = [];
    // What is asked for first is what the answers are at least as new as.
    const { infoVersion } = conversation.record;
    let receiptsVersion: number | null = null;
    let after: string | null = null;
    do {
      const page = await context.api.members(conversation.id, after);
      receiptsVersion ??= page.receiptsVersion;
      found.push(...page.members);
      after = page.next;
    } while (after !== null && !many);
    const members = many ? [] : found;
    const me = account.require().personId;
    const others = found.map(({ personId }) => personId).filter((id) => id !== me);
    await people.prefetch(many ? others.slice(0, SOME) : others);
    await conversation.run(async () => {
      const work = new Work(conversation);
      const versions = { infoVersion, receiptsVersion: receiptsVersion ?? 0 };
      const news = withFetched(work.members, members, versions);
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
