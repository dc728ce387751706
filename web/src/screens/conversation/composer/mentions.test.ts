import { inEnglish, type Plate } from "@copconnect/client/core";
import type { Names, PersonId, UnitId } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import {
  callable,
  candidatesOf,
  insertMention,
  matching,
  mentionQuery,
  mentionsIn,
} from "./mentions.ts";

const called = (name: string) => ({ personId: name as PersonId });
const PEOPLE = [
  { called: called("1"), label: "Ravi", note: "", search: "Ravi రవి PC" },
  { called: called("2"), label: "Ravi Teja", note: "", search: "Ravi Teja రవి తేజ SI" },
  { called: called("3"), label: "Padma", note: "", search: "Padma పద్మ HC" },
];

describe("mentions", () => {
  it("sees a mention being written, and no address", () => {
    expect(mentionQuery("hello @Ra", 9)).toEqual({ start: 6, query: "Ra" });
    expect(mentionQuery("mail a@b", 8)).toBeNull();
    expect(mentionQuery("@\nx", 3)).toBeNull();
  });

  it("matches by name in any script and by rank, and nobody for a finished sentence", () => {
    expect(matching(PEOPLE, "పద్మ").map((one) => one.called)).toEqual([called("3")]);
    expect(matching(PEOPLE, "si").map((one) => one.called)).toEqual([called("2")]);
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

  it("takes no address for a mention, and calls many only if the writer picked them", () => {
    expect(mentionsIn("mail@Ravi", PEOPLE)).toEqual([]);
    expect(mentionsIn("(@Ravi)", PEOPLE)).toHaveLength(1);
    const rank = { called: { rank: "Inspector" }, label: "Inspector", note: "", search: "" };
    const all = { called: { everybody: true as const }, label: "all", note: "", search: "" };
    const offered = [...PEOPLE, rank, all];
    const words = "@Inspector Ravi wrote: @all come, @Padma";
    expect(mentionsIn(words, callable(offered, []))).toMatchObject([called("3")]);
    const picked = mentionsIn(words, callable(offered, [all]));
    expect(picked).toMatchObject([{ everybody: true }, called("3")]);
  });

  it("offers posts in their units, posts and ranks of several people, each with its holders", () => {
    const plate = (name: string, rank: string, post: string, unit: string): Plate => ({
      ...{ personId: name as PersonId, unitId: unit as UnitId },
      ...{ names: inEnglish(name), rank: inEnglish(rank), post: inEnglish(post) },
    });
    const plates = [
      plate("Ravi", "Inspector", "SHO", "Charminar"),
      plate("Padma", "Inspector", "SHO", "Gopalapuram"),
      plate("Asha", "Inspector", "Reader, Charminar", "Charminar"),
      plate("Teja", "Constable", "Driver", "Charminar"),
    ];
    const say = {
      ...{ name: ({ en }: Names) => en, unit: (unitId: UnitId) => unitId, rankAndPost: () => "" },
      people: (count: number) => `${String(count)} people`,
    };
    const offered = candidatesOf(plates, say, true);
    const groups = offered.flatMap(({ called, label, note }) =>
      "personId" in called ? [] : [[label, note, called]],
    );
    expect(groups).toEqual([
      ["SHO Charminar", "Ravi", { post: "SHO", unitId: "Charminar" }],
      ["SHO", "2 people", { post: "SHO", unitId: null }],
      ["Inspector", "3 people", { rank: "Inspector" }],
      ["SHO Gopalapuram", "Padma", { post: "SHO", unitId: "Gopalapuram" }],
      ["Reader, Charminar", "Asha", { post: "Reader, Charminar", unitId: "Charminar" }],
      ["Driver Charminar", "Teja", { post: "Driver", unitId: "Charminar" }],
    ]);
    const text = "@SHO Charminar and every @SHO, not @SHOs";
    expect(candidatesOf(plates, say, false).map(({ label }) => label)).not.toContain("SHO");
    expect(mentionsIn(text, offered)).toEqual([
      { post: "SHO", unitId: "Charminar", start: 0, length: 14 },
      { post: "SHO", unitId: null, start: 25, length: 4 },
    ]);
  });
});
