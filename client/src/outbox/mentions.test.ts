import { describe, expect, it } from "vitest";
import type { PersonId } from "../ids.ts";
import type { Decoded } from "../kinds/content.ts";
import { WAKES } from "../limits.ts";
import { mentionedPeople } from "./mentions.ts";

const person = (number: number): PersonId => number.toString(16).padStart(32, "0") as PersonId;
const [ME, ASHA, RAVI] = [person(1), person(2), person(3)];
const naming = (...people: PersonId[]): Decoded => ({
  kind: "text",
  text: "Come to the gate.",
  mentions: people.map((personId) => ({ personId, start: 0, length: 4 })),
  replyTo: null,
  forwards: 0,
});

describe("people whom a message calls", () => {
  it("are those it names, once each and without its writer", () => {
    expect(mentionedPeople(naming(ASHA, ME, RAVI, ASHA), "group", ME)).toEqual([ASHA, RAVI]);
    expect(mentionedPeople(naming(), "unit", ME)).toEqual([]);
  });

  it("are nobody in a direct conversation, and never too many for the server", () => {
    expect(mentionedPeople(naming(ASHA), "direct", ME)).toEqual([]);
    const many = Array.from({ length: 50 }, (_, at) => person(at + 10));
    expect(mentionedPeople(naming(...many), "group", ME)).toHaveLength(WAKES);
  });
});
