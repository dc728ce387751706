/** Orders put into words. */
import { UNREADABLE } from "@copconnect/client/wire";
import type { AcknowledgedView, OrderBody, OrderView } from "@copconnect/client/core";
import { dayWithin, formatMoment, formatSpan, formatTime, nameOf } from "#i18n/format.ts";
import { t } from "#i18n/index.svelte.ts";

const DAY_MS = 86_400_000;

/** Title, text, reference and files as the newest correction says them. */
export function currentText(
  order: OrderView,
  body: OrderBody,
): Pick<OrderBody, "title" | "text" | "reference" | "attachments"> {
  const corrected = order.changes.filter((one) => one.body.change === "corrected").at(-1);
  return corrected?.body ?? body;
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
export function choiceText(body: OrderBody | null, choice: number): string {
  return choice === 0 || choice === UNREADABLE ? "" : (body?.choices[choice - 1] ?? String(choice));
}

export function acknowledgedWords(
  body: OrderBody | null,
  { choice, toldBy, createdMs }: AcknowledgedView,
  nowMs: number,
): string {
  const moment = momentWords(createdMs, nowMs);
  if (choice === UNREADABLE) return t("orders.unread.said", { moment });
  if (toldBy !== null) return t("orders.state.told", { by: nameOf(toldBy.names), moment });
  return choice === 0
    ? t("orders.state.acknowledged", { moment })
    : t("orders.state.chose", { choice: choiceText(body, choice), moment });
}
