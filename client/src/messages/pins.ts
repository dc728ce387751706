/**
 * M4: pinned messages. A pin or unpin counts if the signer's leaf has the admin right; in a direct
 * conversation it counts from both people. The pins are read in the order of the log: a pin puts its
 * message on top, an unpin takes it down, and a pin beyond {@link MOST_PINNED} takes the lowest down for
 * good. Pure.
 */
import type { MessageId } from "../ids.ts";
import { byPosition, type PinRecord } from "../mark-records.ts";
import type { ConversationRecord } from "../records.ts";

const MOST_PINNED = 3;
/** Pins and unpins of a conversation that are read: the newest ones. */
const MOST_READ = 64;

/** Whether a person may pin messages; `admin`: that person has the admin right here. */
export function mayPin(
  { directPersonId }: Pick<ConversationRecord, "directPersonId">,
  admin: boolean,
): boolean {
  return directPersonId !== null || admin;
}

/** With one more pin or unpin, in the order of the log. */
export function withPin(pins: readonly PinRecord[], pin: PinRecord): readonly PinRecord[] {
  const others = pins.filter(({ position }) => position !== pin.position);
  return [...others, pin].sort(byPosition).slice(-MOST_READ);
}

/** A message that is pinned, with the person who pinned it last. */
export type Pinned = Pick<PinRecord, "messageId" | "personId">;

/** The pinned messages, the last pinned first, after all of these pins and unpins. */
export function pinnedBy(
  pins: readonly (Pinned & { readonly pinned: boolean })[],
): readonly Pinned[] {
  const found = new Map<MessageId, Pinned>();
  for (const { messageId, personId, pinned } of pins) {
    found.delete(messageId);
    if (pinned) found.set(messageId, { messageId, personId });
    const lowest = found.keys().next().value;
    if (found.size > MOST_PINNED && lowest !== undefined) found.delete(lowest);
  }
  return [...found.values()].reverse();
}
