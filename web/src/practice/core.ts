/**
 * The core of a practice: one station in memory, whose people answer by themselves. The screens over
 * it are those of the app; this is all that they reach. It has no transport, no vault and no key, and
 * a call that the practice does not need is refused in words, so that nobody takes the rest of the
 * app for part of the exercise.
 */
import type {
  AppState,
  ConnectedCore,
  ConversationItem,
  CoreError,
  CoreEvent,
  CoreListener,
  EncryptionView,
  ForwardChoice,
  GuardVerdict,
  LivePlace,
  LiveShare,
  LiveStart,
  MemberItem,
  MemberPage,
  MessageItem,
  MessagePage,
  MessageReceipts,
  OrderPage,
  OrderView,
  Outgoing,
  ReportReaders,
} from "@copconnect/client/core";
import type { AttachmentId, ClientId, ConversationId, MessageId } from "@copconnect/client/wire";
import { t } from "#i18n/index.svelte.ts";
import { BEAT, DIRECTORY, HEAD, ME, PEOPLE, id, plateOf } from "./department.ts";
import { claimedBy } from "./bridge.ts";
import { bodyOf, previewOf, quoteOf } from "./preview.ts";
import { DISTRICT_TALK, makeScene, type Scene, type Talk } from "./scene.ts";
import type { Deed } from "./steps.ts";

/** Colleagues answer as fast as people would who have the phone in the hand. */
const SENT_MS = 250;
const READ_MS = 900;
const ANSWER_MS = 1_800;
const NOTHING: readonly never[] = [];

function refusal(code: string): CoreError {
  return { code, retry: false, retryAfterMs: null, details: {} };
}

class Station {
  readonly #scene: Scene;
  readonly #note: (deed: Deed) => void;
  readonly #files = new Map<AttachmentId, Blob>();
  #order: OrderView;
  #hasOrder: boolean;
  #listeners: readonly CoreListener[] = [];
  #live: readonly (LiveShare & LivePlace)[] = [];
  #made = 1_000;

  constructor(withOrder: boolean, note: (deed: Deed) => void) {
    this.#scene = makeScene(withOrder);
    this.#order = this.#scene.order;
    this.#hasOrder = withOrder;
    this.#note = note;
  }

  // --- The app and its people --------------------------------------------------------------------

