/**
 * An order: a message that asks everybody in the conversation for an acknowledgement. The issuer signs
 * its terms as part of the message; the server gets the same terms in the clear (`termsOf`), and
 * readers compare the two.
 */
import { failure } from "../failure.ts";
import type { MessageId, PersonId } from "../ids.ts";
import { ORDER_CHOICES, ORDER_ITEMS, ORDER_READERS, ORDER_UNITS, REMINDERS } from "../limits.ts";
import type { AttachmentView, Mention, OutgoingAttachment } from "./parts.ts";
import type { Language, OrderPriority, OrderTerms } from "../wire.ts";
import {
  MAX_ATTACHMENTS,
  MAX_TEXT,
  Misshapen,
  attachment,
  boolean,
  id,
  integer,
  isFields,
  list,
  mentions,
  nullable,
  string,
} from "./fields.ts";
import type { AttachmentPointer, ContentFields } from "./fields.ts";
import { NOT_FORWARDED, PREVIEW, type WrittenKind } from "./kind.ts";
import { fitsTogether, textsOf, translated, titledText, wordingsOf } from "./wording.ts";
import type { Translated, TitledText } from "./wording.ts";

/** Longest reference, and text of a choice or of an item, in UTF-16 units. */
export const ORDER_REFERENCE = 80;
export const ORDER_CHOICE = 80;
export const ORDER_ITEM = 160;
const MOST_MINUTES = 43_200;

/** The words of an order in one language; every language has as many choices and items. */
export interface OrderWording extends TitledText {
  readonly choices: readonly string[];
  /** The checklist: each person ticks the items that are done. An order with one asks for no answer. */
  readonly items: readonly string[];
}

interface OrderWords extends Translated<OrderWording> {
  readonly reference: string;
  readonly priority: OrderPriority;
  readonly validUntilMs: number | null;
  /** A short answer is asked for. */
  readonly answers: boolean;
  /** A photo is asked for as proof. */
  readonly photo: boolean;
  /** People who read answers beside the issuer, and may withdraw the order. */
  readonly readers: readonly PersonId[];
  readonly remindMinutes: readonly number[];
  readonly escalateMinutes: number | null;
  readonly escalateBelow: number;
  /** In the text of the first language. */
  readonly mentions: readonly Mention[];
}

/** Orders that were issued together, each to another unit. */
export interface OrderSeries {
  readonly id: MessageId;
  /** The place of this one, from 0, and how many there are. */
  readonly at: number;
  readonly of: number;
}

export interface OrderContent extends OrderWords {
  readonly kind: "order";
  readonly series: OrderSeries | null;
  readonly attachments: readonly AttachmentPointer[];
}

export interface OrderBody extends OrderWords {
  readonly kind: "order";
  readonly attachments: readonly AttachmentView[];
}

/** The beginning of a title in one more language. */
export interface TranslatedTitle {
  readonly language: Language;
  readonly text: string;
}

export interface OrderPreview {
  readonly kind: "order";
  readonly priority: OrderPriority;
  readonly language: Language;
  readonly text: string;
  readonly translations: readonly TranslatedTitle[];
}

export interface OutgoingOrder extends OrderWords {
  readonly kind: "order";
  readonly attachments: readonly OutgoingAttachment[];
}

/** An order before its issuer writes anything: in one language, without terms. */
export function blankOrder(language: Language): OutgoingOrder {
  return {
    kind: "order",
    language,
    translations: [],
    title: "",
    text: "",
    reference: "",
    priority: "routine",
    validUntilMs: null,
    choices: [],
    items: [],
    answers: false,
    photo: false,
    readers: [],
    remindMinutes: [],
    escalateMinutes: null,
    escalateBelow: 80,
    mentions: [],
    attachments: [],
  };
}

/** The terms that a device sends the server in the clear beside an order. */
export function termsOf(content: OrderContent): OrderTerms {
  return {
    t: "order",
    priority: content.priority,
    choices: content.choices.length,
    items: content.items.length,
    answers: content.answers,
    photo: content.photo,
    readers: [...content.readers],
    validUntilMs: content.validUntilMs,
    remindMinutes: [...content.remindMinutes],
    escalateMinutes: content.escalateMinutes,
    escalateBelow: content.escalateBelow,
  };
}

/** Whether the server states the terms that the issuer signed. */
export function sameTerms(one: OrderTerms, other: OrderTerms): boolean {
  return (
    one.priority === other.priority &&
    one.choices === other.choices &&
    one.items === other.items &&
    one.answers === other.answers &&
    one.photo === other.photo &&
    one.validUntilMs === other.validUntilMs &&
    one.escalateMinutes === other.escalateMinutes &&
    one.escalateBelow === other.escalateBelow &&
    sameList(one.readers, other.readers) &&
    sameList(one.remindMinutes, other.remindMinutes)
  );
}

