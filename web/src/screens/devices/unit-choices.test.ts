import { inEnglish } from "@copconnect/client/core";
import type { Unit, UnitId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { unitTree } from "../people/units.ts";
import { choicesOf } from "./unit-choices.ts";

const unit = (code: string, parent: string | null): Unit => ({
  unitId: code as UnitId,
  parentId: parent as UnitId | null,
  level: "station",
  names: inEnglish(code),
});
const UNITS = [unit("TG", null), unit("HYD", "TG"), unit("CHM", "HYD"), unit("WGL", "TG")];
const tree = unitTree({ version: "1", units: UNITS, levels: [], ranks: [], roles: [] }, (a, b) =>
  a.unitId.localeCompare(b.unitId),
);

it("indents what is below, from the highest unit that may be chosen", () => {
  const all = choicesOf(tree, () => true);
  expect(all.map(({ unit, depth }) => `${depth} ${unit.unitId}`)).toEqual([
    "0 TG",
    "1 HYD",
    "2 CHM",
    "1 WGL",
  ]);
  const below = choicesOf(tree, ({ unitId }) => ["HYD", "CHM"].includes(unitId));
  expect(below.map(({ unit, depth }) => `${depth} ${unit.unitId}`)).toEqual(["0 HYD", "1 CHM"]);
});
