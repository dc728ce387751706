import type { Person, PersonId, PostId } from "@copconnect/client/wire";
import { expect, test } from "vitest";
import { fitting, postCounts, wholePosts } from "./splitting.ts";

function person(number: number, title: string, rank: string, te = ""): Person {
  const names = { en: `Officer Number${String(number)}`, te, ur: "", hi: "" };
  const post = { en: `Duty ${title}`, te: "", ur: "", hi: "" };
  return {
    ...{ personId: `p${String(number)}` as PersonId, names, number: `+9170000${String(number)}` },
    ...{ rank, postId: title as PostId, post, roles: [], unitId: "U" as Person["unitId"] },
    ...{ charges: [], registered: true, status: "active" },
  };
}

const PEOPLE = [
  person(1, "patrol", "PC", "రవి"),
  person(2, "patrol", "PC"),
  person(3, "patrol", "HC"),
  person(4, "desk", "HC"),
];
const ANY = { text: "", rank: "", postId: "" } as const;
const ids = (people: readonly Person[]): string[] => people.map(({ personId }) => personId);

test("people fit by words of any language, number, post and rank together", () => {
  expect(ids(fitting(PEOPLE, ANY))).toEqual(["p1", "p2", "p3", "p4"]);
  expect(ids(fitting(PEOPLE, { ...ANY, text: "రవి" }))).toEqual(["p1"]);
  expect(ids(fitting(PEOPLE, { ...ANY, text: "  number4 OFFICER " }))).toEqual(["p4"]);
  expect(ids(fitting(PEOPLE, { ...ANY, text: "700003" }))).toEqual(["p3"]);
  expect(ids(fitting(PEOPLE, { ...ANY, text: "duty patrol", rank: "HC" }))).toEqual(["p3"]);
  expect(ids(fitting(PEOPLE, { ...ANY, postId: "desk" as PostId }))).toEqual(["p4"]);
  expect(fitting(PEOPLE, { ...ANY, text: "nobody" })).toEqual([]);
});

test("posts are counted, those with most people first", () => {
  expect(postCounts(PEOPLE).map(({ postId, people }) => [postId, people])).toEqual([
    ["patrol", 3],
    ["desk", 1],
  ]);
});

test("a post goes along when all its holders do, and stays when one of them does", () => {
  const chosen = new Set(["p1", "p2", "p4"] as PersonId[]);
  expect(wholePosts(PEOPLE, chosen)).toEqual({ postIds: ["desk"], personIds: ["p1", "p2"] });
  chosen.add("p3" as PersonId);
  expect(wholePosts(PEOPLE, chosen)).toEqual({ postIds: ["patrol", "desk"], personIds: [] });
});
