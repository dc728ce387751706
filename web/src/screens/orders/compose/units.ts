/**
 * The units to which an order may go, as a list in the order of the tree, and the chosen ones.
 * Pure.
 */
import { spellings } from "@copconnect/client/core";
import type { Directory, IssuableUnit, Level, Unit, UnitId } from "@copconnect/client/wire";
import { ORDER_UNITS } from "@copconnect/client/wire";
import { choicesOf } from "#screens/devices/unit-choices.ts";
import { unitTree } from "#screens/people/units.ts";

export interface UnitRow {
  readonly unit: Unit;
  readonly depth: number;
  readonly people: number;
  /** The rows above it, the nearest first. */
  readonly above: readonly UnitId[];
}

export function rowsOf(
  directory: Directory,
  issuable: readonly IssuableUnit[],
  compare: (a: Unit, b: Unit) => number,
): readonly UnitRow[] {
  const people = new Map(issuable.map((one) => [one.unitId, one.people]));
  const choices = choicesOf(unitTree(directory, compare), ({ unitId }) => people.has(unitId));
  const chain: UnitId[] = [];
  return choices.map(({ unit, depth }) => {
    chain.length = depth;
    const above = chain.toReversed();
    chain.push(unit.unitId);
    return { unit, depth, people: people.get(unit.unitId) ?? 0, above };
  });
}

/** The rows whose name, or that of a unit above, holds every word. */
export function found(rows: readonly UnitRow[], search: string): readonly UnitRow[] {
  const words = search.toLocaleLowerCase().split(/\s+/u).filter(Boolean);
  if (words.length === 0) return rows;
  const names = new Map(
    rows.map(({ unit }) => [unit.unitId, spellings(unit.names).join(" ").toLocaleLowerCase()]),
  );
  const fits = (unitId: UnitId): boolean =>
    words.every((word) => names.get(unitId)?.includes(word) === true);
  return rows.filter(({ unit, above }) => [unit.unitId, ...above].some(fits));
}

/** The nearest chosen unit above one, with which it gets the order already. */
export function coveredBy({ above }: UnitRow, chosen: readonly UnitId[]): UnitId | null {
  return above.find((one) => chosen.includes(one)) ?? null;
}

/** The choice after a unit was pressed: a chosen unit takes those below it along. */
export function toggled(
  rows: readonly UnitRow[],
  chosen: readonly UnitId[],
  unitId: UnitId,
): readonly UnitId[] {
  if (chosen.includes(unitId)) return chosen.filter((one) => one !== unitId);
  const below = new Set(
    rows.filter(({ above }) => above.includes(unitId)).map(({ unit }) => unit.unitId),
  );
  return [...chosen.filter((one) => !below.has(one)), unitId];
}

export interface EachOf {
  readonly level: Level;
  readonly unitIds: readonly UnitId[];
}

/** The kinds of unit of which all these rows can be chosen at once: each station of a zone. */
export function eachOf(rows: readonly UnitRow[], levels: readonly Level[]): readonly EachOf[] {
  return levels
    .map((level) => ({
      level,
      unitIds: rows
        .filter(({ unit, people }) => unit.level === level.code && people > 0)
        .map(({ unit }) => unit.unitId),
    }))
    .filter(({ unitIds }) => unitIds.length > 1 && unitIds.length <= ORDER_UNITS);
}

/** How many people the chosen units have together: none is below another. */
export function peopleOf(rows: readonly UnitRow[], chosen: readonly UnitId[]): number {
  return rows
    .filter(({ unit }) => chosen.includes(unit.unitId))
    .reduce((sum, { people }) => sum + people, 0);
}
