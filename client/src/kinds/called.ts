/** The people whom a message's mentions call, as the device of each reader decides. Pure. */
import type { PersonId, UnitId } from "../ids.ts";
import type { Called } from "./parts.ts";
import { mentionsOf, type Decoded } from "./content.ts";

/** A person with the words of the signed card; empty where this device has no card. */
export interface CalledPerson {
  readonly personId: PersonId;
  readonly post: string;
  readonly rank: string;
  readonly unitId: UnitId | null;
}

/**
 * How a mention calls a person, the most personal way first: by name, by the post of one unit, by the post in
 * all units, by rank, or as everybody. From `posts` on, it may reach people of several units (M5).
 */
const CALLED_AS = ["person", "post", "posts", "rank", "everybody"] as const;
export type CalledAs = (typeof CALLED_AS)[number];

/** Whether a mention of a person, a post or a rank is about this person. */
export function names(called: Called, person: CalledPerson): boolean {
  if ("personId" in called) return called.personId === person.personId;
  if ("rank" in called) return called.rank === person.rank;
  if ("everybody" in called || called.post !== person.post) return false;
  return called.unitId === null || called.unitId === person.unitId;
}

/** The most personal way in which a message calls a person; null: it does not. */
export function callOf(content: Decoded, person: CalledPerson): CalledAs | null {
  const about = mentionsOf(content).filter((one) => "everybody" in one || names(one, person));
  return CALLED_AS.find((call) => about.some((one) => calledAs(one) === call)) ?? null;
}

function calledAs(called: Called): CalledAs {
  if ("personId" in called) return "person";
  if ("post" in called) return called.unitId === null ? "posts" : "post";
  return "rank" in called ? "rank" : "everybody";
}

export function callsEverybody(content: Decoded): boolean {
  return mentionsOf(content).some((one) => "everybody" in one);
}

/** The content without mentions that reach people of several units; the same where it has none. */
export function withoutCallsToMany(content: Decoded): Decoded {
  if (content.kind === "mark") {
    const { what } = content;
    if (what.mark !== "edit" || !what.mentions.some(callsMany)) return content;
    return {
      ...content,
      what: { ...what, mentions: what.mentions.filter((one) => !callsMany(one)) },
    };
  }
  if (!("mentions" in content) || !content.mentions.some(callsMany)) return content;
  return { ...content, mentions: content.mentions.filter((one) => !callsMany(one)) };
}

/** Everybody, a rank, or a post in all units: a sender needs the right to mention everybody (M5). */
function callsMany(called: Called): boolean {
  return CALLED_AS.indexOf(calledAs(called)) >= CALLED_AS.indexOf("posts");
}