  subscribe(listener: CoreListener): () => void {
    this.#listeners = [...this.#listeners, listener];
    return () => (this.#listeners = this.#listeners.filter((one) => one !== listener));
  }
  #emit(event: CoreEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
  readonly app = {
    start: async (): Promise<AppState> => {
      return {
        phase: "ready",
        reason: null,
        kept: false,
        lostLock: null,
        me: ME,
        clientId: id<ClientId>(9, 1),
        unitAdmin: false,
        lock: { enabled: false, passphrase: false, autoLockMs: 0, triesLeft: null },
        connection: "online",
        outbox: 0,
        catchingUp: false,
        device: { confirmed: "admin", confirmers: [], sinceMs: null },
        history: null,
        updateRequired: false,
        clockSkewMs: 0,
        timeWaitMs: null,
      };
    },
    state: (): Promise<AppState> => this.app.start(),
    setVisible: async () => undefined,
  } satisfies Partial<ConnectedCore["app"]>;

  readonly people = {
    directory: async () => DIRECTORY,
    search: async () => ({ people: [...PEOPLE], next: null, total: PEOPLE.length }),
    get: async (personId) => {
      const found = PEOPLE.find((one) => one.personId === personId);
      if (found === undefined) throw refusal("not_found");
      return found;
    },
    blocked: async () => NOTHING,
  } satisfies Partial<ConnectedCore["people"]>;

  readonly posts = {
    chain: async () => ({ units: [] }),
    ofUnit: async () => NOTHING,
    find: async () => NOTHING,
  } satisfies Partial<ConnectedCore["posts"]>;

  readonly devices = {
    own: async () => NOTHING,
    unconfirmed: async () => NOTHING,
    alarms: async () => NOTHING,
    grants: async () => NOTHING,
    of: async () => NOTHING,
  } satisfies Partial<ConnectedCore["devices"]>;

  readonly consultation = {
    quickReplies: async () => null,
    questions: async () => NOTHING,
  } satisfies Partial<ConnectedCore["consultation"]>;

  // --- Conversations -----------------------------------------------------------------------------

  #talk(conversationId: ConversationId): Talk {
    const found = this.#scene.talks.find((one) => one.item.conversationId === conversationId);
    if (found === undefined) throw refusal("not_found");
    return found;
  }
  #change(talk: Talk, change: Partial<ConversationItem>): void {
    talk.item = { ...talk.item, ...change };
    this.#emit({ type: "conversation", item: talk.item });
  }
  readonly conversations = {
    list: async (): Promise<readonly ConversationItem[]> => {
      return this.#scene.talks.map(({ item }) => item);
    },
    get: async (conversationId: ConversationId): Promise<ConversationItem> => {
      return this.#talk(conversationId).item;
    },
    openDirect: async (personId) => {
      const found = this.#scene.talks.find(({ item }) => item.direct?.personId === personId);
      if (found === undefined) throw refusal("practice_only");
      return found.item;
    },
    setPreferences: async (conversationId, preferences) => {
      this.#change(this.#talk(conversationId), preferences);
    },
    encryption: async (conversationId: ConversationId): Promise<EncryptionView> => {
      this.#note("encryption");
      const { item } = this.#talk(conversationId);
      return {
        conversationId,
        people: item.members,
        unregistered: 0,
        unregisteredPeople: [],
        devices: item.devices,
        whole: true,
        unconfirmed: [],
        waiting: 0,
        refused: 0,
        rosterEpoch: 1,
        keyAgeMs: 3_600_000,
        kem: "x-wing",
        historyFromMs: null,
        headCode: "11111 22222 33333 44444 55555 66666 77777 88888",
      };
    },
    saveDraft: async (conversationId, draft) => {
      this.#change(this.#talk(conversationId), { draft: draft === "" ? null : draft });
    },
    keepDraftFiles: async (_, files) => files,
    draftFiles: async () => NOTHING,
  } satisfies Partial<ConnectedCore["conversations"]>;

  readonly members = {
    list: async (conversationId: ConversationId): Promise<readonly MemberItem[]> => {
      return this.#talk(conversationId).people.map((one) => ({
        plate: plateOf(one),
        admin: one === HEAD,
        me: one === ME,
        deliveredSeq: 0,
        readSeq: 0,
        registered: true,
        reads: "yes",
        listed: true,
        historyFromMs: null,
        devices: [],
      }));
    },
    page: async (conversationId): Promise<MemberPage> => ({
      members: await this.members.list(conversationId),
      next: null,
    }),
  } satisfies Partial<ConnectedCore["members"]>;

  // --- Messages ----------------------------------------------------------------------------------

  readonly messages = {
    page: async (conversationId: ConversationId): Promise<MessagePage> => {
      const { item, messages } = this.#talk(conversationId);
      const firstUnread = item.unread > 0 ? (messages.at(-item.unread)?.messageId ?? null) : null;
      return { messages: [...messages], more: false, firstUnread };
    },
    send: async (
      conversationId: ConversationId,
      outgoing: Outgoing,
      replyTo: MessageId | null,
    ): Promise<MessageItem> => {
      const talk = this.#talk(conversationId);
      const body = bodyOf(outgoing, (attachmentId, file) => this.#files.set(attachmentId, file));
      if (body === null) throw refusal("practice_only");
      const quoted = talk.messages.find((one) => one.messageId === replyTo);
      const number = ++this.#made;
      const message: MessageItem = {
        ...{ messageId: id<MessageId>(4, number), conversationId, seq: null, body },
        sender: plateOf(ME),
        mine: true,
        sentMs: Date.now(),
        preview: previewOf(body),
        replyTo: quoted === undefined ? null : quoteOf(quoted),
        answer: null,
        status: "sending",
        failure: null,
      };
      this.#put(talk, message);
      setTimeout(() => this.#put(talk, { ...message, seq: number, status: "delivered" }), SENT_MS);
      setTimeout(() => {
        this.#put(talk, { ...message, seq: number, status: "read" });
        this.#noteSent(body.kind, quoted !== undefined);
      }, READ_MS);
      setTimeout(() => this.#answer(talk), ANSWER_MS);
      return message;
    },
    markRead: async (conversationId) => {
      const talk = this.#talk(conversationId);
      if (talk.item.unread > 0) this.#change(talk, { unread: 0 });
    },
    receipts: async (conversationId, messageId) => {
      this.#note("receipts");
      const { item, people } = this.#talk(conversationId);
      const others = people.filter((one) => one !== ME).map(plateOf);
      const many = item.members > people.length;
      const totals = {
        people: item.members - 1,
        phones: item.members - 1,
        delivered: 405,
        read: 231,
      };
      const none = { lacksKey: [], waiting: [], unregistered: [], signedOut: [] };
      return {
        ...{ messageId, many, totals: many ? totals : null, ...none },
        read: many ? [] : others.slice(0, 3),
        delivered: many ? [] : others.slice(3),
      } satisfies MessageReceipts;
    },
  } satisfies Partial<ConnectedCore["messages"]>;
  #put(talk: Talk, message: MessageItem): void {
    const at = talk.messages.findIndex((one) => one.messageId === message.messageId);
    if (at < 0) talk.messages.push(message);
    else talk.messages[at] = message;
    const { conversationId } = talk.item;
    this.#emit({ type: "messages", conversationId, items: [message] });
    const { preview, sender, mine, sentMs, status } = message;
    this.#change(talk, { last: { preview, sender, mine, sentMs, status } });
  }

  #noteSent(kind: MessageItem["body"]["kind"], reply: boolean): void {
    if (kind === "location" || kind === "live") this.#note("located");
    else this.#note(reply ? "replied" : "sent");
  }
  #answer(talk: Talk): void {
    const from = talk.item.direct === null ? BEAT : HEAD;
    const body = { kind: "text", text: t("training.scene.answer"), mentions: [] } as const;
    const number = ++this.#made;
    this.#put(talk, {
      ...{ messageId: id<MessageId>(4, number), conversationId: talk.item.conversationId },
      ...{ seq: number, sender: plateOf(from), mine: false, sentMs: Date.now(), body },
      ...{ preview: previewOf(body), replyTo: null, answer: null, status: null, failure: null },
    });
  }

  readonly attachments = {
    get: async (attachmentId): Promise<Blob> => {
      const file = this.#files.get(attachmentId);
      if (file === undefined) throw refusal("not_found");
      return file;
    },
    range: async (attachmentId, start, end): Promise<Uint8Array> => {
      const file = await this.attachments.get(attachmentId);
      return new Uint8Array(await file.slice(start, end).arrayBuffer());
    },
  } satisfies Partial<ConnectedCore["attachments"]>;

  readonly guard = {
    /** The weights stay with the real core, which judges as in earnest. The policy is the shipped one. */
    verdict: async (conversationId: ConversationId, written: string): Promise<GuardVerdict> => {
      const { item } = this.#talk(conversationId);
      const others = item.members - 1;
      const claimed = item.direct === null ? ((await claimedBy(written)) ?? "fine") : "fine";
      if (claimed === "fine") return { act: "fine", claimed, others };
      this.#note("guarded");
      return { act: conversationId === DISTRICT_TALK ? "hold" : "nudge", claimed, others };
    },
    wasWrong: async () => undefined,
  } satisfies Partial<ConnectedCore["guard"]>;

  // --- Forwarding and reports --------------------------------------------------------------------

  readonly forwarding = {
    choice: async (): Promise<ForwardChoice> => ({
      ...{ most: 5, often: false },
      closed: [{ conversationId: DISTRICT_TALK, why: "large" }],
    }),
    forward: async ({ conversationId, messageId }, to) => {
      const original = this.#talk(conversationId).messages.find(
        (one) => one.messageId === messageId,
      );
      if (original === undefined) throw refusal("not_found");
      for (const one of to) {
        const number = ++this.#made;
        this.#put(this.#talk(one), {
          ...{ messageId: id<MessageId>(4, number), conversationId: one, seq: number },
          ...{ sender: plateOf(ME), mine: true, sentMs: Date.now(), body: original.body },
          ...{ preview: original.preview, replyTo: null, answer: null, status: "delivered" },
          ...{ failure: null, forwarded: "some" },
        });
      }
      this.#note("forwarded");
    },
  } satisfies Partial<ConnectedCore["forwarding"]>;

  readonly conduct = {
    code: async (language) => ({
      ...{ version: 1, createdMs: 0, language, title: t("training.scene.code") },
      rules: [t("training.scene.rule1"), t("training.scene.rule2"), t("training.scene.rule3")],
    }),
  } satisfies Partial<ConnectedCore["conduct"]>;
  /** The calls of the sheet of a report, which makes no use of the answer to a report. */
  reports = refusing({
    reportReaders: (): Promise<ReportReaders> =>
      Promise.resolve({ people: [plateOf(HEAD)], unreached: [], before: 1 }),
    report: () => {
      this.#note("reported");
      return Promise.resolve();
    },
  });

  // --- Places ------------------------------------------------------------------------------------

  readonly live = {
    share: async (conversationId, place, forMs) => {
      const untilMs = Date.now() + forMs;
      const item = await this.messages.send(
        conversationId,
        { kind: "live", untilMs, ...place },
        null,
      );
      const { messageId, sender } = item;
      this.#live = [{ ...{ conversationId, messageId, untilMs, sender }, ...place, mine: true }];
      this.#emit({ type: "live", shares: this.#live });
      return item;
    },
    stop: async () => {
      this.#live = [];
      this.#emit({ type: "live", shares: [] });
    },
    shares: async () => this.#live,
    places: async () => this.#live,
    move: async (place: LiveStart) => {
      this.#live = this.#live.map((one) => ({ ...one, ...place }));
      return this.#live;
    },
  } satisfies Partial<ConnectedCore["live"]>;

  // --- Orders ------------------------------------------------------------------------------------

  readonly orders = {
    page: async ({ box }): Promise<OrderPage> => {
      const listed = this.#hasOrder && box !== "issued" && (box === "all" || this.#order.owed);
      return { orders: listed ? [this.#order] : [], next: null };
    },
    get: async (orderId, fresh) => {
      if (orderId !== this.#order.orderId) throw refusal("not_found");
      // The order's own page asks for the newest word; a card in a conversation does not.
      if (fresh === true) this.#note("order");
      return this.#order;
    },
    acknowledge: async (_, { choice }) => {
      const acknowledgement = { choice, toldBy: null, createdMs: Date.now() };
      this.#order = { ...this.#order, owed: false, acknowledgement };
      this.#emit({ type: "order", order: this.#order });
      this.#note("acknowledged");
      return this.#order;
    },
    issuing: async () => ({ here: null, anywhere: NOTHING }),
    drafts: async () => NOTHING,
  } satisfies Partial<ConnectedCore["orders"]>;
}

/** An object whose other calls are refused as no part of the practice. */
function refusing(object: object): object {
  return new Proxy(object, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own === "function") return own.bind(target);
      // A promise resolves with this object: it must not look like one itself.
      if (own !== undefined || typeof name === "symbol" || name === "then") return own;
      return refusing(() => Promise.reject(refusal("practice_only")));
    },
  });
}

export function practiceCore(withOrder: boolean, note: (deed: Deed) => void): ConnectedCore {
  return refusing(new Station(withOrder, note)) as ConnectedCore;
}
