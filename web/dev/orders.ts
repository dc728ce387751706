/** The scripted core's orders: some of each kind, in three languages, that can be acknowledged. */
import {
  blankOrder,
  type ConversationItem,
  type Core,
  type GivenAcknowledgement,
  type Issuing,
  type OrderBody,
  type OrderChangeBody,
  type OrderDraft,
  type OrderView,
} from "@copconnect/client/core";
import type { ConversationId, IssuableUnit, MessageId, UnitId } from "@copconnect/client/wire";
import { id, orderOf, refusal } from "#practice/items.ts";
import { ME, PEOPLE, UNITS, plate } from "./organisation.ts";
import { ScriptedConsultation } from "./consultation.ts";
import { ScriptedTraining } from "./teaching/training.ts";

const HOUR_MS = 3_600_000;

function body(more: Partial<OrderBody>): OrderBody {
  return { ...blankOrder("en"), attachments: [], ...more };
}

/** The order that is the message of a conversation with this number. */
function orderView(
  number: number,
  conversationId: ConversationId,
  hoursAgo: number,
  said: OrderBody,
  more: Partial<OrderView> = {},
): OrderView {
  const issued = {
    ...{ orderId: id<MessageId>(4, 700_000 + number), conversationId, seq: 700_000 + number },
    ...{ issuedMs: Date.now() - hoursAgo * HOUR_MS, issuer: plate(PEOPLE[2] ?? ME), body: said },
  };
  return orderOf(issued, more);
}

function change(
  number: number,
  sentMs: number,
  said: Pick<OrderChangeBody, "change" | "reason"> & Partial<OrderChangeBody>,
): OrderView["changes"][number] {
  const orderId = id<MessageId>(4, 700_000 + number);
  const words = {
    ...({ language: "en", title: "", text: "", translations: [] } as const),
    ...{ asksAgain: false, reference: "", attachments: [] },
  };
  return {
    ...{ messageId: id<MessageId>(4, 710_000 + number), sentMs },
    body: { kind: "order_change", orderId, ...words, ...said },
  };
}

