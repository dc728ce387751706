/**
 * A device that a program runs: the core, and beside it what a program needs and a person does not: a
 * queue of messages for its handlers, names for its own, people by their cards.
 */
import type { AccountRecord } from "../account/record.ts";
import { AttachmentCipher, chunkCount, chunkRange } from "../attachments/cipher.ts";

import { createEngine, type Engine } from "../engine.ts";
import type { SessionOptions } from "../calls/session-options.ts";
import { calledPerson, latin } from "../conversation/called-people.ts";
import type { Program } from "../context.ts";
import type {
  AppState,
  ConversationItem,
  CoreEvent,
  Outgoing,
  OutgoingAttachment,
} from "../seam.ts";
import { CoreFailure, failure, rejectUnlessOffline } from "../failure.ts";
import { newId } from "../ids.ts";
import type { ConversationId, DeviceId, MessageId, PersonId } from "../ids.ts";
import { PROGRAM_STORES, type WaitingRecord } from "../inbox/waiting.ts";
import { callOf } from "../kinds/called.ts";
import { namesSealed } from "../keys/acknowledgement.ts";
import { decodeContent } from "../kinds/content.ts";
import type { AttachmentPointer } from "../kinds/fields.ts";
import { ORDER_ITEMS, UNREADABLE } from "../limits.ts";
import { readHere } from "../messages/reading.ts";
import { gather } from "../overseeing/gathering.ts";
import { STORES, type PendingRecord } from "../records.ts";
import { rankSpellings } from "../names.ts";
import { SerialQueue } from "../serial-queue.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { Vault } from "../vault/vault.ts";
import type { AcknowledgementOutcome, Person } from "../wire.ts";
import type { ProgramFrame } from "./frames.ts";
import { next, setAside, settle, trim } from "./handling.ts";
import { ProgramSender, type SendResult } from "./sending.ts";
import { isListed, ownWords, viewOf, wordsOf } from "./views.ts";
import type {
  Acknowledged,
  ConversationView,
  MessageView,
  PersonView,
  PinnedView,
  StateView,
} from "./views.ts";

const CONNECTED = "program_connected";
const MINUTE_MS = 60_000;
/** A message may be so old in a conversation that is new to the program. */
const LATE_MS = 10 * MINUTE_MS;
const MOST_FILE_BYTES = 64 * 1024 * 1024;

type Told = Extract<ProgramFrame, { event: string }>;

/** A file of bytes, instead of a browser's. */
type GivenFile = Omit<OutgoingAttachment, "file"> & { readonly data: Uint8Array<ArrayBuffer> };

/** The rows of the vault that are read before the core opens it. */
export interface StoredAccount {
  readonly account: AccountRecord | null;
  readonly connectedMs: number;
}

export async function readBefore(vault: Vault): Promise<StoredAccount> {
  const account = await vault.get<AccountRecord>(META, "account");
  return { account, connectedMs: (await vault.get<number>(META, CONNECTED)) ?? Infinity };
}

export class BotCalls {
  readonly #engine: Engine;
  readonly #sender: ProgramSender;
  readonly #tell: (frame: Told) => void;
  readonly #taken = new Map<ConversationId, WaitingRecord>();
  /** Conversations whose messages wait for earlier pages. */
  readonly #filling = new Set<ConversationId>();
  readonly #alarmed = new Set<string>();
  readonly #before: StoredAccount;
  #connectedMs: number;
  readonly #news = new SerialQueue();
  #state = "";
  #begun = false;
  readonly #timer: NodeJS.Timeout;

  constructor(
    options: Omit<SessionOptions, "program" | "keys">,
    before: StoredAccount,
    tell: (frame: Told) => void,
  ) {
    this.#tell = tell;
    this.#before = before;
    const registeredMs = before.account?.registeredMs ?? options.now();
    this.#connectedMs = before.connectedMs;
    const program: Program = {
      sinceMs: () => {
        const late = Math.min(options.now() - LATE_MS, this.#connectedMs);
        return Math.max(late, registeredMs - LATE_MS);
      },
      onWaiting: (conversationId) => {
        tell({ event: "waiting", conversationId });
      },
    };
    const engine = createEngine({ ...options, program, keys: null });
    this.#engine = engine;
    this.#sender = new ProgramSender(engine.reach.device, engine.messages.send);
    // News of one event go out before those of the next.
    engine.subscribe((event) => {
      void this.#news
        .run(() => this.#heard(event))
        .catch((error: unknown) => {
          this.#state = "";
          process.stderr.write(`${String(error)}\n`);
        });
    });
    this.#timer = setInterval(() => {
      void this.#noteConnected(options.now()).catch(() => undefined);
    }, MINUTE_MS);
  }

