/**
 * Sends personal items to the person's other devices, and carries out the items that take something off
 * this one.
 *
 * Items go as messages in the conversation of the person with oneself (R10), which is made with the first
 * of them. An item is marked as sent when its message is in the outbox; a crash in between sends it
 * twice, which changes nothing. Every connection tries again.
 */
import type { Conversation } from "../../conversation/conversation.ts";
import type { DeviceContext } from "../../context.ts";
import { isUnread } from "../../conversation/record.ts";
import type { UnitOfWork } from "../../conversation/unit-of-work.ts";
import { hasCode } from "../../failure.ts";
import { newId, type ConversationId, type FolderId, type MessageId } from "../../ids.ts";
import { goesForOneself, isHidden } from "../../messages/deletions.ts";
import { leaveFiles } from "../../conversation/files.ts";
import { newestOf, pageMessages, storedMessages } from "../../conversation/messages.ts";
import type { OutgoingStore } from "../../messages/outgoing.ts";
import { readUpTo } from "../../messages/reading.ts";
import type { OwnRow } from "../../oneself/items.ts";
import type { Oneself } from "../../oneself/oneself.ts";
import { outgoingRecord } from "../../outbox/compose.ts";
import type { Outbox } from "../../outbox/outbox.ts";
import type { MessageRecord } from "../../records.ts";
import type { Book } from "../../sync/book.ts";
import type { Cursors } from "../../sync/cursors.ts";
import type { Sync } from "../../sync/sync.ts";
import { SerialQueue } from "../../serial-queue.ts";
import { pause } from "../../transport/backoff.ts";

/** Changes within this time go in one message. */
const GATHER_MS = 1_000;
/** Messages that are cleared away in one transaction. */
const PAGE = 200;

/** The parts of a device that send personal items and carry them out. */
interface OwnDevice {
  readonly context: DeviceContext;
  readonly book: Book;
  readonly sync: Sync;
  readonly cursors: Cursors;
  readonly outgoing: OutgoingStore;
  readonly outbox: Outbox;
}

export class OwnSync {
  readonly #device: OwnDevice;
  readonly #oneself: Oneself;
  #gathering = false;
  readonly #carrying = new SerialQueue();

  constructor(device: OwnDevice, oneself: Oneself) {
    this.#device = device;
    this.#oneself = oneself;
    oneself.onChanged = (rows) => {
      void this.#announce(rows).catch(ignore);
      this.wake();
    };
  }

  /** A connection is up, and this device has read the items that other devices sent. */
  async connected(): Promise<void> {
    const { book, outgoing, outbox } = this.#device;
    await this.#oneself.again(false);
    const conversation = book.find(book.oneself);
    if (conversation !== null)
      for (const { stage, messageId } of outgoing.of(conversation.id))
        if (stage === "failed") await outbox.retry(conversation, messageId);
    this.wake();
  }

