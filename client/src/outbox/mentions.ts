/**
 * People whom a message calls by name although they muted its conversation. The server cannot read
 * mentions, so the sender tells it these people's ids in the clear (docs/threat-model.md). Pure.
 */
import type { PersonId } from "../ids.ts";
import { mentionsOf } from "../kinds/content.ts";
import type { Decoded } from "../kinds/content.ts";
import { WAKES } from "../limits.ts";
import type { ConversationKind } from "../wire.ts";

/** A direct conversation calls no one by name: its every message is for one person. */
export function mentionedPeople(
  content: Decoded,
  kind: ConversationKind,
  self: PersonId,
): PersonId[] {
  if (kind === "direct") return [];
  const people = new Set(mentionsOf(content).map(({ personId }) => personId));
  people.delete(self);
  return [...people].slice(0, WAKES);
}
