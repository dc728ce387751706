import type { PostId, UnitId } from "../ids.ts";
import { expect, it } from "vitest";
import { inEnglish } from "../names.ts";
import type { Directory, Post } from "../wire.ts";
import { inUnit, postsAmong } from "./known-posts.ts";

const HYD = "hyd" as UnitId;
const BLR = "blr" as UnitId;
const ABD = "abd" as UnitId;
const directory: Directory = {
  ...{ version: "1", levels: [], ranks: [] },
  units: [
    { unitId: HYD, parentId: null, level: "city", names: inEnglish("Hyderabad City") },
    { unitId: BLR, parentId: HYD, level: "station", names: inEnglish("Bolarum PS") },
    { unitId: ABD, parentId: HYD, level: "station", names: inEnglish("Abids PS") },
  ],
  roles: [{ code: "sho", names: { ...inEnglish("Station House Officer"), te: "ఎస్‌హెచ్‌ఓ" } }],
};

function post(en: string, unitId: UnitId, more: Partial<Post> = {}): Post {
  return {
    ...{ postId: `${unitId} ${en}` as PostId, unitId, names: inEnglish(en), roles: [] },
    ...{ head: false, holders: [], heldBy: 0, ...more },
  };
}

const known = [
  post("Writer", BLR, { heldBy: 1 }),
  post("Clerk", BLR),
  post("Inspector", BLR, { roles: ["sho"], head: true }),
  post("Inspector", ABD, { roles: ["sho"], head: true, heldBy: 1 }),
];

function found(text: string, unitId?: UnitId): readonly string[] {
  const query = { text, ...(unitId === undefined ? {} : { unitId }) };
  return postsAmong(known, query, directory).map(({ postId }) => postId);
}

it("lists a unit's posts, heads first, vacant ones last", () => {
  expect(inUnit(known, BLR).map(({ names }) => names.en)).toEqual(["Inspector", "Writer", "Clerk"]);
});

it("finds a post by its role and a unit that sounds so, in any script", () => {
  expect(found("SHO Bolaram")).toEqual(["blr Inspector"]);
  expect(found("ఎస్‌హెచ్‌ఓ abids")).toEqual(["abd Inspector"]);
  expect(found("station house")).toEqual(["abd Inspector", "blr Inspector"]);
  expect(found("clerk")).toEqual(["blr Clerk"]);
  expect(found("inspector abids bolarum")).toEqual([]);
  expect(found(" ")).toEqual([]);
});

it("keeps to a unit and those below it, and to a limit", () => {
  expect(found("inspector", ABD)).toEqual(["abd Inspector"]);
  expect(found("inspector", HYD)).toHaveLength(2);
  expect(postsAmong(known, { text: "inspector", limit: 1 }, directory)).toHaveLength(1);
});