  get core(): Engine {
    return this.#engine;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#engine.close();
  }

  // --- State and events -------------------------------------------------------------------------

  async start(): Promise<StateView> {
    return this.#view(await this.#engine.app.start());
  }

  #view({ phase, reason, kept, connection, catchingUp, device }: AppState): StateView {
    const confirmed = device.confirmed !== "no";
    return { phase, reason, kept, confirmed, inStep: connection === "online" && !catchingUp };
  }

  async #heard(event: CoreEvent): Promise<void> {
    if (event.type === "app") {
      const state = this.#view(event.state);
      // The rest of the state changes without news for a program.
      if (JSON.stringify(state) === this.#state) return;
      this.#state = JSON.stringify(state);
      if (state.inStep) await this.#inStep();
      this.#tell({ event: "state", state });
    }
    if (event.type === "messages") await this.#sender.heard(event);
    if (event.type === "alarm") await this.#tellAlarms();
    if (event.type === "conversation_gone")
      this.#tell({ event: "gone", conversationId: event.conversationId });
    if (event.type === "conversation") {
      const { conversationId, history } = event.item;
      this.#tellConversation(event.item);
      if (event.item.alarm !== null) await this.#tellAlarms();
      if (history === null && this.#filling.delete(conversationId))
        this.#tell({ event: "waiting", conversationId });
    }
  }

  #tellConversation(item: ConversationItem): void {
    const { conversationId } = item;
    if (isListed(item)) this.#tell({ event: "conversation", conversation: viewOf(item) });
    else this.#tell({ event: "gone", conversationId });
  }

  /** Hand out what waited before this process began. */
  async #inStep(): Promise<void> {
    const { context } = await this.#engine.reach.device();
    for (const item of await this.#engine.conversations.list()) this.#tellConversation(item);
    if (!this.#begun) {
      await this.#sender.begin();
      const rows = await context.vault.all<WaitingRecord>(PROGRAM_STORES.waiting);
      for (const conversationId of new Set(rows.map((row) => row.conversationId)))
        this.#tell({ event: "waiting", conversationId });
      await this.#tellAlarms();
      this.#begun = true;
    }
    await this.#noteConnected(context.now());
  }

  async #noteConnected(now: number): Promise<void> {
    const { connection, catchingUp } = await this.#engine.app.state();
    if (connection !== "online" || catchingUp) return;
    const { vault } = (await this.#engine.reach.device()).context;
    this.#connectedMs = now;
    await vault.write([putMeta(CONNECTED, now)]);
  }

  async alarms(): Promise<readonly string[]> {
    const own = (await this.#engine.devices.alarms()).map(ownWords);
    const conversations = (await this.#engine.conversations.list()).flatMap(
      ({ conversationId, alarm }) =>
        alarm === null ? [] : [`conversation ${conversationId}: ${wordsOf(alarm)}`],
    );
    return [...own, ...conversations];
  }

  async #tellAlarms(): Promise<void> {
    for (const text of await this.alarms()) {
      if (this.#alarmed.has(text)) continue;
      this.#alarmed.add(text);
      this.#tell({ event: "alarm", text });
    }
  }

  /** The comparisons of digits that admins have begun (E3), each by the name that its card signs. */
  async comparisons(): Promise<readonly object[]> {
    const all = await this.#engine.devices.confirmations();
    return all
      .filter(({ role }) => role === "new")
      .map(({ confirmationId, state, plate, digits }) => {
        const [rank = ""] = plate === null ? [] : rankSpellings(plate.rank);
        const admin = `${plate?.names.en ?? ""}, ${rank}`;
        return { confirmationId, state, admin, digits };
      });
  }

  async status(): Promise<object> {
    const state = this.#view(await this.#engine.app.state());
    const device = await this.#engine.reach.device().catch(() => null);
    const { personId, clientId, device: own } = device?.context.identity() ?? this.#account();
    const vault = device?.context.vault;
    const pending = (await vault?.all<PendingRecord>(STORES.pending)) ?? [];
    const waiting = (await vault?.all<WaitingRecord>(PROGRAM_STORES.waiting)) ?? [];
    return {
      ...{ personId, clientId, device: own, state, waiting: waiting.length },
      conversations: device === null ? [] : await this.conversations(),
      outgoing: device?.outgoing.waiting ?? 0,
      keyless: pending.filter(({ why }) => why === "key").length,
      refused: pending.filter(({ why }) => why === "refused").length,
      setAside: vault === undefined ? [] : await setAside({ vault }),
      alarms: device === null ? [] : await this.alarms(),
    };
  }

  #account(): AccountRecord {
    if (this.#before.account === null) throw failure("not_registered");
    return this.#before.account;
  }

  // --- Messages for handlers --------------------------------------------------------------------

  /** The first message that waits in a conversation, with a try counted; null: none does. */
  async next(conversationId: ConversationId): Promise<MessageView | null> {
    const device = await this.#engine.reach.device();
    const conversation = device.book.find(conversationId);
    if (conversation === null) return null;
    // Messages of before this one may be on their way.
    if (conversation.record.history !== null) {
      this.#filling.add(conversationId);
      return null;
    }
    const row = await conversation.run(() => next(device.context, conversationId));
    if (row === null) {
      this.#taken.delete(conversationId);
      return null;
    }
    this.#taken.set(conversationId, row);
    const { messageId, position, signedMs, sentMs, gap, tries } = row;
    const content = decodeContent(row.content);
    const { kind } = content;
    const read = kind === "text" || kind === "attachments" || kind === "order";
    return {
      ...{ messageId, position, signedMs, sentMs, gap, tries, content: read ? content : null },
      mark: kind === "mark" ? { ...content.what, messageId: content.messageId } : null,
      called: callOf(
        content,
        await calledPerson(device.context, device.context.identity().personId),
      ),
      conversation: viewOf(await device.views.conversation(conversation)),
      sender: await this.person(row.personId, row.device),
    };
  }

  /** The handler has ended with the message that {@link next} gave last; `failed`: set it aside. */
  async settle(conversationId: ConversationId, failed: string | null): Promise<void> {
    const row = this.#taken.get(conversationId);
    if (row === undefined) throw failure("not_found");
    const { context, book, cursors } = await this.#engine.reach.device();
    const conversation = book.find(conversationId);
    const end = (): Promise<void> => settle(context, row, failed);
    // Behind an edit that is being stored: it would bring the message back.
    await (conversation === null ? end() : conversation.run(end));
    this.#taken.delete(conversationId);
    if (conversation === null) return;
    if (await conversation.run(() => readHere(context, conversation, row.position)))
      cursors.moved(conversation);
    await trim(context, conversation);
  }

  async person(personId: PersonId, device: DeviceId | null): Promise<PersonView> {
    const { trust, time, now } = (await this.#engine.reach.device()).context;
    await trust.ensure([personId]).catch(rejectUnlessOffline);
    const card = await trust.card(personId);
    const at = time.now() ?? now();
    const how = device === null ? "no" : (await trust.verdict(personId, device, at)).confirmed;
    return {
      personId,
      names: Object.fromEntries((card?.names ?? []).map(({ script, text }) => [script, text])),
      ...{ rank: latin(card?.rank), post: latin(card?.post), unit: latin(card?.unit) },
      ...{ unitPath: card?.path ?? "", approved: how !== "no" && how !== "first" },
    };
  }

  /** The plaintext of a file; it is kept nowhere. */
  async file({ id, key, size }: Pick<AttachmentPointer, "id" | "key" | "size">) {
    if (size > MOST_FILE_BYTES)
      throw failure("message_invalid", { details: { limit: MOST_FILE_BYTES } });
    const { context } = await this.#engine.reach.device();
    const api = context.api.until(context.signal);
    const cipher = await AttachmentCipher.create(id, key, size);
    const whole = new Uint8Array(size);
    for (let index = 0; index < chunkCount(size); index++) {
      const [start] = chunkRange(size, index);
      whole.set(await cipher.open(index, await api.getChunk(id, index)), start);
    }
    return whole;
  }

  // --- Conversations and people -----------------------------------------------------------------

  async conversations(): Promise<readonly ConversationView[]> {
    const all = await this.#engine.conversations.list();
    return all.filter(isListed).map(viewOf);
  }

  async direct(personId: PersonId): Promise<ConversationView> {
    return viewOf(await this.#engine.conversations.openDirect(personId));
  }

  /** A group without a name. */
  async createGroup(
    personIds: readonly PersonId[],
    historyDays: 0 | 30,
  ): Promise<ConversationView> {
    const device = await this.#engine.reach.device();
    const made = await device.context.api.createConversation({
      ...{ conversationId: newId(), kind: "group", personIds: [...personIds] },
      ...{ whoMaySend: "everyone", historyDays, audience: null },
    });
    const conversation = await device.book.adopt(made);
    await device.sync.refresh(conversation.id).catch(rejectUnlessOffline);
    return viewOf(await device.views.conversation(conversation));
  }

  async findPeople(text: string, limit: number): Promise<readonly Person[]> {
    return (await this.#engine.people.search({ text, limit })).people;
  }

  /** The pinned messages that this device still has, the last pinned first. */
  async pinned(conversationId: ConversationId): Promise<readonly PinnedView[]> {
    const found = await this.#engine.messages.pinned(conversationId);
    return found.map(({ message: { messageId, sender, preview }, by }) => ({
      ...{ messageId, senderId: sender?.personId ?? null, pinnedBy: by?.personId ?? null },
      text: "text" in preview ? preview.text : "",
    }));
  }

  // --- Sending and orders -----------------------------------------------------------------------

  async send(
    conversationId: ConversationId,
    given: Outgoing & { readonly files?: readonly GivenFile[] },
    once: string | null,
    replyTo: MessageId | null,
  ): Promise<SendResult> {
    const { files = [], ...written } = given;
    const attachments = files.map(({ data, ...file }) => ({ ...file, file: new Blob([data]) }));
    const outgoing = { ...written, ...(attachments.length > 0 ? { attachments } : {}) } as Outgoing;
    return this.#sender.send(conversationId, outgoing, once, replyTo);
  }

  settled(conversationId: ConversationId, messageId: MessageId): Promise<number> {
    return this.#sender.settled(conversationId, messageId);
  }

  /** Sign that this person has an order, and wait until that counts. Rejects with the outcome. */
  async acknowledge(orderId: MessageId, choice: number, items: readonly number[]): Promise<void> {
    const places = items.every(
      (place) => Number.isInteger(place) && place >= 1 && place <= ORDER_ITEMS,
    );
    // A place that wraps round would sign another item.
    if (!places) throw failure("message_invalid");
    const done = items.reduce((bits, place) => bits | (1 << (place - 1)), 0);
    let stop = (): void => undefined;
    const ended = new Promise<AcknowledgementOutcome | null>((resolve) => {
      stop = this.#engine.subscribe((event) => {
        if (event.type !== "order" || event.order.orderId !== orderId) return;
        const { sending } = event.order;
        if (sending === null || sending.refused !== null) resolve(sending?.refused ?? null);
      });
    });
    try {
      await this.#engine.orders.acknowledge(orderId, { choice, done, answer: null });
      const refused = await ended;
      if (refused === null) return;
      await this.#engine.orders.dismissRefusal(orderId);
      throw new CoreFailure("not_sent", { details: { code: refused } });
    } finally {
      stop();
    }
  }

  /** The verified acknowledgements of an order of this person's own. */
  async acknowledgements(orderId: MessageId): Promise<readonly Acknowledged[]> {
    const { context, orders } = await this.#engine.reach.device();
    const signed = (await orders.find(orderId))?.facts ?? null;
    if (signed === null) throw failure("not_found");
    const { people, refused } = await gather(
      {
        ...{ api: context.api, department: this.#engine.reach.department, signed },
        directory: await this.#engine.people.directory(),
        open: () => Promise.resolve(null),
        onProgress: () => undefined,
        signal: context.signal,
      },
      orderId,
      null,
    );
    for (const { personId, reason } of refused)
      this.#tell({
        event: "alarm",
        text: `order ${orderId}: an acknowledgement of ${String(personId)} is left out: ${reason}`,
      });
    return people.flatMap(({ personId, record: verified }) => {
      if (verified === null || verified.record.choice === UNREADABLE) return [];
      const { record, told, signerId } = verified;
      const answered = namesSealed(record.answerHash);
      const toldBy = told ? signerId : null;
      const { choice, created: signedMs } = record;
      const places = Array.from({ length: ORDER_ITEMS }, (_, at) => at + 1);
      const done = places.filter((place) => (record.done >> (place - 1)) & 1);
      return [{ personId, choice, done, toldBy, signedMs, answered }];
    });
  }
}
