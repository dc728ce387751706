/** The person or group of a legal hold in words, and its last day. */
import type { WaitingView } from "@copconnect/client/core";
import type { LegalHold, LegalHolds, PersonId } from "@copconnect/client/wire";
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

/** The effect of a waiting act in words. */
interface AskedHold {
  readonly title: string;
  readonly caseNumber: string;
  readonly reason: string;
  readonly untilMs: number | null;
}

/** The case, reason and last day in an act; to lift a hold, the act names it and the list has them. */
export function askedOf(
  act: WaitingView["act"],
  { holds, groups }: LegalHolds,
  nameFor: (personId: PersonId) => string,
): AskedHold | null {
  if (act.act === "hold_messages") {
    const { conversationId, personId, caseNumber, reason, untilMs } = act;
    const group = groups.find((one) => one.conversationId === conversationId);
    const title = group?.title ?? null;
    const name =
      personId === null ? heldText({ person: null, title, conversationId }) : nameFor(personId);
    return { title: c("holds.askTitle", { name }), caseNumber, reason, untilMs };
  }
  if (act.act !== "lift_hold") return null;
  const { holdId, reason } = act;
  const hold = holds.find((one) => one.holdId === holdId);
  if (hold === undefined) return null;
  const { caseNumber, untilMs } = hold;
  const title = c("holds.liftText", { name: heldText(hold), number: caseNumber });
  return { title, caseNumber, reason, untilMs };
}
