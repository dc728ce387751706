/** Orders put into words. */
import { UNREADABLE, type Language } from "@copconnect/client/wire";
import {
  wordingIn,
  wordingsOf,
  type AcknowledgedView,
  type OrderBody,
  type OrderChangeBody,
  type OrderView,
  type OrderWording,
  type TitledText,
} from "@copconnect/client/core";
import { dayWithin, formatMoment, formatSpan, formatTime, nameOf } from "#i18n/format.ts";
import { language, t } from "#i18n/index.svelte.ts";

const DAY_MS = 86_400_000;

/** An order as a reader sees it, in one of its languages. */
export interface ShownOrder
  extends TitledText, Pick<OrderBody, "reference" | "attachments" | "mentions"> {
  readonly languages: readonly Language[];
  readonly corrected: boolean;
}

/** The words in all languages, reference and files as the newest correction says them. */
export function currentWords(
  order: OrderView | undefined,
  body: OrderBody,
): OrderBody | OrderChangeBody {
  const corrected = order?.changes.filter((one) => one.body.change === "corrected").at(-1);
  return corrected?.body ?? body;
}

/** The same in the reader's language, or the first; `within`: in that language. */
export function currentText(
  order: OrderView | undefined,
  body: OrderBody,
  within: Language = language.current,
): ShownOrder {
  const words = currentWords(order, body);
  const { language: shown, title, text } = wordingIn<TitledText>(words, within);
  const { reference, attachments } = words;
  const corrected = words !== body;
  return {
    ...{ language: shown, title, text, reference, attachments, corrected },
    mentions: corrected || shown !== body.language ? [] : body.mentions,
    languages: wordingsOf<TitledText>(words).map((one) => one.language),
  };
}

/** The texts of the choices and of the items of the checklist. */
export function listsIn(
  body: OrderBody | null,
  within: Language = language.current,
): Pick<OrderWording, "choices" | "items"> {
  return body === null ? { choices: [], items: [] } : wordingIn<OrderWording>(body, within);
}

/** Whether the item at this place, from 0, is done. */
export function isDone(done: number, at: number): boolean {
  return ((done >> at) & 1) === 1;
}

export function countDone(done: number, items: number): number {
  return Array.from({ length: items }, (_, at) => isDone(done, at)).filter(Boolean).length;
}

/** The numbers of the items that are not done, from 1. */
export function missingItems(done: number, items: number): readonly number[] {
  const all = Array.from({ length: items }, (_, at) => at);
  return all.filter((at) => !isDone(done, at)).map((at) => at + 1);
}

/** A time within a sentence: "today, 18:00", "Thursday, 4 December, 06:00". */
export function momentWords(ms: number, nowMs: number): string {
  const near = Math.abs(ms - nowMs) < 7 * DAY_MS;
  return near
    ? t("orders.at", { day: dayWithin(ms, nowMs), time: formatTime(ms) })
    : formatMoment(ms);
}

/** "Valid until today, 18:00 (3 hours left)"; "" for an order without an end. */
export function validityWords(validUntilMs: number | null, nowMs: number): string {
  if (validUntilMs === null) return "";
  const moment = momentWords(validUntilMs, nowMs);
  if (validUntilMs < nowMs) return t("orders.validity.over", { moment });
  const left = formatSpan(validUntilMs - nowMs);
  return t("orders.validity.left", { moment, left });
}

/** The words of a choice; "" where there is none. */
export function choiceText(body: OrderBody | null, choice: number, within?: Language): string {
  if (choice === 0 || choice === UNREADABLE) return "";
  return listsIn(body, within).choices[choice - 1] ?? String(choice);
}

export function acknowledgedWords(
  body: OrderBody | null,
  { choice, toldBy, createdMs }: AcknowledgedView,
  nowMs: number,
  within?: Language,
): string {
  const moment = momentWords(createdMs, nowMs);
  if (choice === UNREADABLE) return t("orders.unread.said", { moment });
  if (toldBy !== null) return t("orders.state.told", { by: nameOf(toldBy.names), moment });
  return choice === 0
    ? t("orders.state.acknowledged", { moment })
    : t("orders.state.chose", { choice: choiceText(body, choice, within), moment });
}
