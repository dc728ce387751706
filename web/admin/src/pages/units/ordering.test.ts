import { describe, expect, it } from "vitest";
import type { UnitId } from "@copconnect/client/wire";
import { placed, stepped } from "./ordering.ts";
import { storedTree } from "./tree.ts";

const id = (code: string): UnitId => code as UnitId;
const names = { en: "x", te: "", ur: "", hi: "" };
const UNITS = [
  ...storedTree(
    ["A", "B", "C"].map((code) => ({ unitId: id(code), parentId: null, level: "any", names })),
  ).values(),
];

describe("an order", () => {
  it("moves a unit by one place", () => {
    expect(stepped(UNITS, id("B"), -1)).toEqual(["B", "A", "C"]);
    expect(stepped(UNITS, id("B"), 1)).toEqual(["A", "C", "B"]);
    expect(stepped(UNITS, id("A"), -1)).toBeNull();
    expect(stepped(UNITS, id("C"), 1)).toBeNull();
    expect(stepped(UNITS, id("X"), 1)).toBeNull();
  });

  it("puts a unit beside another", () => {
    expect(placed(UNITS, id("C"), id("A"), false)).toEqual(["C", "A", "B"]);
    expect(placed(UNITS, id("C"), id("A"), true)).toEqual(["A", "C", "B"]);
    expect(placed(UNITS, id("A"), id("C"), true)).toEqual(["B", "C", "A"]);
    expect(placed(UNITS, id("A"), id("B"), false)).toBeNull();
    expect(placed(UNITS, id("X"), id("B"), false)).toBeNull();
  });
});
