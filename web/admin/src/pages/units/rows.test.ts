import { describe, expect, it } from "vitest";
import type { UnitId } from "@copconnect/client/wire";
import { peopleBelow, treeRows } from "./rows.ts";
import { draftTree, storedTree } from "./tree.ts";

const id = (code: string): UnitId => code as UnitId;
const unit = (code: string, parent: string | null) => ({
  ...{ unitId: id(code), parentId: parent === null ? null : id(parent), level: "any" },
  names: { en: code, te: "", ur: "", hi: "" },
});
const STORED = storedTree([unit("S", null), unit("A", "S"), unit("B", "S"), unit("A1", "A")]);
const TREE = draftTree(STORED, []);
const told = (...args: Parameters<typeof treeRows>): readonly string[] =>
  treeRows(...args).map(
    ({ unit: { unitId }, depth, place, siblings, open }) =>
      `${String(depth)} ${unitId} ${String(place)}/${String(siblings)} ${String(open)}`,
  );

describe("rows of the tree", () => {
  it("show what is open", () => {
    expect(told(TREE, [id("S")], new Set(), null)).toEqual(["1 S 1/1 false"]);
    expect(told(TREE, [id("S")], new Set([id("S")]), null)).toEqual([
      "1 S 1/1 true",
      "2 A 1/2 false",
      "2 B 2/2 null",
    ]);
  });

  it("begin at the units of the reader's part, and leave out those that ended", () => {
    expect(told(TREE, [id("A"), id("GONE")], new Set([id("A")]), null)).toEqual([
      "1 A 1/1 true",
      "2 A1 1/1 null",
    ]);
  });

  it("show what a search found with all above it, whatever is open", () => {
    expect(told(TREE, [id("S")], new Set(), new Set([id("A1")]))).toEqual([
      "1 S 1/1 true",
      "2 A 1/1 true",
      "3 A1 1/1 null",
    ]);
    expect(told(TREE, [id("S")], new Set(), new Set())).toEqual([]);
  });

  it("count people where the draft puts them", () => {
    const counts = new Map([
      [id("A"), 1],
      [id("A1"), 10],
    ]);
    expect([...peopleBelow(TREE, counts)]).toEqual([
      ["S", 11],
      ["A", 11],
      ["A1", 10],
    ]);
    const merged = draftTree(STORED, [{ step: "merge_units", unitId: id("A1"), into: id("B") }]);
    expect(peopleBelow(merged, counts).get(id("B"))).toBe(10);
  });
});
