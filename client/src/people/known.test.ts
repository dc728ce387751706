import type { PersonId, PostId, UnitId } from "../ids.ts";
import { expect, it } from "vitest";
import { inEnglish } from "../names.ts";
import type { Directory, Person } from "../wire.ts";
import { foundAmong } from "./known.ts";

const HYD = "hyd" as UnitId;
const CHAR = "char" as UnitId;
const BEAT = "beat" as UnitId;
const names = inEnglish("");
const directory: Directory = {
  ...{ version: "1", levels: [], roles: [] },
  units: [
    { unitId: HYD, parentId: null, level: "commissionerate", names },
    { unitId: CHAR, parentId: HYD, level: "station", names },
    { unitId: BEAT, parentId: CHAR, level: "beat", names },
  ],
  ranks: [
    { code: "PC", names, order: 2 },
    { code: "SI", names, order: 1 },
  ],
};

function person(en: string, rank: string, unitId: UnitId, more: Partial<Person> = {}): Person {
  return {
    ...{ personId: en as PersonId, names: inEnglish(en), number: "+917000000001", rank, unitId },
    ...{
      postId: en as PostId,
      post: { ...inEnglish("Station writer"), hi: "थाना मुंशी" },
      roles: ["crime"],
      charges: [],
      registered: true,
    },
    ...{ status: "active", ...more },
  };
}

const known = [
  person("Anjali Reddy", "PC", CHAR),
  person("Ravi Padala", "SI", BEAT),
  person("Zoya Khan", "PC", HYD, { roles: [] }),
  person("Gone Away", "PC", CHAR, { status: "removed" }),
];

function found(query: Parameters<typeof foundAmong>[1]): readonly string[] {
  return foundAmong(known, query, directory).people.map(({ personId }) => personId);
}

it("lists everybody who was seen, seniors first, but for those who left", () => {
  expect(found({})).toEqual(["Ravi Padala", "Anjali Reddy", "Zoya Khan"]);
  expect(foundAmong(known, {}, directory)).toMatchObject({ next: null, total: 3 });
});

it("finds by every word of a text", () => {
  expect(found({ text: "reddy  anj" })).toEqual(["Anjali Reddy"]);
  expect(found({ text: "writer zoya" })).toEqual(["Zoya Khan"]);
  expect(found({ text: "zoya मुंशी" })).toEqual(["Zoya Khan"]);
  expect(found({ text: "nobody" })).toEqual([]);
});

it("finds by sound after what is spelled so, in any script", () => {
  const names = { ...inEnglish("Srinivas Rao"), te: "శ్రీనివాస్ రావు" };
  const more = [
    ...known,
    person("Sreenivas Goud", "SI", HYD),
    person("Srinivas Rao", "PC", HYD, { names, number: "+919848012345" }),
  ];
  const ids = (text: string): readonly string[] =>
    foundAmong(more, { text }, directory).people.map(({ personId }) => personId);
  expect(ids("Srinivas")).toEqual(["Srinivas Rao", "Sreenivas Goud"]);
  expect(ids("sreenivas")).toEqual(["Sreenivas Goud", "Srinivas Rao"]);
  expect(ids("శ్రీని")).toEqual(["Srinivas Rao", "Sreenivas Goud"]);
  expect(ids("سرینواس")).toEqual(["Sreenivas Goud", "Srinivas Rao"]);
  expect(ids("srinivas rao")).toEqual(["Srinivas Rao"]);
  expect(ids("98480 12345")).toEqual(["Srinivas Rao"]);
  expect(ids("12345")).toEqual(["Srinivas Rao"]);
  expect(ids("%")).toEqual([]);
});

it("looks in a unit, and below it where it is asked to", () => {
  expect(found({ unitId: CHAR })).toEqual(["Anjali Reddy"]);
  expect(found({ unitId: CHAR, deep: true })).toEqual(["Ravi Padala", "Anjali Reddy"]);
});

it("finds in a unit who holds a charge there", () => {
  const held = {
    postingId: 1,
    postId: "writer" as PostId,
    unitId: HYD,
    post: inEnglish("Writer"),
    roles: [],
    head: false,
    charge: "additional" as const,
    fromMs: 1,
    untilMs: null,
  };
  const both = [...known, person("Two Posts", "PC", BEAT, { charges: [held] })];
  const there = foundAmong(both, { unitId: HYD }, directory).people;
  expect(there.map(({ personId }) => personId)).toEqual(["Two Posts", "Zoya Khan"]);
});

it("keeps to a rank and a role", () => {
  expect(found({ rank: "PC" })).toEqual(["Anjali Reddy", "Zoya Khan"]);
  expect(found({ role: "crime", rank: "PC" })).toEqual(["Anjali Reddy"]);
});