function sameList<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((each, at) => each === other[at]);
}

const PRIORITIES: ReadonlySet<unknown> = new Set<OrderPriority>(["routine", "urgent", "flash"]);

function isPriority(value: unknown): value is OrderPriority {
  return PRIORITIES.has(value);
}

function series(value: unknown): OrderSeries {
  if (!isFields(value)) throw new Misshapen();
  const of = integer(value["of"], ORDER_UNITS);
  return { id: id<MessageId>(value["id"]), at: integer(value["at"], of - 1), of };
}

function orderWording(value: unknown): OrderWording {
  const { choices = null, items = null } = isFields(value) ? value : {};
  return {
    ...titledText(value),
    choices: list(choices, ORDER_CHOICES, (v) => string(v, ORDER_CHOICE)),
    items: list(items, ORDER_ITEMS, (v) => string(v, ORDER_ITEM)),
  };
}

/** Every choice and every item is there in every language. */
function isWhole(words: Translated<OrderWording>): boolean {
  const { choices, items } = words;
  return words.translations.every(
    (one) => one.choices.length === choices.length && one.items.length === items.length,
  );
}

function words(fields: ContentFields): Translated<OrderWording> {
  const found = translated(fields, orderWording);
  if (!isWhole(found)) throw new Misshapen();
  return found;
}

/** The beginnings of the titles in the other languages. */
export function translatedTitles(words: Translated<TitledText>): readonly TranslatedTitle[] {
  return words.translations.map(({ language, title }) => ({
    language,
    text: title.slice(0, PREVIEW),
  }));
}

function priority(value: unknown): OrderPriority {
  if (!isPriority(value)) throw new Misshapen();
  return value;
}

export const order: WrittenKind<OrderContent, OrderBody, OrderPreview, OutgoingOrder> = {
  read: (fields) => ({
    kind: "order",
    ...words(fields),
    reference: string(fields["reference"], ORDER_REFERENCE),
    priority: priority(fields["priority"]),
    validUntilMs: nullable(fields["validUntilMs"], (v) => integer(v, Number.MAX_SAFE_INTEGER)),
    answers: boolean(fields["answers"]),
    photo: boolean(fields["photo"]),
    readers: list(fields["readers"], ORDER_READERS, id<PersonId>),
    remindMinutes: list(fields["remindMinutes"], REMINDERS, (v) => integer(v, MOST_MINUTES)),
    escalateMinutes: nullable(fields["escalateMinutes"], (v) => integer(v, MOST_MINUTES)),
    escalateBelow: integer(fields["escalateBelow"], 100),
    mentions: mentions(fields["mentions"]),
    attachments: list(fields["attachments"], MAX_ATTACHMENTS, attachment),
    series: nullable(fields["series"], series),
  }),
  shown: true,
  texts: (content) => [
    ...textsOf(content),
    content.reference,
    ...wordingsOf<OrderWording>(content).flatMap(({ items }) => items),
  ],
  foundAs: "order",
  preview: (content) => {
    const { kind, priority, language, title } = content;
    const translations = translatedTitles(content);
    return { kind, priority, language, text: title.slice(0, PREVIEW), translations };
  },
  body: async (content, shown) => ({
    ...content,
    attachments: await shown.attachments(content.attachments),
  }),
  mentions: (content) => content.mentions,
  attachments: (content) => content.attachments,
  replyTo: () => null,
  ...NOT_FORWARDED,
  compose: (outgoing, _replyTo, prepare) => {
    const { reference, choices, items, answers, readers, attachments: files } = outgoing;
    const all = wordingsOf<OrderWording>(outgoing);
    const fill = (text: string, most: number): boolean => text.trim() !== "" && text.length <= most;
    const fits =
      all.every(({ title }) => title.trim() !== "") &&
      fitsTogether(outgoing) &&
      isWhole(outgoing) &&
      reference.length <= ORDER_REFERENCE &&
      choices.length <= ORDER_CHOICES &&
      items.length <= ORDER_ITEMS &&
      (items.length === 0 || !answers) &&
      all.every((one) => one.choices.every((text) => fill(text, ORDER_CHOICE))) &&
      all.every((one) => one.items.every((text) => fill(text, ORDER_ITEM))) &&
      readers.length <= ORDER_READERS &&
      files.length <= MAX_ATTACHMENTS;
    if (!fits) throw failure("message_invalid", { details: { limit: MAX_TEXT } });
    return { ...outgoing, attachments: files.map(prepare), series: null };
  },
};
