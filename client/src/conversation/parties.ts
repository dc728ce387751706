/**
 * R10: a direct conversation belongs to two people. Its id says who they are: neither the server's
 * word for it nor the roster authority's list of devices changes that.
 *
 * Invariants: `directPersonId` is a person whom the id names together with this device's own; once
 * known it stays. The leaf of a third person counts for nothing: no seal, no share, no key of theirs,
 * no message ({@link Heads}, `deviceTargets`).
 */
import type { UnitOfWork } from "./unit-of-work.ts";
import { idOf, type ConversationId, type PersonId } from "../ids.ts";
import type { Leaf } from "../keys/roster/leaf.ts";
import { directId, otherOf } from "../keys/roster/direct.ts";
import { fromHex } from "../octets.ts";
import type { ConversationRecord } from "../records.ts";

type Direct = Pick<ConversationRecord, "directPersonId">;

/** The id of the conversation of a person with oneself. */
export function oneselfId(own: PersonId): ConversationId {
  const bytes = fromHex(own);
  return idOf<ConversationId>(directId(bytes, bytes));
}

/** Compare the id with this device's person paired with each of these. */
export function learnParties(work: UnitOfWork, own: PersonId, people: Iterable<PersonId>): void {
  if (work.record.directPersonId !== null) return;
  const other = otherOf(fromHex(work.record.conversationId), own, people);
  if (other !== null) work.set({ kind: "direct", directPersonId: other });
}

/** Whether somebody's leaf counts: false for a third person in a direct conversation. */
export function isParty({ directPersonId }: Direct, own: PersonId, person: PersonId): boolean {
  return directPersonId === null || person === own || person === directPersonId;
}

/** Take in who is listed; a third person in a direct conversation raises an alarm. */
export function judgeParties(work: UnitOfWork, own: PersonId, leaves: readonly Leaf[]): void {
  learnParties(
    work,
    own,
    leaves.map(({ person }) => person),
  );
  const third = leaves.some(({ person }) => !isParty(work.record, own, person));
  if (third && work.record.alarm === null) work.set({ alarm: "third_person" });
}
