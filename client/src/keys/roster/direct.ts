/** The id of a direct conversation binds its two people (R10). */
import { fromHex, toHex, type Bytes, compareBytes } from "../../octets.ts";
import { hash, tag } from "../format/hashing.ts";
import type { PersonId } from "../../ids.ts";
import { refuseUnless } from "../format/refused.ts";

export function directId(one: Uint8Array, other: Uint8Array): Bytes {
  const [lower, higher] = compareBytes(one, other) <= 0 ? [one, other] : [other, one];
  return hash(tag("copconnect direct v1"), lower, higher).subarray(0, 16);
}

/** The person among these, `own` too, whose direct conversation with `own` this is, by its id; null: nobody. */
export function otherOf(
  conversation: Uint8Array,
  own: PersonId,
  people: Iterable<PersonId>,
): PersonId | null {
  const id = toHex(conversation);
  for (const person of new Set(people))
    if (toHex(directId(fromHex(own), fromHex(person))) === id) return person;
  return null;
}

/** R10: refuse to show a conversation as direct whose id is not that of its two people. */
export function requireDirect(
  conversation: Uint8Array,
  people: readonly [PersonId, PersonId],
  sender: PersonId,
): void {
  const id = directId(fromHex(people[0]), fromHex(people[1]));
  refuseUnless(toHex(id) === toHex(conversation), "R10", "not the id of these two people");
  refuseUnless(people.includes(sender), "R10", "sender is a third person");
}
