import type { PersonId } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import { insertMention, matching, mentionQuery, mentionsIn } from "./mentions.ts";

const PEOPLE = [
  { personId: "1" as PersonId, label: "Ravi", note: "", search: "Ravi రవి PC" },
  { personId: "2" as PersonId, label: "Ravi Teja", note: "", search: "Ravi Teja రవి తేజ SI" },
  { personId: "3" as PersonId, label: "Padma", note: "", search: "Padma పద్మ HC" },
];

describe("mentions", () => {
  it("sees a mention being written, and no address", () => {
    expect(mentionQuery("hello @Ra", 9)).toEqual({ start: 6, query: "Ra" });
    expect(mentionQuery("mail a@b", 8)).toBeNull();
    expect(mentionQuery("@\nx", 3)).toBeNull();
  });

  it("matches by name in any script and by rank, and nobody for a finished sentence", () => {
    expect(matching(PEOPLE, "పద్మ").map((one) => one.personId)).toEqual(["3"]);
    expect(matching(PEOPLE, "si").map((one) => one.personId)).toEqual(["2"]);
    expect(matching(PEOPLE, "Padma please come")).toEqual([]);
  });

  it("inserts with one space and puts the caret behind it", () => {
    expect(insertMention("to @pa now", 3, 6, "Padma")).toEqual({
      text: "to @Padma now",
      caret: 10,
    });
  });

  it("prefers the longer of two names and does not cut words", () => {
    expect(mentionsIn("@Ravi Teja and @Ravi, not @Ravindra", PEOPLE)).toEqual([
      { personId: "2", start: 0, length: 10 },
      { personId: "1", start: 15, length: 5 },
    ]);
  });
});