  /** This device went back in a conversation's log (S8), inside its queue. */
  async rewound({ id, record }: Conversation): Promise<void> {
    await this.#oneself.cut(id, record.log?.cursor ?? 0);
    if (id === this.#device.book.oneself) await this.#oneself.again(true);
  }

  /** Begin to carry out the personal items that are due, and to send the changed ones. */
  wake(): void {
    void this.#carrying.run(() => this.#carryOut()).catch(ignore);
    if (this.#gathering) return;
    this.#gathering = true;
    void pause(GATHER_MS, this.#device.context.signal)
      .then(() => {
        this.#gathering = false;
        return this.#send();
      })
      .catch(ignore);
  }

  async #send(): Promise<void> {
    const { context, outgoing, outbox } = this.#device;
    for (;;) {
      const rows = this.#oneself.unsent();
      if (rows.length === 0 || context.signal.aborted) return;
      const conversation = await this.#conversation();
      if (conversation === null) return;
      const items = rows.map(({ name, of, part, changes, value, saidMs = null }) => {
        return { name, of, part, changes, value, saidMs };
      });
      const order = outgoing.nextOrder(context.now());
      const content = { kind: "own", items } as const;
      const record = outgoingRecord(conversation, newId(), order, content, "ready");
      await outbox.enqueue(conversation, record, null);
      await this.#oneself.sent(rows);
    }
  }

  /** The conversation of the person with oneself; null: the server cannot create it now. */
  async #conversation(): Promise<Conversation | null> {
    const { book, context, sync } = this.#device;
    const conversationId = book.oneself;
    const known = book.find(conversationId);
    if (known !== null) return known;
    try {
      const info = await context.api.createConversation({
        ...{ conversationId, kind: "direct", personIds: [context.identity().personId] },
        ...{ whoMaySend: "everyone", historyDays: null, audience: null },
      });
      const made = await book.adopt(info);
      await sync.refresh(conversationId).catch(ignore);
      return made;
    } catch (error) {
      if (hasCode(error, "network", "overloaded", "rate_limited", "device_unconfirmed"))
        return null;
      throw error;
    }
  }

  // --- Carrying out ----------------------------------------------------------------------------

  async #carryOut(): Promise<void> {
    const { context, book } = this.#device;
    const now = context.now();
    const due = this.#oneself.due();
    const ripe = due.filter(({ dueMs }) => (dueMs ?? 0) <= now);
    for (const row of ripe) {
      const conversation = book.find(row.of as ConversationId);
      if (conversation !== null && row.value !== null)
        await (row.name === "gone"
          ? this.#remove(conversation, row.part as MessageId)
          : this.#clear(conversation, row));
      await this.#oneself.done([row]);
    }
    if (ripe.length > 0) this.wake();
    const next = Math.min(
      ...due.filter((row) => !ripe.includes(row)).map(({ dueMs }) => dueMs ?? 0),
    );
    if (next < Infinity) void pause(next - now, context.signal).then(() => this.#later());
  }

  #later(): void {
    if (!this.#device.context.signal.aborted) this.wake();
  }

  #remove(conversation: Conversation, messageId: MessageId): Promise<void> {
    return conversation.change(async (work) => {
      const { vault } = this.#device.context;
      const found = await storedMessages(vault, conversation.id, [messageId]);
      await this.#takeOff(conversation, work, [...found.values()].filter(goesForOneself));
    });
  }

  /**
   * Orders stay on the device: they are owed, and the Orders section shows them. Notices above the last
   * message go once, by their time: a later one tells of a new device, of a member or of a gap.
   */
  async #clear(conversation: Conversation, { value, toldMs, saidMs }: OwnRow): Promise<void> {
    const { context, cursors } = this.#device;
    const to = Number(value);
    // This device tells the others, and the server.
    const read = toldMs === undefined ? 0 : Math.min(to, conversation.record.log?.cursor ?? 0);
    if (await conversation.run(() => readUpTo(context, conversation, read)))
      cursors.moved(conversation);
    const untilMs = saidMs ?? Infinity;
    const goes = (one: MessageRecord): boolean => {
      if (one.order > to) return one.notice !== null && one.sentMs <= (toldMs ?? saidMs ?? 0);
      return one.sentMs <= untilMs && goesForOneself(one);
    };
    let below: number | null = to + 1;
    while (below !== null && !context.signal.aborted) {
      const page: readonly MessageRecord[] = await pageMessages(
        ...([context.vault, conversation.id, below, PAGE] as const),
      );
      const gone = page.filter(goes);
      await conversation.change((work) => this.#takeOff(conversation, work, gone));
      below = page.length < PAGE ? null : (page.at(-1)?.order ?? null);
    }
  }

  /** Take messages with their files, marks and search words off this device. */
  async #takeOff(
    conversation: Conversation,
    work: UnitOfWork,
    gone: readonly MessageRecord[],
  ): Promise<void> {
    const { vault } = this.#device.context;
    for (const message of gone) {
      work.remove(message);
      conversation.marks.delete(work, message.messageId);
    }
    // All are gone before a file looks for a message that shows it still.
    for (const message of gone) await leaveFiles(vault, work, message);
    const { unread, last } = work.record;
    const missed = gone.filter(
      ({ seq, sentMs, mine, notice }) =>
        seq !== null && !mine && notice === null && isUnread(work.record, { seq, sentMs }),
    );
    if (missed.length > 0) work.set({ unread: Math.max(0, unread - missed.length) });
    const ids = new Set(gone.map(({ messageId }) => messageId));
    if (last === null || !ids.has(last.messageId)) return;
    const stays = (one: MessageRecord): boolean =>
      !ids.has(one.messageId) && !isHidden(this.#oneself, one);
    work.set({ last: await newestOf(vault, conversation.id, stays) });
  }

  // --- Screens ---------------------------------------------------------------------------------

  async #announce(rows: readonly OwnRow[]): Promise<void> {
    const { book, context } = this.#device;
    const chats = rows.flatMap(({ name, of, part }) => {
      if (name === "folder") return this.#oneself.filedIn(of as FolderId);
      return [(name === "filed" ? part : of) as ConversationId];
    });
    for (const id of new Set(chats)) {
      const conversation = book.find(id);
      if (conversation === null) continue;
      const about = rows.flatMap(({ of, part }) => (of === id ? ((part ?? []) as MessageId) : []));
      await conversation.change(async (work) => {
        const found = await storedMessages(context.vault, id, about);
        for (const message of found.values())
          if (isHidden(this.#oneself, message)) work.removed.push(message.messageId);
          else work.messages.push(message);
        work.set({});
      });
    }
    if (rows.length > 0) context.emit({ type: "oneself" });
  }
}

function ignore(): void {
  // The next connection, or the next start, tries again.
}
