import { describe, expect, it } from "vitest";
import type { Directory, IssuableUnit, Unit, UnitId } from "@copconnect/client/wire";
import { coveredBy, eachOf, found, peopleOf, rowsOf, toggled, type UnitRow } from "./units.ts";

function unit(name: string, parent: string | null, level: string): Unit {
  const names = { en: `${name} ${level}`, te: `${name}-తె`, ur: "", hi: "" };
  return { unitId: name as UnitId, parentId: parent as UnitId | null, level, names };
}

const LEVELS = ["zone", "division", "station"].map((code) => ({
  code,
  names: { en: code, te: "", ur: "", hi: "" },
}));
const DIRECTORY: Directory = {
  version: "1",
  levels: LEVELS,
  ranks: [],
  roles: [],
  units: [
    unit("South", null, "zone"),
    unit("Falaknuma", "South", "division"),
    unit("Shahalibanda", "Falaknuma", "station"),
    unit("Chatrinaka", "Falaknuma", "station"),
    unit("Charminar", "South", "division"),
    unit("Kamatipura", "Charminar", "station"),
    unit("Empty", "Charminar", "station"),
  ],
};
const ISSUABLE: readonly IssuableUnit[] = DIRECTORY.units
  .filter(({ unitId }) => unitId !== "South")
  .map(({ unitId }) => ({ unitId, people: unitId === "Empty" ? 0 : 10 }));
const ROWS = rowsOf(DIRECTORY, ISSUABLE, (a, b) => a.names.en.localeCompare(b.names.en));
const ids = (...names: string[]): UnitId[] => names as UnitId[];
const CHARMINAR = "Charminar" as UnitId;

function row(name: string): UnitRow {
  const known = ROWS.find(({ unit: { unitId } }) => unitId === name);
  if (known === undefined) throw new Error(name);
  return known;
}

describe("the units to which an order may go", () => {
  it("are listed as the tree has them, without those that nobody may choose", () => {
    expect(ROWS.map((one) => `${String(one.depth)} ${one.unit.unitId}`)).toEqual([
      ...["0 Charminar", "1 Empty", "1 Kamatipura"],
      ...["0 Falaknuma", "1 Chatrinaka", "1 Shahalibanda"],
    ]);
    expect(row("Kamatipura").above).toEqual(["Charminar"]);
  });

  it("are found by their names in any script, with what is below them", () => {
    const names = (search: string) => found(ROWS, search).map(({ unit: { unitId } }) => unitId);
    expect(names("falaknuma")).toEqual(["Falaknuma", "Chatrinaka", "Shahalibanda"]);
    expect(names("Kamatipura-తె")).toEqual(["Kamatipura"]);
    expect(names("station chat")).toEqual(["Chatrinaka"]);
    expect(names("nowhere")).toEqual([]);
    expect(names(" ")).toHaveLength(6);
  });

  it("include those below a chosen one, and each counts once", () => {
    const some = toggled(ROWS, ids("Kamatipura", "Chatrinaka"), CHARMINAR);
    expect(some).toEqual(["Chatrinaka", "Charminar"]);
    expect(coveredBy(row("Kamatipura"), some)).toBe("Charminar");
    expect(coveredBy(row("Chatrinaka"), some)).toBeNull();
    expect(peopleOf(ROWS, some)).toBe(20);
    expect(toggled(ROWS, some, CHARMINAR)).toEqual(["Chatrinaka"]);
  });

  it("are chosen by kind, but those without people", () => {
    expect(eachOf(ROWS, LEVELS).map(({ level, unitIds }) => [level.code, unitIds])).toEqual([
      ["division", ["Charminar", "Falaknuma"]],
      ["station", ["Kamatipura", "Chatrinaka", "Shahalibanda"]],
    ]);
    expect(eachOf(found(ROWS, "charminar"), LEVELS)).toEqual([]);
  });
});
