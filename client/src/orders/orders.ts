/**
 * The orders of this device: listed, acknowledged, and kept in step with the server.
 *
 * Invariants: a row changes in its conversation's queue alone, so that a message and the server's
 * word never overwrite each other; what an issuer signed always goes before what the server says, and
 * what this person is said to have acknowledged was verified; rows stay when their conversation is
 * forgotten.
 * A device asks the server about all orders once, later about the orders that this person owes and, of a
 * person with other devices, about five unfinished ones. A force that reconnects at once asks little.
 */
import type { Attachments } from "../attachments/attachments.ts";
import type { Conversation, ConversationIndex } from "../conversation/conversation.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { failure, hasCode } from "../failure.ts";
import type { ConversationId, MessageId } from "../ids.ts";
import type { Acknowledgement } from "../keys/acknowledgement.ts";
import { ANSWER_TEXT_BYTES } from "../keys/answer.ts";
import { UNREADABLE } from "../limits.ts";
import { utf8 } from "../octets.ts";
import type { OutgoingAttachment } from "../kinds/parts.ts";
import type { GivenAcknowledgement, OrderBox, OrderPage, OrderView } from "../seam/orders.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { ConversationRecord } from "../records.ts";
import type { Order, OrderAcknowledged } from "../wire.ts";
import { DONE, ISSUED, OPEN, UNFINISHED, changeOrder, putOrder, type Noting } from "./noting.ts";
import {
  ORDER_STORES,
  carried,
  counting,
  emptyOrder,
  firstMs,
  givenOf,
  headerHashOf,
  isOver,
  isOwed,
  isUnfinished,
  issuerOf,
  knownTerms,
  ownOf,
  touching,
} from "./record.ts";
import type { OrderRecord, SendingRecord } from "./record.ts";
import { verifiedOwn } from "./own.ts";
import { OrderPhotos } from "./photos.ts";
import { OrderSender, type SendingListener } from "./sending.ts";
import { orderView, sendingView, wordsOf, type OrderViewParts } from "./views.ts";

const PAGE = 50;
const SCAN = 200; // Rows that are read at a time.
const FILLED = "orders_filled";
/** The priorities that this person may use somewhere, as the server said last. */
/** Owed orders that are compared with the server at most. */
const MOST_OPEN = 500;
const ONE_BY_ONE = 5; // Orders; for more, the device asks for the list.
const MOST_PAGES = 200;

export class Orders implements SendingListener {
  readonly #context: DeviceContext;
  readonly #index: ConversationIndex;
  readonly #parts: OrderViewParts;
  readonly #askAgain: (conversation: Conversation) => void;
  readonly #photos: OrderPhotos;
  readonly #sending: OrderSender;
  readonly #due = new Set<MessageId>();
  #telling = false;
  /** This device has asked about all orders, or does so now. */
  #filled = false;

  /** `askAgain`: for the secrets that a conversation lacks. */
  constructor(
    context: DeviceContext,
    index: ConversationIndex,
    parts: OrderViewParts & { readonly files: Attachments },
    askAgain: (conversation: Conversation) => void,
  ) {
    this.#context = context;
    this.#index = index;
    this.#parts = parts;
    this.#askAgain = askAgain;
    this.#photos = new OrderPhotos(context, parts.files);
    this.#sending = new OrderSender(context, this, this.#photos);
  }

  async load(): Promise<void> {
    await Promise.all([this.#photos.load(), this.#sending.load()]);
  }

  stop(): void {
    this.#sending.stop();
  }

  #now(): number {
    return this.#context.time.now() ?? this.#context.now();
  }

  #noting(): Noting {
    return {
      vault: this.#context.vault,
      self: this.#context.identity().personId,
      nowMs: this.#now(),
      onNoted: (orderId) => {
        this.changed(orderId);
      },
    };
  }

  find(orderId: MessageId): Promise<OrderRecord | null> {
    return this.#context.vault.get<OrderRecord>(ORDER_STORES.orders, orderId);
  }

  // --- Telling the screens ---------------------------------------------------------------------

  /** Announce a changed order to the screens. Changes that come together make one event. */
  changed(orderId: MessageId): void {
    this.#due.add(orderId);
    // Orders came before anybody had confirmed this device when it connected.
    if (!this.#filled) void this.onReady().catch(() => undefined);
    if (this.#telling) return;
    this.#telling = true;
    void this.#tell().finally(() => {
      this.#telling = false;
    });
  }

