/** An order while it is written: its beginning, what keeps it from being sent, what to know before. Pure. */
import {
  blankOrder,
  newId,
  wordingsOf,
  type ConversationItem,
  type Issuing,
  type OrderDraft,
  type OrderWording,
  type OutgoingOrder,
} from "@copconnect/client/core";
import type { ConversationId, Language, MessageId, OrderPriority } from "@copconnect/client/wire";
import { languageOf } from "#i18n/script.ts";

const MINUTE_MS = 60_000;
const YEAR_MS = 366 * 24 * 60 * MINUTE_MS;
export const MOST_CHOICES = 6;
export const MOST_REMINDERS = 5;
export const MOST_READERS = 8;
export const TITLE = 160;
export const TEXT = 16_384;
export const REFERENCE = 80;
export const REASON = 255;
export const CHOICE = 80;
export const ITEM = 160;
export const MOST_ITEMS = 12;
/** Minutes after which people who have not acknowledged are reminded. */
export const REMINDERS = [15, 30, 60, 120, 240, 480, 1_440] as const;

export function emptyDraft(conversationId: ConversationId | null, language: Language): OrderDraft {
  return {
    draftId: newId<MessageId>(),
    template: null,
    conversationId,
    unitIds: [],
    order: blankOrder(language),
    sendAtMs: null,
    savedMs: 0,
    filesLost: false,
  };
}

/** The order with other words in one of its languages. */
export function withWords(
  order: OutgoingOrder,
  within: Language,
  words: Partial<OrderWording>,
): OutgoingOrder {
  if (within !== order.language) {
    const other = (one: OrderWording): OrderWording =>
      one.language === within ? { ...one, ...words } : one;
    return { ...order, translations: order.translations.map(other) };
  }
  const next = { ...order, ...words };
  const written = `${next.title} ${next.text}`;
  // An order in one language is in the language whose letters it has.
  const only = order.translations.length === 0 && /\p{L}/u.test(written);
  return only ? { ...next, language: languageOf(written) } : next;
}

/** The order with a place for one more language. */
export function withLanguage(order: OutgoingOrder, language: Language): OutgoingOrder {
  const [choices, items] = [order.choices, order.items].map((all) => all.map(() => ""));
  const added = { language, title: "", text: "", choices: choices ?? [], items: items ?? [] };
  return { ...order, translations: [...order.translations, added] };
}

/** The order without its words in a language; the next one is first in the place of the first. */
export function withoutLanguage(order: OutgoingOrder, language: Language): OutgoingOrder {
  const left = wordingsOf<OrderWording>(order)
    .filter((one) => one.language !== language)
    .map(({ language: other, title, text, choices, items }) => {
      return { language: other, title, text, choices, items };
    });
  const [first, ...translations] = left;
  if (first === undefined) return order;
  // Mentions are places in the first text.
  const mentions = first.language === order.language ? order.mentions : [];
  return { ...order, ...first, mentions, translations };
}

/** The order with its choices or items changed alike in every language. */
export function withList(
  order: OutgoingOrder,
  list: "choices" | "items",
  change: (texts: readonly string[], language: Language) => readonly string[],
): OutgoingOrder {
  const changed = <W extends OrderWording>(one: W): W => {
    return { ...one, [list]: change(one[list], one.language) };
  };
  return { ...changed(order), translations: order.translations.map(changed) };
}

/** The first language in which a title, a choice or an item is missing; null: none is. */
export function unwrittenIn(order: OutgoingOrder): Language | null {
  const missing = wordingsOf<OrderWording>(order).find(({ title, choices, items }) =>
    [title, ...choices, ...items].some((one) => one.trim() === ""),
  );
  return missing?.language ?? null;
}

/** A new order with the words and terms of a template, its validity as long as the template's was. */
export function fromTemplate(template: OrderDraft, nowMs: number): OrderDraft {
  const { validUntilMs } = template.order;
  const span = validUntilMs === null ? null : validUntilMs - template.savedMs;
  const order = { ...template.order, validUntilMs: span === null ? null : nowMs + span };
  return { ...template, order, draftId: newId<MessageId>(), template: null, sendAtMs: null };
}

/** How many other people a conversation has: without any, an order would reach nobody. */
export function othersIn({ kind, members }: Pick<ConversationItem, "kind" | "members">): number {
  return Math.max(0, (kind === "direct" ? 2 : members) - 1);
}

/** An order to more people than this is looked at once more before it goes out. */
export const LOOK_ABOVE = 20;
export const PRIORITIES: readonly OrderPriority[] = ["routine", "urgent", "flash"];

/** The chosen conversation, as it limits orders. `issuing`: null: not known yet. */
export interface OrderLimits {
  readonly admin: boolean;
  /** Only flash orders go out before the officer course. */
  readonly trainingFirst: boolean;
  readonly issuing: Issuing | null;
}