export function sampleOrders(): readonly OrderView[] {
  const now = Date.now();
  const talk = id<ConversationId>(3, 0);
  const bonalu = body({
    language: "te",
    title: "బోనాలు బందోబస్తు: దక్షిణ ద్వారం",
    text: "రేపు ఉదయం 05:30 కి దక్షిణ ద్వారం వద్ద హాజరు కావాలి. ప్రతిబింబ జాకెట్లు, టార్చ్‌లైట్లు తీసుకురండి. 26, 27 తేదీల సెలవులు రద్దు.",
    reference: "CP/HYD/L&O/1147/2026",
    priority: "urgent",
    validUntilMs: now + 9 * HOUR_MS,
    choices: ["పాటిస్తున్నాను", "పాటించలేను", "సందేహం ఉంది"],
    translations: [
      {
        language: "en",
        title: "Bonalu bandobast: south gate",
        text: "Report at the south gate tomorrow at 05:30. Bring reflective jackets and torches. Leave on 26 and 27 is cancelled.",
        choices: ["Complying", "Cannot comply", "I have a question"],
        items: [],
      },
      {
        language: "ur",
        title: "بونالو بندوبست: جنوبی دروازہ",
        text: "کل صبح 05:30 بجے جنوبی دروازے پر حاضر ہوں۔ چمکدار جیکٹ اور ٹارچ ساتھ لائیں۔ 26 اور 27 کی چھٹیاں منسوخ ہیں۔",
        choices: ["تعمیل کر رہا ہوں", "تعمیل ممکن نہیں", "ایک سوال ہے"],
        items: [],
      },
    ],
  });
  return [
    orderView(
      ...([0, talk, 0.1] as const),
      body({
        title: "Look-out: white Swift Dzire, TS 09 EA 4411",
        text: "Snatching at Gulzar Houz, two men, one with a red helmet. Last seen towards Falaknuma. Stop and inform control room.",
        reference: "BOLO 38/2026",
        priority: "flash",
        validUntilMs: now + 2 * HOUR_MS,
      }),
    ),
    orderView(1, talk, 3, bonalu, {
      changes: [
        change(1, now - HOUR_MS, {
          ...{ change: "corrected", language: bonalu.language, title: bonalu.title },
          ...{ text: bonalu.text, translations: bonalu.translations },
          ...{ reason: "సమయం మారింది", asksAgain: true },
        }),
      ],
      earlier: { choice: 0, done: 0, toldBy: null, createdMs: now - 2 * HOUR_MS },
    }),
    orderView(
      ...([2, talk, 26] as const),
      body({
        language: "ur",
        title: "رمضان کے دوران رات کی گشت",
        text: "ہر چوکی رات 10 بجے سے صبح 4 بجے تک دو مرتبہ رپورٹ دے۔",
        reference: "DCP/SZ/212/2026",
        answers: true,
      }),
    ),
    orderView(
      ...([3, talk, 50] as const),
      body({
        title: "Night check of the station",
        text: "Before 23:00. Tick what is done.",
        reference: "SHO/CMR/88",
        items: [
          "Lock-up checked, medicines with the sentry",
          "Arms counted in the kote",
          "CCTV recording",
          "Beat books signed",
          "Generator tried",
        ],
        photo: true,
        translations: [
          {
            language: "te",
            title: "స్టేషన్ రాత్రి తనిఖీ",
            text: "23:00 లోపు. పూర్తయిన వాటికి టిక్ పెట్టండి.",
            choices: [],
            items: [
              "లాకప్ తనిఖీ, మందులు సెంట్రీ వద్ద",
              "ఆయుధాల లెక్క",
              "సీసీటీవీ రికార్డింగ్",
              "బీట్ పుస్తకాలపై సంతకాలు",
              "జనరేటర్ పరీక్ష",
            ],
          },
          {
            language: "ur",
            title: "تھانے کی رات کی جانچ",
            text: "23:00 سے پہلے۔ جو ہو جائے اس پر نشان لگائیں۔",
            choices: [],
            items: [
              "لاک اپ کی جانچ، دوائیں سنتری کے پاس",
              "اسلحے کی گنتی",
              "سی سی ٹی وی ریکارڈنگ",
              "بیٹ بک پر دستخط",
              "جنریٹر کی جانچ",
            ],
          },
        ],
      }),
      {
        ...{ owed: false, unfinished: true },
        acknowledgement: { choice: 0, done: 0b01101, toldBy: null, createdMs: now - 49 * HOUR_MS },
      },
    ),
    orderView(
      ...([4, talk, 72] as const),
      body({
        title: "VIP movement, Falaknuma Palace",
        text: "Route lining from 16:00.",
        priority: "urgent",
      }),
      {
        owed: false,
        withdrawnMs: now - 70 * HOUR_MS,
        changes: [
          change(4, now - 70 * HOUR_MS, { change: "withdrawn", reason: "Visit called off" }),
        ],
      },
    ),
    orderView(
      ...([5, talk, 5] as const),
      body({
        title: "Station diary entries by 20:00",
        text: "All beats.",
        choices: ["Done", "Not yet"],
        items: ["Beats covered", "Entries signed", "Diary closed"],
        photo: true,
      }),
      { mine: true, owed: false, overseen: true, issuer: plate(ME) },
    ),
    orderView(
      ...([6, talk, 30] as const),
      body({
        title: "Naka at Puranapul, 21:00",
        text: "Two SIs and eight PCs.",
        choices: ["Yes", "No"],
      }),
      {
        changes: [
          change(6, now - 28 * HOUR_MS, {
            change: "corrected",
            title: "Naka at Puranapul, 22:00",
            reason: "Procession is late",
            text: "Two SIs and ten PCs.",
          }),
        ],
        sending: {
          ...{ choice: 1, done: 0, answer: null, createdMs: now - HOUR_MS },
          ...{ waitsForReaders: false, photo: false },
          refused: "wrong_time",
        },
      },
    ),
    orderView(
      ...([7, talk, 80] as const),
      body({ title: "Arms kote inspection", text: "Registers ready by 10:00." }),
      { differs: "terms" },
    ),
  ];
}

