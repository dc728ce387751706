/**
 * People whom a message calls although they muted its conversation. The server cannot read mentions, so
 * the sender tells it these people's ids in the clear (docs/threat-model.md).
 */
import { calledPerson, type CardSource } from "../conversation/called-people.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import type { PersonId } from "../ids.ts";
import { mayCallEverybody } from "../conversation/record.ts";
import { names, withoutCallsToMany } from "../kinds/called.ts";
import { mentionsOf, type Decoded } from "../kinds/content.ts";
import { WAKES } from "../limits.ts";

/** A direct conversation calls no one by name: its every message is for one person. */
export async function mentionedPeople(
  context: CardSource & Pick<DeviceContext, "identity">,
  { record, members }: Pick<Conversation, "record" | "members">,
  content: Decoded,
): Promise<PersonId[]> {
  if (record.kind === "direct") return [];
  const mentions = mentionsOf(mayCallEverybody(record) ? content : withoutCallsToMany(content));
  const people = new Set(mentions.flatMap((one) => ("personId" in one ? [one.personId] : [])));
  if (mentions.some((one) => "post" in one || "rank" in one)) {
    for (const { personId } of members.members) {
      const person = await calledPerson(context, personId);
      if (mentions.some((one) => names(one, person))) people.add(personId);
    }
  }
  people.delete(context.identity().personId);
  return [...people].slice(0, WAKES);
}
