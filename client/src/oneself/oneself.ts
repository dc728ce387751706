/**
 * Personal items, the same on all of the person's devices: stars, deletions, folders, chats that are
 * archived, cleared, unread or pinned, and blocked people.
 *
 * Invariants: an item is in the vault before it counts here, and each write is a whole item, so that it
 * may be repeated; items are written one after another. Rows that are still to be sent, or to be carried
 * out, say so, and a crash repeats that. calls/oneself/ sends them and carries them out.
 */
import type { Context } from "../context.ts";
import type { ConversationId, FolderId, MessageId, PersonId } from "../ids.ts";
import { MOST_ITEMS } from "../kinds/own.ts";
import type { ItemKey, ItemName, ItemValue, OwnItem } from "../kinds/own.ts";
import { STORES } from "../records.ts";
import type { Folder } from "../seam.ts";
import { SerialQueue } from "../serial-queue.ts";
import type { Change } from "../vault/vault.ts";
import { isCounted, itemKey, outweighs, type OwnRow } from "./items.ts";

const DAY_MS = 86_400_000;
/** The server keeps the log for at least 30 days, so devices repeat the items of chats earlier. */
const AGAIN_MS = 14 * DAY_MS;
/** The server keeps the log for at most 180 days, so no device can still get an older message. */
const FORGOTTEN_MS = 200 * DAY_MS;
/** Items about one message: a device that cannot get the message does not need them. */
const OF_MESSAGES: ReadonlySet<ItemName> = new Set(["star", "gone"]);
/** Items that delete messages from the device. */
const CARRIED_OUT: ReadonlySet<ItemName> = new Set(["gone", "cleared"]);

export type ItemChange = ItemKey & { readonly value: ItemValue };

/** A place in a conversation. Notices stand between the messages of the log. */
export interface MessagePlace {
  readonly order: number;
  /** When the server accepted the message. */
  readonly sentMs: number;
}

export class Oneself {
  readonly #context: Pick<Context, "vault" | "now">;
  #rows = new Map<string, OwnRow>();
  readonly #writing = new SerialQueue();
  /** Called when these items have other values. */
  onChanged: (rows: readonly OwnRow[]) => void = () => undefined;

  constructor(context: Pick<Context, "vault" | "now">) {
    this.#context = context;
  }

  async load(): Promise<void> {
    const { vault, now } = this.#context;
    const rows = await vault.all<OwnRow>(STORES.own);
    const old = rows.filter(
      ({ name, value, sentMs, dueMs }) =>
        (name === "gone" || (name === "star" && value === null)) &&
        dueMs === null &&
        (sentMs ?? Infinity) < now() - FORGOTTEN_MS,
    );
    await vault.write(old.map((row) => ({ op: "delete", store: STORES.own, key: itemKey(row) })));
    this.#rows = new Map(rows.map((row) => [itemKey(row), row]));
    for (const row of old) this.#rows.delete(itemKey(row));
  }

  /** The vault is locked. */
  reset(): void {
    this.#rows = new Map();
  }

  // --- Values ----------------------------------------------------------------------------------

  value(name: ItemName, of: ItemKey["of"], part: ItemKey["part"] = null): ItemValue {
    return this.#rows.get(itemKey({ name, of, part }))?.value ?? null;
  }

  /** Items of a name that have a value. */
  all(name: ItemName): readonly OwnRow[] {
    return [...this.#rows.values()].filter((row) => row.name === name && row.value !== null);
  }

  /** A position in a conversation, or a time; 0: none. */
  #number(name: ItemName, of: ItemKey["of"]): number {
    const value = this.value(name, of);
    return typeof value === "number" ? value : 0;
  }

  isBlocked(personId: PersonId): boolean {
    return this.value("blocked", personId) !== null;
  }

  isStarred(conversationId: ConversationId, messageId: MessageId): boolean {
    return this.value("star", conversationId, messageId) !== null;
  }

