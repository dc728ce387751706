import { inEnglish } from "@copconnect/client/core";
import type { Directory, Unit, UnitId } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import { namesUnit, saysUnit, unitTree } from "./units.ts";

function unit(code: string, parent: string | null, level: string): Unit {
  const ids = { unitId: code as UnitId, parentId: parent as UnitId | null };
  return { ...ids, level, names: inEnglish(code) };
}

const names = inEnglish("");
const directory: Directory = {
  version: "1",
  levels: ["state", "district", "station"].map((code) => ({ code, names })),
  ranks: [],
  roles: [],
  units: [
    unit("z-station", "state", "station"),
    unit("b-district", "state", "district"),
    unit("state", null, "state"),
    unit("a-district", "state", "district"),
    unit("orphan", "gone", "station"),
  ],
};
const tree = unitTree(directory, (a, b) => a.unitId.localeCompare(b.unitId));

describe("unitTree", () => {
  it("orders children by level, then by name", () => {
    expect(tree.children("state" as UnitId).map((one) => one.unitId)).toEqual([
      "a-district",
      "b-district",
      "z-station",
    ]);
  });
  it("keeps a unit with a missing parent reachable", () => {
    expect(tree.roots.map((one) => one.unitId)).toEqual(["state", "orphan"]);
  });
  it("has nothing below a leaf", () => {
    expect(tree.children("z-station" as UnitId)).toEqual([]);
  });
});

describe("namesUnit", () => {
  it("finds the place of a post in the unit's name", () => {
    expect(namesUnit("Station House Officer, Charminar", "Charminar PS")).toBe(true);
    expect(namesUnit("ఎస్‌హెచ్‌ఓ, చార్మినార్", "చార్మినార్ పోలీస్ స్టేషన్")).toBe(true);
    expect(namesUnit("Commissioner of Police, Hyderabad City", "Hyderabad")).toBe(true);
  });
  it("finds none where the post names no place, or another", () => {
    expect(namesUnit("Constable", "Charminar PS")).toBe(false);
    expect(namesUnit("Charminar", "Charminar PS")).toBe(false);
    expect(namesUnit("Station House Officer, Abids", "Charminar PS")).toBe(false);
    expect(namesUnit("", "Charminar PS")).toBe(false);
  });
});

describe("saysUnit", () => {
  const unit = { ...inEnglish("Charminar PS"), te: "చార్మినార్ పోలీస్ స్టేషన్" };
  it("compares a post that is signed in English with the unit's English name", () => {
    const post = "Station House Officer, Charminar";
    expect(saysUnit(inEnglish(post), unit)).toBe(true);
    expect(saysUnit(inEnglish("Constable"), unit)).toBe(false);
  });
});
