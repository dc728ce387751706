/**
 * A core in memory, without a server, a vault or a key: conversations, messages, files, positions
 * and orders, and colleagues who answer. The practice (core.ts) adds its people and its other calls.
 *
 * A real core over a server in memory would be slower and larger: on a cheap phone, five devices
 * need 4 seconds to register, and the practice would load 190 KB more. Each member of a group of 412
 * or of 63,000 people would need such a device too.
 */
import type {
  ConversationItem,
  Core,
  CoreEvent,
  CoreListener,
  FoundMessage,
  FoundMessages,
  GalleryPage,
  GalleryQuery,
  GivenAcknowledgement,
  LivePlace,
  LiveShare,
  MessageBody,
  MessageItem,
  MessageQuery,
  OrderView,
  Outgoing,
  Plate,
  SearchKind,
} from "@copconnect/client/core";
import type { AttachmentId, ConversationId, MessageId, Person } from "@copconnect/client/wire";
import { bodyOf, fileOf, id, lastOf, messageOf, quoteOf, refusal } from "./items.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Colleagues answer as fast as people would who have the phone in the hand. */
const STEPS = [
  [250, "sent"],
  [150, "delivered"],
  [500, "read"],
] as const;
const EDITABLE_MS = 3_600_000;
const DELETABLE_MS = 48 * 3_600_000;
const MOST_PINNED = 3;
const ANSWER_MS = 900;

export interface Talk {
  item: ConversationItem;
  people: readonly Person[];
  readonly messages: MessageItem[];
}

/** The author and the words of an answer. */
export type ColleagueAnswer = Pick<MessageItem, "sender" | "body">;

export abstract class Station {
  protected readonly talks: Talk[];
  protected readonly issued: OrderView[];
  readonly #me: Plate;
  readonly #files = new Map<AttachmentId, Blob>();
  /** As they were before. */
  readonly #deleted = new Map<MessageId, MessageItem>();
  #listeners: readonly CoreListener[] = [];
  #live: readonly (LiveShare & LivePlace)[] = [];
  #made = 800_000;

  constructor(me: Plate, talks: readonly Talk[], issued: readonly OrderView[]) {
    this.#me = me;
    this.talks = [...talks];
    this.issued = [...issued];
  }