export abstract class ScriptedOrders extends ScriptedConsultation {
  readonly training = new ScriptedTraining((event) => this.emit(event), this.scenario.lessons);
  readonly #drafts = new Map<MessageId, OrderDraft>();
  abstract readonly conversations: Core["conversations"];
  readonly #ofUnits = new Map<UnitId, ConversationItem>();

  readonly orders = {
    ...this.ownOrders,
    get: async (orderId: MessageId): Promise<OrderView> => this.order(orderId),
    acknowledge: async (orderId: MessageId, given: GivenAcknowledgement): Promise<OrderView> => {
      if (this.now.connection !== "offline") return this.ownOrders.acknowledge(orderId, given);
      const waits = { refused: null, waitsForReaders: false, photo: false };
      const sending = { ...given, createdMs: Date.now(), ...waits };
      return this.changeOrder(orderId, { owed: false, sending });
    },
    dismissRefusal: async (orderId: MessageId): Promise<void> =>
      void this.changeOrder(orderId, { sending: null }),
    issuing: async (conversationId: ConversationId | null): Promise<Issuing> => {
      const anywhere = ["routine", "urgent", "flash"] as const;
      return { here: conversationId === null ? null : anywhere, anywhere };
    },
    drafts: async (): Promise<readonly OrderDraft[]> => {
      return [...this.#drafts.values()].reverse();
    },
    draft: async (draftId: MessageId): Promise<OrderDraft> => {
      const found = this.#drafts.get(draftId);
      if (found === undefined) throw refusal("not_found");
      return found;
    },
    keepDraft: async (draft: OrderDraft): Promise<OrderDraft> => {
      const kept = { ...draft, savedMs: Date.now() };
      this.#drafts.set(draft.draftId, kept);
      return kept;
    },
    dropDraft: async (draftId: MessageId): Promise<void> => {
      this.#drafts.delete(draftId);
    },
  };

  readonly unitOrders = {
    units: async (): Promise<readonly IssuableUnit[]> => {
      const at = (unitId: UnitId): number =>
        PEOPLE.filter((person) => person.unitId === unitId).length +
        UNITS.filter(({ parentId }) => parentId === unitId).reduce(
          (sum, unit) => sum + at(unit.unitId),
          0,
        );
      return UNITS.filter(({ parentId }) => parentId !== null).map(({ unitId }) => ({
        ...{ unitId, people: at(unitId) },
      }));
    },
    open: async (unitIds: readonly UnitId[]): Promise<readonly ConversationItem[]> => {
      return Promise.all(unitIds.map((unitId) => this.#ofUnit(unitId)));
    },
    issue: async (
      { draftId, order, unitIds }: OrderDraft,
      conversationIds: readonly ConversationId[],
    ): Promise<void> => {
      const ids = conversationIds.map((_, at) => id<MessageId>(4, 720_000 + at));
      const together = ids.length > 1 ? ids : null;
      const said = {
        ...{ mine: true, mayWithdraw: true, owed: false, overseen: true },
        ...{ issuer: plate(ME), together },
      };
      const orders = conversationIds.map((conversationId, at) =>
        orderView(20_000 + at, conversationId, 0, { ...order, attachments: [] }, said),
      );
      for (const item of await this.unitOrders.open(unitIds))
        this.emit({ type: "conversation", item: { ...item, empty: false } });
      this.issued.unshift(...orders);
      for (const one of orders) this.emit({ type: "order", order: one });
      await this.orders.dropDraft(draftId);
    },
  };

  async #ofUnit(unitId: UnitId): Promise<ConversationItem> {
    const known = this.#ofUnits.get(unitId);
    if (known !== undefined) return known;
    const people = PEOPLE.filter((person) => person.unitId === unitId);
    const personIds = people.map(({ personId }) => personId);
    const about = { photo: null, whoMaySend: "admins", history: "30_days" } as const;
    const item = await this.conversations.createGroup({ title: "", personIds, ...about });
    const standing = { key: null, title: ME.post, unitId, about: "orders", postId: null } as const;
    const made = { ...item, kind: "announcement", standing, empty: true } as const;
    this.#ofUnits.set(unitId, made);
    this.emit({ type: "conversation", item: made });
    return made;
  }
}
