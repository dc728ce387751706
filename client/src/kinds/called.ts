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

/** How a message calls a person: by name or by the post of one unit, or as one of many (M5); null: not at all. */
export type Call = "name" | "everybody" | null;

/** Whether a mention of a person, a post or a rank is about this person. */
export function names(called: Called, person: CalledPerson): boolean {
  if ("personId" in called) return called.personId === person.personId;
  if ("rank" in called) return called.rank === person.rank;
  if ("everybody" in called || called.post !== person.post) return false;
  return called.unitId === null || called.unitId === person.unitId;
}

export function callOf(content: Decoded, person: CalledPerson): Call {
  const mentions = mentionsOf(content);
  const about = mentions.filter((one) => "everybody" in one || names(one, person));
  if (about.some((one) => !callsMany(one))) return "name";
  return about.length > 0 ? "everybody" : null;
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

/** Everybody, a rank, or a post in all units: only who may mention everybody calls by these (M5). */
function callsMany(called: Called): boolean {
  if ("everybody" in called || "rank" in called) return true;
  return "post" in called && called.unitId === null;
}