  protected abstract answerIn(talk: Talk): ColleagueAnswer;
  /** Somebody has read a message of this person's. */
  protected abstract noteRead(message: MessageItem): void;
  #file(attachmentId: AttachmentId): Blob {
    const file = this.#files.get(attachmentId);
    if (file === undefined) throw refusal("not_found");
    return file;
  }
  #keep(file: Blob): AttachmentId {
    const attachmentId = this.newId<AttachmentId>(5);
    this.#files.set(attachmentId, file);
    return attachmentId;
  }
  #bodyOf(outgoing: Outgoing): MessageBody {
    const body = bodyOf(outgoing, (file) => this.#keep(file));
    if (body === null) throw refusal("practice_only");
    return body;
  }

  subscribe(listener: CoreListener): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => (this.#listeners = this.#listeners.filter((one) => one !== listener));
  }
  #emit(event: CoreEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
  protected newId<I extends string>(kind: number): I {
    return id(kind, ++this.#made);
  }

  // --- Conversations -----------------------------------------------------------------------------

  protected talk(conversationId: ConversationId): Talk {
    const found = this.talks.find(({ item }) => item.conversationId === conversationId);
    if (found === undefined) throw refusal("not_found");
    return found;
  }
  protected change(talk: Talk, change: Partial<ConversationItem>): ConversationItem {
    talk.item = { ...talk.item, ...change };
    this.#emit({ type: "conversation", item: talk.item });
    return talk.item;
  }
  protected readonly ownConversations = {
    list: async (): Promise<readonly ConversationItem[]> => this.talks.map(({ item }) => item),
    get: async (conversationId: ConversationId): Promise<ConversationItem> =>
      this.talk(conversationId).item,
    setPreferences: async (conversationId, preferences) =>
      void this.change(this.talk(conversationId), preferences),
    saveDraft: async (conversationId, draft, form = "composer") => {
      if (form !== "composer") return;
      this.change(this.talk(conversationId), { draft: draft === "" ? null : draft });
    },
  } satisfies Partial<Core["conversations"]>;

  // --- Messages ----------------------------------------------------------------------------------

  /** Show a message, new or changed. */
  #put(talk: Talk, message: MessageItem): void {
    const at = talk.messages.findIndex(({ messageId }) => messageId === message.messageId);
    if (at < 0) talk.messages.push(message);
    else talk.messages[at] = message;
    const { conversationId, unread } = talk.item;
    this.#emit({ type: "messages", conversationId, items: [message] });
    const others = unread + (at < 0 ? 1 : 0);
    this.change(talk, { unread: message.mine ? 0 : others, last: lastOf(message) });
  }
  /** This person says something. */
  #say(talk: Talk, body: MessageBody, more: Partial<MessageItem>): MessageItem {
    const { conversationId } = talk.item;
    const said = { messageId: this.newId<MessageId>(4), conversationId, seq: null, body };
    const message = messageOf({ ...said, sender: this.#me }, { mine: true, ...more });
    this.#put(talk, message);
    this.change(talk, { draft: null, draftFiles: 0 });
    return message;
  }
  /** A message of this person's comes to the others, who read it; one of them answers. */
  async #deliver(talk: Talk, message: MessageItem): Promise<void> {
    const { body, sentMs } = message;
    const worded = body.kind === "text" || body.kind === "attachments";
    const edits = worded ? { editableUntilMs: sentMs + EDITABLE_MS } : {};
    const deletes = { deletableUntilMs: sentMs + DELETABLE_MS };
    const sent = { ...message, ...edits, ...deletes, seq: ++this.#made, reactions: [] };
    for (const [ms, status] of STEPS) {
      await pause(ms);
      this.#put(talk, { ...sent, status });
    }
    this.noteRead(message);
    await pause(ANSWER_MS);
    const seq = ++this.#made;
    const { conversationId } = talk.item;
    const answer = {
      messageId: id<MessageId>(4, seq),
      conversationId,
      seq,
      ...this.answerIn(talk),
    };
    const item = messageOf(answer, {});
    this.#put(talk, item);
    this.#emit({ type: "notify", conversationId, item });
  }
  #send(
    at: ConversationId,
    outgoing: Outgoing,
    replyTo: MessageId | null,
    messageId = this.newId<MessageId>(4),
  ): MessageItem {
    const talk = this.talk(at);
    const quoted = talk.messages.find(({ messageId }) => messageId === replyTo);
    const reply = quoted === undefined ? null : quoteOf(quoted);
    const message = this.#say(talk, this.#bodyOf(outgoing), {
      ...{ messageId, status: "sending", replyTo: reply },
    });
    void this.#deliver(talk, message);
    return message;
  }
  /** Texts that hold all of the words, as they are typed. */
  readonly search = {
    find: async ({ text, conversationId }: MessageQuery): Promise<FoundMessages> => {
      const words = text.toLowerCase().split(/\s+/u).filter(Boolean);
      const found = this.talks
        .filter(({ item }) => (conversationId ?? item.conversationId) === item.conversationId)
        .flatMap(({ messages }) => messages)
        .flatMap(({ body, ...message }): readonly FoundMessage[] => {
          const said = body.kind === "text" ? body.text : "";
          const places = words.map((word) => said.toLowerCase().indexOf(word));
          if (words.length === 0 || places.includes(-1)) return [];
          const marks = places.map((at, of) => [at, at + (words[of] ?? "").length] as const);
          return [{ ...message, snippet: { text: said, marks } }];
        });
      return { messages: found.slice(-20).reverse(), next: null, indexing: null };
    },
    gallery: async ({
      conversationId,
      kind,
      before,
      limit,
    }: GalleryQuery): Promise<GalleryPage> => {
      const size = limit ?? 20;
      const found = this.talk(conversationId)
        .messages.filter(
          ({ body, seq }) => isOfKind(body, kind) && (seq ?? 0) < (before ?? Infinity),
        )
        .reverse();
      const messages = found.slice(0, size);
      const next = found.length > size ? (messages.at(-1)?.seq ?? null) : null;
      return { messages, next, indexing: null };
    },
  };
  protected readonly ownMessages = {
    page: async (conversationId, before, limit) => {
      const { item, messages } = this.talk(conversationId);
      const at = messages.findIndex(({ messageId }) => messageId === before);
      const end = at < 0 ? messages.length : at;
      const from = Math.max(0, end - limit);
      const incoming = messages.filter(({ mine }) => !mine);
      const firstUnread = item.unread > 0 ? incoming.at(-item.unread) : undefined;
      return {
        messages: messages.slice(from, end).map((one) => withReplies(one, messages)),
        more: from > 0,
        firstUnread: firstUnread?.messageId ?? null,
      };
    },
    around: async (conversationId) => {
      const { messages } = this.talk(conversationId);
      return { messages, more: false, newer: false, firstUnread: null };
    },
    after: async () => ({ messages: [], more: true, newer: false, firstUnread: null }),
    replies: async (conversationId, messageId) => {
      const { messages } = this.talk(conversationId);
      const found = messages.filter((one) => answers(one, messageId));
      return [this.message({ conversationId, messageId }), ...found];
    },
    send: async (conversationId, outgoing, replyTo, messageId) =>
      this.#send(conversationId, outgoing, replyTo, messageId),
    react: async (conversationId, messageId, emoji) => {
      const message = this.message({ conversationId, messageId });
      const own = emoji === null ? [] : [{ emoji, people: [this.#me], mine: true }];
      const others = (message.reactions ?? []).filter(({ mine }) => !mine);
      this.#put(this.talk(conversationId), { ...message, reactions: [...others, ...own] });
    },
    edit: async (conversationId, messageId, text, mentions) => {
      const message = this.message({ conversationId, messageId });
      const { body, former = [], sentMs } = message;
      if (body.kind !== "text" && body.kind !== "attachments") throw refusal("message_invalid");
      const edited = { ...message, body: { ...body, text, mentions } };
      const before = [...former, { text: body.text, sentMs }];
      this.#put(this.talk(conversationId), { ...edited, former: before });
    },
    pin: async (conversationId, messageId, pinned) => {
      const talk = this.talk(conversationId);
      const others = talk.item.pins.filter((one) => one !== messageId);
      this.change(talk, {
        pins: [...(pinned ? [messageId] : []), ...others].slice(0, MOST_PINNED),
      });
    },
    pinned: async (conversationId) => {
      const { pins } = this.talk(conversationId).item;
      const found = pins.map((messageId) => this.message({ conversationId, messageId }));
      return found.map((message) => ({ message, by: this.#me }));
    },
    delete: async (conversationId, messageId) => {
      const message = this.message({ conversationId, messageId });
      if (message.seq === null) throw refusal("not_found");
      this.#deleted.set(messageId, message);
      const { seq, sender, mine, sentMs, status } = message;
      const body = { kind: "deleted", by: null } as const;
      const left = messageOf(
        { messageId, conversationId, seq, sender, body },
        { mine, sentMs, status },
      );
      this.#put(this.talk(conversationId), left);
    },
    keep: async (conversationId, messageId) => {
      const message = this.#deleted.get(messageId);
      if (message !== undefined) this.#put(this.talk(conversationId), message);
    },
    markRead: async (conversationId) => {
      const talk = this.talk(conversationId);
      if (talk.item.unread > 0) this.change(talk, { unread: 0, mentions: 0 });
    },
  } satisfies Partial<Core["messages"]>;

  protected message(from: { conversationId: ConversationId; messageId: MessageId }): MessageItem {
    const { messages } = this.talk(from.conversationId);
    const found = messages.find(({ messageId }) => messageId === from.messageId);
    if (found === undefined) throw refusal("not_found");
    return found;
  }
  protected readonly ownForwarding = {
    forward: async (from, to, words) => {
      const { body, forwarded = "some" } = this.message(from);
      const text = words.trim();
      for (const talk of to.map((one) => this.talk(one))) {
        this.#say(talk, body, { forwarded, status: "delivered" });
        const said = { kind: "text", text, mentions: [] } as const;
        if (text !== "") this.#say(talk, said, { status: "delivered" });
      }
    },
  } satisfies Partial<Core["forwarding"]>;

  readonly attachments = {
    get: async (attachmentId: AttachmentId): Promise<Blob> => this.#file(attachmentId),
    range: async (attachmentId, start, end) =>
      new Uint8Array(await this.#file(attachmentId).slice(start, end).arrayBuffer()),
    cancelDownload: async () => {
      // Nothing is under way.
    },
  } satisfies Partial<Core["attachments"]>;

  // --- Positions ---------------------------------------------------------------------------------

  readonly live = {
    share: async (conversationId, place, forMs) => {
      const untilMs = Date.now() + forMs;
      const item = this.#send(conversationId, { kind: "live", untilMs, ...place }, null);
      const { messageId, sender } = item;
      this.#live = [{ conversationId, messageId, untilMs, sender, ...place, mine: true }];
      this.#emit({ type: "live", shares: this.#live });
      return item;
    },
    stop: async () => {
      this.#live = [];
      this.#emit({ type: "live", shares: [] });
    },
    shares: async () => this.#live,
    places: async () => this.#live,
    move: async (place) => (this.#live = this.#live.map((one) => ({ ...one, ...place }))),
  } satisfies Core["live"];

  // --- Orders ------------------------------------------------------------------------------------

  protected order(orderId: MessageId): OrderView {
    const found = this.issued.find((one) => one.orderId === orderId);
    if (found === undefined) throw refusal("not_found");
    return found;
  }
  protected changeOrder(orderId: MessageId, change: Partial<OrderView>): OrderView {
    const order = { ...this.order(orderId), ...change };
    this.issued[this.issued.findIndex((one) => one.orderId === orderId)] = order;
    this.#emit({ type: "order", order });
    return order;
  }
  protected readonly ownOrders = {
    sendPhoto: async (orderId, file) => {
      const photo = { state: "sent", attachment: fileOf(this.#keep(file.file), file) } as const;
      const { body, acknowledgement } = this.order(orderId);
      const all = (1 << (body?.items.length ?? 0)) - 1;
      return this.changeOrder(orderId, { photo, unfinished: acknowledgement?.done !== all });
    },
    page: async ({ box, text = "" }) => {
      const orders = this.issued
        .filter(({ owed, unfinished, mine }) => {
          return box === "all" || (box === "open" ? owed || unfinished : mine);
        })
        .filter(({ body }) =>
          `${body?.title} ${body?.text}`.toLowerCase().includes(text.toLowerCase()),
        )
        .filter(({ orderId, together }) => together === null || together[0] === orderId)
        .sort((a, b) => b.issuedMs - a.issuedMs);
      return { orders, next: null };
    },
    acknowledge: async (orderId: MessageId, { choice, done }: GivenAcknowledgement) => {
      const acknowledgement = { choice, done, toldBy: null, createdMs: Date.now() };
      const { body, photo } = this.order(orderId);
      const undone = done !== (1 << (body?.items.length ?? 0)) - 1 || photo?.state === "open";
      const said = { sending: null, acknowledgement, unfinished: undone };
      return this.changeOrder(orderId, { owed: false, ...said });
    },
  } satisfies Partial<Core["orders"]>;
}

function isOfKind(body: MessageBody, kind: SearchKind): boolean {
  const files = "attachments" in body ? body.attachments : [];
  if (kind === "media") return files.some((one) => /^(?:image|video)$/u.test(one.kind));
  if (kind === "document") return files.some((one) => one.kind === kind);
  if (kind === "place") return body.kind === "location";
  return kind === "link" && "text" in body && body.text.includes("https://");
}

function answers({ replyTo }: MessageItem, messageId: MessageId): boolean {
  return replyTo?.messageId === messageId;
}

function withReplies(message: MessageItem, all: readonly MessageItem[]): MessageItem {
  const replies = all.filter((one) => answers(one, message.messageId)).length;
  return replies === 0 ? message : { ...message, replies };
}
