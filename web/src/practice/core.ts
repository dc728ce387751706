/**
 * The core of a practice: one station in memory (station.ts). The screens over it are those of the
 * app; this is all that they reach. A call that the practice does not need is refused in words, so
 * that nobody takes the rest of the app for part of the exercise.
 */
import type {
  AppState,
  ConnectedCore,
  EncryptionView,
  GuardVerdict,
  MemberItem,
  MemberPage,
  MessageItem,
  MessageReceipts,
  OrderView,
  ReportReaders,
} from "@copconnect/client/core";
import type { ClientId, ConversationId, MessageId } from "@copconnect/client/wire";
import { t } from "#i18n/index.svelte.ts";
import { BEAT, DIRECTORY, HEAD, ME, PEOPLE, plateOf } from "./department.ts";
import { claimedBy } from "./bridge.ts";
import { encryptionOf, id, refusal } from "./items.ts";
import { DISTRICT_TALK, orderOfScene, talksOf } from "./scene.ts";
import { Station, type ColleagueAnswer, type Talk } from "./station.ts";
import type { Deed } from "./steps.ts";

const NOTHING: readonly never[] = [];

class Exercise extends Station {
  readonly #note: (deed: Deed) => void;

  constructor(orders: readonly OrderView[], note: (deed: Deed) => void) {
    super(plateOf(ME), talksOf(orders), orders);
    this.#note = note;
  }

  protected override answerIn({ item }: Talk): ColleagueAnswer {
    const sender = plateOf(item.direct === null ? BEAT : HEAD);
    return { sender, body: { kind: "text", text: t("training.scene.answer"), mentions: [] } };
  }
  protected override noteRead({ body: { kind }, replyTo }: MessageItem): void {
    if (kind === "location" || kind === "live") this.#note("located");
    else this.#note(replyTo === null ? "sent" : "replied");
  }

  // --- The app and its people --------------------------------------------------------------------

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
        ownAlarm: false,
        updateRequired: false,
        sanctioned: false,
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

  // --- Conversations and messages ----------------------------------------------------------------

  readonly conversations = {
    ...this.ownConversations,
    openDirect: async (personId) => {
      const found = this.talks.find(({ item }) => item.direct?.personId === personId);
      if (found === undefined) throw refusal("practice_only");
      return found.item;
    },
    encryption: async (conversationId: ConversationId): Promise<EncryptionView> => {
      this.#note("encryption");
      return encryptionOf(this.talk(conversationId).item);
    },
    keepDraftFiles: async (_, files) => files,
    draftFiles: async () => NOTHING,
  } satisfies Partial<ConnectedCore["conversations"]>;

  readonly members = {
    list: async (conversationId: ConversationId): Promise<readonly MemberItem[]> => {
      return this.talk(conversationId).people.map((one) => ({
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

  readonly messages = {
    ...this.ownMessages,
    receipts: async (conversationId, messageId) => {
      this.#note("receipts");
      const { item, people } = this.talk(conversationId);
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

  readonly guard = {
    /** The weights stay with the real core, which judges as in earnest. The policy is the shipped one. */
    verdict: async (conversationId: ConversationId, written: string): Promise<GuardVerdict> => {
      const { item } = this.talk(conversationId);
      const others = item.members - 1;
      const claimed = item.direct === null ? ((await claimedBy(written)) ?? "fine") : "fine";
      if (claimed === "fine") return { act: "fine", claimed, others };
      this.#note("guarded");
      return { act: conversationId === DISTRICT_TALK ? "insist" : "nudge", claimed, others };
    },
    wasWrong: async () => undefined,
  } satisfies Partial<ConnectedCore["guard"]>;

  // --- Forwarding and reports --------------------------------------------------------------------

  readonly forwarding = {
    choice: async () => ({
      ...{ most: 5, often: false },
      closed: [{ conversationId: DISTRICT_TALK, why: "large" }],
    }),
    forward: async (from, to, words) => {
      await this.ownForwarding.forward(from, to, words);
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
  readonly reports = {
    reportReaders: (): Promise<ReportReaders> =>
      Promise.resolve({ people: [plateOf(HEAD)], unreached: [], before: 1 }),
    report: async () => this.#note("reported"),
  };

  // --- Orders ------------------------------------------------------------------------------------

  readonly orders = {
    ...this.ownOrders,
    get: async (orderId, fresh) => {
      const order = this.order(orderId);
      // The order's own page asks for the newest word; a card in a conversation does not.
      if (fresh === true) this.#note("order");
      return order;
    },
    acknowledge: async (orderId: MessageId, given) => {
      const order = await this.ownOrders.acknowledge(orderId, given);
      this.#note("acknowledged");
      return order;
    },
    issuing: async () => ({ here: null, anywhere: NOTHING }),
    drafts: async () => NOTHING,
  } satisfies Partial<ConnectedCore["orders"]>;
}

/** An object whose other calls, and those of its objects, are refused as no part of the practice. */
function refusing(object: object): object {
  return new Proxy(object, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own === "function") return own.bind(target);
      if (typeof own === "object" && own !== null) return refusing(own);
      // A promise resolves with this object: it must not look like one itself.
      if (typeof name === "symbol" || name === "then") return own;
      return refusing(() => Promise.reject(refusal("practice_only")));
    },
  });
}

/** `withOrder`: whether an order has come to the station. */
export function practiceCore(withOrder: boolean, note: (deed: Deed) => void): ConnectedCore {
  return refusing(new Exercise(withOrder ? [orderOfScene()] : [], note)) as ConnectedCore;
}