  /** The last cleared position, and the time after which a message is not cleared; 0: none is. */
  cleared(conversationId: ConversationId): { readonly seq: number; readonly untilMs: number } {
    return {
      seq: this.#number("cleared", conversationId),
      untilMs: this.#saidMs("cleared", conversationId),
    };
  }

  /** Whether this person cleared all up to this position, and can undo it still. */
  isClearing(of: ConversationId, position: number): boolean {
    const row = this.#rows.get(itemKey({ name: "cleared", of, part: null }));
    return row?.dueMs != null && row.toldMs !== undefined && Number(row.value) >= position;
  }

  /** When an item was sent: its device did not know of any later message. */
  #saidMs(name: ItemName, of: ItemKey["of"]): number {
    return this.#rows.get(itemKey({ name, of, part: null }))?.saidMs ?? Number.MAX_SAFE_INTEGER;
  }

  /**
   * Whether a message is cleared. A notice above the last cleared message may be newer than the clear,
   * so it does not count here; the device deletes older notices once, when it carries out the clear.
   */
  clears(conversationId: ConversationId, { order, sentMs }: MessagePlace): boolean {
    const { seq, untilMs } = this.cleared(conversationId);
    return order <= seq && sentMs <= untilMs;
  }

  /** Whether this person deleted a message for oneself; nobody deletes an order (messages/deletions.ts). */
  isGone(conversationId: ConversationId, messageId: MessageId): boolean {
    return this.value("gone", conversationId, messageId) !== null;
  }

  /** Whether a conversation is archived, with this message as its last that brings it back. */
  isArchived(conversationId: ConversationId, news: MessagePlace): boolean {
    const archived = this.value("archived", conversationId);
    if (typeof archived !== "number" || news.order > archived) return false;
    return news.sentMs <= this.#saidMs("archived", conversationId);
  }

  /** This person's folders by name. */
  folders(): readonly Folder[] {
    return this.all("folder")
      .map(({ of, value }) => ({ folderId: of as FolderId, name: String(value) }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  foldersOf(conversationId: ConversationId): readonly Folder[] {
    return this.folders().filter(
      ({ folderId }) => this.value("filed", folderId, conversationId) !== null,
    );
  }

  /** The conversations in a folder. */
  filedIn(folderId: FolderId): readonly ConversationId[] {
    const filed = this.all("filed").filter(({ of }) => of === folderId);
    return filed.map(({ part }) => part as ConversationId);
  }

  // --- Changes ---------------------------------------------------------------------------------

  block(personId: PersonId, on: boolean): Promise<void> {
    return this.set([{ name: "blocked", of: personId, part: null, value: on ? 1 : null }]);
  }

  /** Change items; with `undoMs` nothing is sent or carried out before that, and {@link undo} undoes it. */
  set(changes: readonly ItemChange[], undoMs: number | null = null): Promise<void> {
    const toldMs = this.#context.now();
    const dueMs = undoMs === null ? null : toldMs + undoMs;
    return this.#write(() =>
      changes.flatMap((change) => {
        const known = this.#rows.get(itemKey(change));
        if ((known?.value ?? null) === change.value) return [];
        const changes = (known?.changes ?? 0) + 1;
        const row = { ...change, changes, saidMs: null, sentMs: null, dueMs };
        if (dueMs === null) return [row];
        // An undo of a second change, while the first one is pending, restores the value before both.
        const pending = known?.dueMs == null ? undefined : known.before;
        const { value, saidMs } = pending ?? known ?? { value: null, saidMs: null };
        return [{ ...row, before: { value, saidMs }, toldMs }];
      }),
    );
  }

  /** Restore the former values of these items, except of items that were carried out. */
  undo(keys: readonly ItemKey[]): Promise<void> {
    return this.#write(() =>
      keys.flatMap((key) => {
        const known = this.#rows.get(itemKey(key));
        if (known?.dueMs == null) return [];
        const { before = { value: null, saidMs: null }, ...row } = known;
        return [{ ...row, ...before, dueMs: null }];
      }),
    );
  }

  /** Take in items that a device of this person sent. They are stored when this resolves. */
  take(items: readonly OwnItem[], sentMs: number): Promise<void> {
    return this.#write(() =>
      items.flatMap((item) => {
        if (!isCounted(item, sentMs)) return [];
        const known = this.#rows.get(itemKey(item));
        // A device cannot have heard of an item later than it sent this message, whatever it claims.
        const heardMs = Math.min(item.saidMs ?? sentMs, sentMs);
        if (known !== undefined && !outweighs(item, known)) {
          // The same value: this device's own came back, or another device repeated it.
          const same = !outweighs(known, item) && known.dueMs === null;
          const saidMs = Math.min(heardMs, known.saidMs ?? Infinity);
          const news = (known.sentMs ?? 0) < sentMs || known.saidMs !== saidMs;
          const lastMs = Math.max(known.sentMs ?? 0, sentMs);
          return same && news ? [{ ...known, saidMs, sentMs: lastMs }] : [];
        }
        const carried = CARRIED_OUT.has(item.name) && item.value !== null;
        return [{ ...item, saidMs: heardMs, sentMs, dueMs: carried ? 0 : null }];
      }),
    );
  }

  // --- Sending and carrying out ----------------------------------------------------------------

  /** The log lost everything after a position (S8): later positions will hold other messages. */
  cut(of: ConversationId, after: number): Promise<void> {
    const names = ["cleared", "archived", "unread"] as const;
    return this.#write(() =>
      names.flatMap((name) => {
        const known = this.#rows.get(itemKey({ name, of, part: null }));
        if (known === undefined || this.#number(name, of) <= after) return [];
        // The item keeps its time, so a message that came after the clear stays.
        return [{ ...known, value: after, changes: known.changes + 1, sentMs: null }];
      }),
    );
  }

  /** Items for the next message; none are left when it is empty. */
  unsent(): readonly OwnRow[] {
    return [...this.#rows.values()]
      .filter(({ sentMs, dueMs }) => sentMs === null && dueMs === null)
      .slice(0, MOST_ITEMS);
  }

  sent(rows: readonly OwnRow[]): Promise<void> {
    const sentMs = this.#context.now();
    return this.#mark(rows, (row) => ({ ...row, sentMs }));
  }

  /** Items that are to delete messages from this device, and have not done so yet. */
  due(): readonly OwnRow[] {
    return [...this.#rows.values()].filter(({ dueMs }) => dueMs !== null);
  }

  done(rows: readonly OwnRow[]): Promise<void> {
    return this.#mark(rows, (row) => ({ ...row, dueMs: null }));
  }

  /** Have items sent again: all of them, or the ones that the server's log may lose soon. */
  again(all: boolean): Promise<void> {
    const before = this.#context.now() - AGAIN_MS;
    const rows = [...this.#rows.values()].filter(
      ({ name, sentMs }) => sentMs !== null && (all || (!OF_MESSAGES.has(name) && sentMs < before)),
    );
    return this.#mark(rows, (row) => ({ ...row, sentMs: null }));
  }

  /** Store that items were sent or carried out, except items that have changed meanwhile. */
  #mark(rows: readonly OwnRow[], change: (row: OwnRow) => OwnRow): Promise<void> {
    return this.#write(
      () => rows.flatMap((row) => (this.#rows.get(itemKey(row)) === row ? [change(row)] : [])),
      false,
    );
  }

  #write(make: () => readonly OwnRow[], news = true): Promise<void> {
    return this.#writing.run(async () => {
      const rows = make();
      if (rows.length === 0) return;
      const changes = rows.map((value): Change => {
        return { op: "put", store: STORES.own, key: itemKey(value), value };
      });
      await this.#context.vault.write(changes);
      const changed = rows.filter((row) => this.#rows.get(itemKey(row))?.value !== row.value);
      for (const row of rows) this.#rows.set(itemKey(row), row);
      if (news) this.onChanged(changed);
    });
  }
}
