import { describe, expect, it } from "vitest";
import type { Level, Names, PersonId, PostId, Step, UnitId } from "@copconnect/client/wire";
import {
  draftTree,
  fitsBelow,
  found,
  levelsBelow,
  nextCode,
  storedTree,
  type DraftTree,
} from "./tree.ts";

const names = (en: string): Names => ({ en, te: "", ur: "", hi: "" });
const id = (code: string): UnitId => code as UnitId;
const LEVELS: readonly Level[] = ["state", "district", "station"].map((code) => ({
  code,
  names: names(code),
}));
const STORED = storedTree(
  [
    { unitId: id("S"), parentId: null, level: "state", names: names("State") },
    { unitId: id("A"), parentId: id("S"), level: "district", names: names("Adilabad") },
    { unitId: id("B"), parentId: id("S"), level: "district", names: names("Bhongir") },
    { unitId: id("A-1"), parentId: id("A"), level: "station", names: names("One PS") },
    { unitId: id("A-2"), parentId: id("A"), level: "station", names: names("Two PS") },
  ].map((unit) => unit),
);
const after = (...steps: readonly Step[]): DraftTree => draftTree(STORED, steps);
const below = (tree: DraftTree, code: string): readonly string[] =>
  tree.children(id(code)).map(({ unitId }) => unitId);
const move = (unit: string, parent: string): Step => ({
  step: "move_unit",
  unitId: id(unit),
  parentId: id(parent),
});
const merge = (unit: string, into: string): Step => ({
  step: "merge_units",
  unitId: id(unit),
  into: id(into),
});

describe("the tree of a draft", () => {
  it("does each kind of step", () => {
    const tree = after(
      {
        step: "add_unit",
        unitId: id("A-3"),
        parentId: id("A"),
        level: "station",
        names: names("Three"),
      },
      { step: "rename_unit", unitId: id("B"), level: "district", names: names("Bhuvanagiri") },
      move("A-1", "B"),
      { step: "order_units", parentId: id("A"), unitIds: [id("A-3"), id("A-2")] },
    );
    expect(below(tree, "A")).toEqual(["A-3", "A-2"]);
    expect(below(tree, "B")).toEqual(["A-1"]);
    expect(tree.marks(id("A-3"))).toEqual(["new"]);
    expect(tree.marks(id("B"))).toEqual(["renamed"]);
    expect(tree.marks(id("A-1"))).toEqual(["moved"]);
    expect(tree.marks(id("A-2"))).toEqual([]);
  });

  it("puts what is below a merged unit into the other, through several merges", () => {
    const tree = after(merge("A", "B"), merge("A-1", "A-2"));
    expect(below(tree, "B")).toEqual(["A-2"]);
    expect([...tree.into]).toEqual([
      ["A", "B"],
      ["A-1", "A-2"],
    ]);
    const twice = after(merge("A-1", "A-2"), merge("A-2", "B"));
    expect(twice.into.get(id("A-1"))).toBe("B");
  });

  it("splits units and people off", () => {
    const person = "p".repeat(32) as PersonId;
    const part = {
      ...{ unitId: id("C"), parentId: id("S"), level: "district", names: names("Chevella") },
      ...{ unitIds: [id("A-2"), id("B")], postIds: [] as PostId[], personIds: [person] },
    };
    const tree = after({ step: "split_unit", unitId: id("A"), parts: [part] });
    expect(below(tree, "C")).toEqual(["A-2"]);
    expect(tree.people.get(person)).toBe("C");
  });

  it("changes nothing where a step cannot be done, and never makes a circle", () => {
    expect(below(after(move("A", "A-1")), "S")).toEqual(["A", "B"]);
    expect(below(after(merge("A", "A-1")), "S")).toEqual(["A", "B"]);
    expect(below(after(move("A-1", "NOWHERE")), "A")).toEqual(["A-1", "A-2"]);
    expect(below(after({ step: "remove_unit", unitId: id("A") }), "S")).toEqual(["A", "B"]);
    expect(below(after({ step: "remove_unit", unitId: id("B") }), "S")).toEqual(["A"]);
  });

  it("judges rights over the stored tree", () => {
    const add: Step = {
      ...{ step: "add_unit", unitId: id("N"), parentId: id("A-1"), level: "station" },
      names: names("New"),
    };
    const tree = after(add, move("A-1", "B"));
    expect(tree.storedPath(id("A-1"))).toBe("S/A/A-1");
    expect(tree.storedPath(id("N"))).toBe("S/A/A-1");
    expect(tree.storedPath(null)).toBe("");
  });
});

describe("choices", () => {
  it("offer levels below the parent's", () => {
    expect(levelsBelow(LEVELS, "state").map(({ code }) => code)).toEqual(["district", "station"]);
    expect(levelsBelow(LEVELS, null)).toHaveLength(3);
    expect(fitsBelow(LEVELS, "district", "district")).toBe(false);
    expect(fitsBelow(LEVELS, "station", "district")).toBe(true);
  });

  it("propose a code of the siblings' form that nobody has", () => {
    expect(nextCode(after(), id("A"))).toBe("A-3");
    expect(nextCode(after(merge("A-2", "A-1")), id("A"))).toBe("A-3");
    expect(nextCode(after(), id("B"))).toBe("B-1");
    expect(nextCode(after(), id("S"))).toBe("S-1");
    const long = `S${"0".repeat(22)}9`;
    const step = { step: "add_unit", level: "station", names: names("Long") } as const;
    const tree = after({ ...step, unitId: id(long), parentId: id("B") });
    expect(nextCode(tree, id("B"))).toBe(`S${"0".repeat(21)}10`);
  });

  it("find units by words in any language and by code", () => {
    expect([...found(after(), "bhon")]).toEqual(["B"]);
    expect([...found(after(), "a-1")]).toEqual(["A-1"]);
    expect(found(after(), " ").size).toBe(0);
  });
});