  async #tell(): Promise<void> {
    await Promise.resolve();
    for (const orderId of this.#due) {
      this.#due.delete(orderId);
      try {
        const row = await this.find(orderId);
        if (row !== null && !this.#context.signal.aborted)
          this.#context.emit({ type: "order", order: await this.#view(row) });
      } catch {
        // Locked meanwhile: the screens ask afresh when they come back.
      }
    }
  }

  #view(row: OrderRecord): Promise<OrderView> {
    const { orderId } = row;
    const waiting = this.#sending.waitsForReaders(orderId);
    const sending = sendingView(this.#sending.find(orderId), waiting);
    const shown = {
      ...{ sending, photo: this.#photos.find(orderId), waitsForReaders: waiting },
      ...{ asks: this.#asks(row), member: this.#placeOf(row) !== null },
    };
    return orderView(this.#parts, row, shown, this.#noting().self, this.#now());
  }

  /**
   * Whether the order asks this person, by the signed roster: who left its conversation, or was transferred out of
   * it, is asked for nothing, and after a return for nothing from before.
   */
  #asks(row: OrderRecord): boolean {
    const place = this.#placeOf(row);
    return place !== null && row.issuedMs >= place.historyFromMs;
  }

  /** The conversation of an order; null: this person does not belong to it. */
  #placeOf({ conversationId }: OrderRecord): ConversationRecord | null {
    const record = this.#index.find(conversationId)?.record ?? null;
    return record?.state === "left" ? null : record;
  }

  /** Orders of the conversation ask this person no more. */
  async left(conversationId: ConversationId): Promise<void> {
    const rows = await Promise.all([OPEN, UNFINISHED].map((group) => this.#rows(group)));
    for (const row of rows.flat())
      if (row.conversationId === conversationId) this.changed(row.orderId);
  }

  // --- Reading ---------------------------------------------------------------------------------

  async page(box: OrderBox, text: string, after: string | null): Promise<OrderPage> {
    const open = [OPEN, UNFINISHED];
    const groups = { open, issued: [ISSUED], all: [...open, ISSUED, DONE] }[box];
    const words = text
      .toLowerCase()
      .split(/\s+/u)
      .filter((one) => one !== "");
    const found: OrderRecord[] = [];
    let below = after === null ? Number.MAX_SAFE_INTEGER : Number(after);
    let more = true;
    while (more && found.length <= PAGE) {
      const lists = await Promise.all(groups.map((group) => this.#rows(group, below)));
      const rows = lists.flat().sort((a, b) => b.issuedMs - a.issuedMs);
      // Below the end of a full list its group may have more.
      const reach = Math.max(
        ...lists.map((list) => (list.length < SCAN ? 0 : (list.at(-1)?.issuedMs ?? 0))),
      );
      const whole = rows.filter(({ issuedMs }) => issuedMs >= reach);
      found.push(...whole.filter((row) => this.#fits(row, box, words)));
      more = reach > 0;
      below = reach;
    }
    const some = found.slice(0, PAGE);
    const orders = await Promise.all(some.map((row) => this.#view(row)));
    const last = some.at(-1)?.issuedMs ?? 0;
    return { orders, next: found.length > PAGE ? String(last) : null };
  }

  #rows(group: string, below = Number.MAX_SAFE_INTEGER): Promise<readonly OrderRecord[]> {
    const { vault } = this.#context;
    const place = { store: ORDER_STORES.orders, group, limit: SCAN, descending: true };
    return vault.page<OrderRecord>({ ...place, below });
  }

  #fits(row: OrderRecord, box: OrderBox, words: readonly string[]): boolean {
    const { self, nowMs } = this.#noting();
    const asked = isOwed(row, self, nowMs) || isUnfinished(row, self, nowMs);
    if (box === "open" && !(asked && this.#asks(row))) return false;
    // A change whose order is not known yet is no order.
    if (row.facts === null && row.server === null) return false;
    // Orders that this person issued together are one row: the first.
    if (issuerOf(row) === self && (row.facts?.content.series?.at ?? 0) > 0) return false;
    const text = words.length === 0 ? "" : wordsOf(row);
    return words.every((word) => text.includes(word));
  }

  /** An order; `fresh`: as the server has it now where it can be reached. */
  async order(orderId: MessageId, fresh: boolean): Promise<OrderView> {
    if (fresh)
      await this.ask(orderId).catch((error: unknown) => {
        if (!hasCode(error, "network", "overloaded", "not_found", "not_member")) throw error;
      });
    const row = await this.find(orderId);
    if (row === null) throw failure("not_found");
    if (fresh && row.facts === null) this.#askForKey(row);
    return this.#view(row);
  }

  /** Other phones are asked once more for what opens its text, whenever somebody wants to read it. */
  #askForKey({ conversationId }: OrderRecord): void {
    const conversation = this.#index.find(conversationId);
    if (conversation !== null) this.#askAgain(conversation);
  }

  // --- Acknowledging ---------------------------------------------------------------------------

  /** docs/walks/acknowledgement.md follows an acknowledgement from here to the commander's count. */
  async acknowledge(orderId: MessageId, given: GivenAcknowledgement): Promise<OrderView> {
    const known = await this.find(orderId);
    if (known === null) throw failure("not_found");
    // Terms that were never compared are asked for; without a network the signed ones are enough.
    if (known.server === null)
      await this.ask(orderId).catch((error: unknown) => {
        if (!hasCode(error, "network", "overloaded", "not_found")) throw error;
      });
    const row = (await this.find(orderId)) ?? known;
    const answer = (given.answer ?? "").trim();
    const { choice, done } = given;
    if (choice === UNREADABLE) this.#requireUnreadable(row, done);
    else this.#requireAcknowledgeable(row, given, answer);
    const sending = this.#sending.find(orderId);
    const counted = Math.max(givenOf(row)?.createdMs ?? 0, sending?.createdMs ?? 0);
    // A second answer is later than the first, whatever the clock did.
    const createdMs = Math.max(this.#now(), counted + 1);
    const waiting = sending?.stage === "refused" ? null : sending;
    await this.#sending.enqueue(row, {
      choice,
      done,
      ...touching(waiting ?? givenOf(row), { choice, done }),
      answer: answer === "" ? null : answer,
      ...carried(choice, waiting ?? ownOf(row)),
      createdMs,
    });
    return this.#view(row);
  }

  /**
   * Keep a photo that an acknowledged order asks for, and send it now or later. A second one replaces the
   * first. Rejects with `message_invalid` for anything but a picture of the size that is allowed.
   */
  async sendPhoto(orderId: MessageId, file: OutgoingAttachment): Promise<OrderView> {
    const row = await this.find(orderId);
    if (row === null) throw failure("not_found");
    if (row.facts === null) throw failure("order_unread");
    if (isOver(row, this.#now())) throw failure("order_over");
    const given = this.#sending.find(orderId) ?? ownOf(row);
    // A colleague's word for this person is no acknowledgement to which a photo can be added.
    const own = given !== null && ("stage" in given || given.toldBy === null);
    if (!row.facts.content.photo || !own) throw failure("message_invalid");
    await this.#photos.add(row, file, this.#now());
    this.#sending.kick();
    return this.#view(row);
  }

  /** Its person cannot read it: the text is not here, and an answer is owed. */
  #requireUnreadable(row: OrderRecord, done: number): void {
    const { self, nowMs } = this.#noting();
    if (row.facts !== null || row.server === null || done !== 0) throw failure("message_invalid");
    if (!isOwed(row, self, nowMs)) throw failure("order_over");
  }

  #requireAcknowledgeable(
    row: OrderRecord,
    { choice, done }: GivenAcknowledgement,
    answer: string,
  ): void {
    const { facts } = row;
    if (facts === null) throw failure("order_unread");
    const { choices, items, answers } = facts.content;
    if (isOver(row, this.#now()) || facts.issuerId === this.#noting().self)
      throw failure("order_over");
    const least = choices.length > 0 ? 1 : 0;
    const fits =
      Number.isInteger(choice) &&
      choice >= least &&
      choice <= choices.length &&
      Number.isInteger(done) &&
      done >= 0 &&
      done < 1 << items.length &&
      (answers || answer === "") &&
      utf8(answer).length <= ANSWER_TEXT_BYTES;
    if (!fits) throw failure("message_invalid", { details: { limit: ANSWER_TEXT_BYTES } });
  }

  dismissRefusal(orderId: MessageId): Promise<void> {
    return this.#sending.drop(orderId);
  }

  async counted(
    { orderId, conversationId, choice, done, createdMs }: SendingRecord,
    { textHash, answerHash, photoHash }: Acknowledgement,
    sinceMs: number,
  ): Promise<void> {
    const sent = { op: "delete", store: ORDER_STORES.acknowledgements, key: orderId } as const;
    const count = (row: OrderRecord | null): OrderRecord | null => {
      const headerHash = row === null ? null : headerHashOf(row);
      if (row === null || headerHash === null) return null;
      const times = { createdMs, firstMs: firstMs(row, sinceMs) };
      const hashes = { headerHash, textHash, answerHash, photoHash };
      return { ...row, own: { choice, done, ...times, toldBy: null, ...hashes } };
    };
    await this.#change(conversationId, orderId, count, [sent]);
  }

  // --- The server ------------------------------------------------------------------------------

  /** A new connection: unsent acknowledgements go out, and owed orders are compared. */
  async onReady(): Promise<void> {
    this.#sending.wake();
    this.#filled = true;
    try {
      const filled = await this.#context.vault.get<boolean>(META, FILLED);
      if (filled === true) await this.#compareOpen();
      else await this.#fill();
    } catch (error) {
      // The next connection asks again, or the next order of a device that was confirmed meanwhile.
      this.#filled = !hasCode(error, "device_unconfirmed");
      throw error;
    }
  }

  /** Conversations with a flash order that this person owes, by the server's word. */
  async urgent(): Promise<ReadonlySet<ConversationId>> {
    const { orders } = await this.#context.api.orders({ box: "open" });
    const flash = orders.filter(({ terms }) => terms.priority === "flash");
    return new Set(flash.map(({ conversationId }) => conversationId));
  }

  /** Another device of this person has acknowledged. */
  onFrame({ orderId }: OrderAcknowledged): void {
    this.#sending.overtaken(orderId);
    void this.ask(orderId).catch(() => undefined);
  }

  /** Ask the server about an order, and keep what it says. */
  async ask(orderId: MessageId): Promise<void> {
    await this.#takeOrder(await this.#context.api.order(orderId));
  }

  /** Everything that the server lists, on a device that has never asked. */
  async #fill(): Promise<void> {
    await this.#takeListed("all");
    await this.#context.vault.write([putMeta(FILLED, true)]);
  }

  /** Orders that look owed or unfinished here may be acknowledged or finished on another device. */
  async #compareOpen(): Promise<void> {
    const { vault, trust } = this.#context;
    const { self, nowMs } = this.#noting();
    const place = { store: ORDER_STORES.orders, group: OPEN, limit: MOST_OPEN, descending: true };
    const rows = await vault.page<OrderRecord>(place);
    const over = rows.filter((row) => !isOwed(row, self, nowMs));
    if (over.length > 0) await vault.write(over.map((row) => putOrder(row, self, nowMs)));
    const open = rows.filter((row) => !over.includes(row) && this.#asks(row));
    const listed = open.length > 0 ? await this.#takeListed("open") : null;
    const missing = open.filter(({ orderId }) => listed?.has(orderId) !== true);
    if (missing.length > ONE_BY_ONE) return this.#fill();
    if ((await trust.devicesOf(self)).length > 1)
      missing.push(
        ...(await this.#rows(UNFINISHED)).filter((row) => this.#asks(row)).slice(0, ONE_BY_ONE),
      );
    for (const { orderId } of missing)
      await this.ask(orderId).catch((error: unknown) => {
        if (!hasCode(error, "not_found")) throw error;
      });
  }

  /** Keep what the server says of all orders in a box; returns which they are. */
  async #takeListed(box: OrderBox): Promise<ReadonlySet<MessageId>> {
    const listed = new Set<MessageId>();
    let after: string | null = null;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page = await this.#context.api.orders({ box, after });
      for (const order of page.orders) {
        listed.add(order.orderId);
        await this.#takeOrder(order);
      }
      after = page.next;
      if (after === null) break;
    }
    return listed;
  }

  async #takeOrder(order: Order): Promise<void> {
    const held = await this.find(order.orderId);
    const terms = (held === null ? null : knownTerms({ ...held, server: order })) ?? order.terms;
    const given = await verifiedOwn(this.#context, order, terms);
    await this.#change(order.conversationId, order.orderId, (row) => {
      const known = row ?? emptyOrder(order.orderId, order.conversationId);
      // The server's word about an order that is signed elsewhere is kept, and shown as a difference.
      const issuedMs = known.facts === null ? order.issuedMs : known.issuedMs;
      const said = { ...known, issuedMs, server: order };
      return { ...said, own: counting(said, givenOf(known), given) };
    });
  }

  /** Change a row in the queue of the conversation that it belongs to. */
  async #change(
    conversationId: ConversationId,
    orderId: MessageId,
    change: (row: OrderRecord | null) => OrderRecord | null,
    beside: UnitOfWork["changes"] = [],
  ): Promise<void> {
    const known = await this.find(orderId);
    const conversation = this.#index.find(known?.conversationId ?? conversationId);
    if (conversation === null) {
      if (beside.length > 0) await this.#context.vault.write(beside);
      return;
    }
    await conversation.change(async (work) => {
      work.changes.push(...beside);
      await changeOrder(this.#noting(), work, orderId, change);
    });
  }
}