/** The priorities that can be chosen; before there is a conversation, those of anywhere. */
export function prioritiesOf(place: OrderLimits | null, anywhere: readonly OrderPriority[]) {
  return PRIORITIES.filter((one) => {
    if (place === null) return anywhere.includes(one);
    const here = place.issuing?.here ?? place.issuing?.anywhere ?? PRIORITIES;
    return here.includes(one) && (one === "flash" ? place.admin : !place.trainingFirst);
  });
}

/** Why an order cannot be sent as it is. */
export type OrderProblem =
  | "noAudience"
  | "noTitle"
  | "textsTooLong"
  | "emptyChoice"
  | "oneChoice"
  | "emptyItem"
  | "over"
  | "tooLong"
  | "remindsLate"
  | "sendsLate"
  | "noRight"
  | "outside"
  | "priorityRight"
  | "trainingFirst"
  | "flashAdmin";

/** Problems that an order to oneself does not have. */
export const OF_AUDIENCE: readonly OrderProblem[] = [
  ...(["noAudience", "outside", "priorityRight", "trainingFirst", "flashAdmin"] as const),
];

/** Problems that another audience mends, whatever else the order says: shown where it is chosen. */
export const AT_AUDIENCE: readonly OrderProblem[] = ["noAudience", "outside", "noRight"];

/** Advice for the issuer before sending. */
export type Advice = "outlastsReminders" | "noReminders" | "escalatesBeforeReminder";

export function problemsOf(
  { conversationId, unitIds, order, sendAtMs }: OrderDraft,
  place: OrderLimits | null,
  nowMs: number,
): readonly OrderProblem[] {
  const found: OrderProblem[] = [];
  const startMs = Math.max(nowMs, sendAtMs ?? 0);
  const { validUntilMs, choices } = order;
  if (conversationId === null && unitIds.length === 0) found.push("noAudience");
  const all = wordingsOf<OrderWording>(order);
  if (all.some(({ title }) => title.trim() === "")) found.push("noTitle");
  if (all.reduce((sum, { text }) => sum + text.length, 0) > TEXT) found.push("textsTooLong");
  if (all.some((one) => one.choices.some((text) => text.trim() === ""))) found.push("emptyChoice");
  else if (choices.length === 1) found.push("oneChoice");
  if (all.some((one) => one.items.some((text) => text.trim() === ""))) found.push("emptyItem");
  if (place !== null) found.push(...rightOf(order.priority, place));
  if (validUntilMs !== null) {
    if (validUntilMs <= nowMs) found.push("over");
    else if (validUntilMs > startMs + YEAR_MS) found.push("tooLong");
    else if (sendAtMs !== null && validUntilMs <= sendAtMs) found.push("sendsLate");
    else if (startMs + lastMinute(order) * MINUTE_MS >= validUntilMs && lastMinute(order) > 0)
      found.push("remindsLate");
  }
  return found;
}

/** Why an order of this priority cannot go to this conversation. */
function rightOf(
  priority: OrderPriority,
  { admin, trainingFirst, issuing }: OrderLimits,
): OrderProblem[] {
  const { here = null, anywhere = PRIORITIES } = issuing ?? {};
  if (anywhere.length === 0) return ["noRight"];
  if (here?.length === 0) return ["outside"];
  if (priority === "flash" && !admin) return ["flashAdmin"];
  if (!(here ?? anywhere).includes(priority)) return ["priorityRight"];
  return trainingFirst && priority !== "flash" ? ["trainingFirst"] : [];
}

function lastMinute({ remindMinutes, escalateMinutes }: OutgoingOrder): number {
  return Math.max(0, ...remindMinutes, escalateMinutes ?? 0);
}

export function adviceOf({ order, sendAtMs }: OrderDraft, nowMs: number): readonly Advice[] {
  const found: Advice[] = [];
  const { validUntilMs, remindMinutes, escalateMinutes, priority } = order;
  const last = Math.max(0, ...remindMinutes);
  const startMs = Math.max(nowMs, sendAtMs ?? 0);
  if (remindMinutes.length === 0 && priority !== "routine") found.push("noReminders");
  // More than half of the validity passes without a reminder.
  else if (
    last > 0 &&
    validUntilMs !== null &&
    startMs + last * MINUTE_MS < startMs + (validUntilMs - startMs) / 2
  )
    found.push("outlastsReminders");
  const [first] = remindMinutes;
  if (escalateMinutes !== null && first !== undefined && escalateMinutes <= first)
    found.push("escalatesBeforeReminder");
  return found;
}

/** The value of a `datetime-local` field; "" for none. */
export function localMoment(ms: number | null): string {
  if (ms === null) return "";
  const shifted = new Date(ms - new Date(ms).getTimezoneOffset() * MINUTE_MS);
  return shifted.toISOString().slice(0, 16);
}

export function momentOf(value: string): number | null {
  const ms = value === "" ? NaN : new Date(value).getTime();
  return Number.isNaN(ms) ? null : ms;
}
