/** The person or group of a legal hold in words, and its last day. */
import type { LegalHold } from "@copconnect/client/wire";
import { nameOf } from "#i18n/format.ts";
import { c } from "#console/words.ts";

const DAY_MS = 86_400_000;

/** The person or the group. A conversation that members made has no name that the server knows. */
export function heldText({
  person,
  title,
  conversationId,
}: Pick<LegalHold, "person" | "title" | "conversationId">): string {
  if (person !== null) return nameOf(person.names);
  if (title !== null) return nameOf(title);
  return conversationId === null ? c("holds.nobody") : c("holds.unnamed", { id: conversationId });
}

/** When a hold ends whose last day, YYYY-MM-DD in India, is this one; null: none was given. */
export function endOf(day: string): number | null {
  return day === "" ? null : Date.parse(`${day}T00:00+05:30`) + DAY_MS;
}
