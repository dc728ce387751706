/**
 * The rows that a tree shows: open units, or the units that a search finds with all above them.
 * Pure.
 */
import type { UnitId } from "@copconnect/client/wire";
import type { DraftTree, DraftUnit } from "./tree.ts";

export interface TreeRow {
  readonly unit: DraftUnit;
  /** 1 for the highest of this part. */
  readonly depth: number;
  readonly place: number;
  readonly siblings: number;
  /** Null: nothing is below it. */
  readonly open: boolean | null;
}

/** `only`: the units that a search found; null: no search. */
export function treeRows(
  tree: DraftTree,
  roots: readonly UnitId[],
  open: ReadonlySet<UnitId>,
  only: ReadonlySet<UnitId> | null,
): readonly TreeRow[] {
  const shown = only === null ? null : withAbove(tree, only);
  const rows: TreeRow[] = [];
  const walk = (units: readonly DraftUnit[], depth: number): void => {
    const seen = shown === null ? units : units.filter(({ unitId }) => shown.has(unitId));
    seen.forEach((unit, index) => {
      const below = tree.children(unit.unitId);
      const some = shown === null ? below : below.filter(({ unitId }) => shown.has(unitId));
      const opened = some.length === 0 ? null : shown !== null || open.has(unit.unitId);
      rows.push({ unit, depth, place: index + 1, siblings: seen.length, open: opened });
      if (opened === true) walk(some, depth + 1);
    });
  };
  walk(
    roots.map((unitId) => tree.units.get(unitId)).filter((unit) => unit !== undefined),
    1,
  );
  return rows;
}

function withAbove(tree: DraftTree, units: ReadonlySet<UnitId>): ReadonlySet<UnitId> {
  return new Set([...units].flatMap((one) => tree.path(one).map(({ unitId }) => unitId)));
}

/** People at or below each unit, of counts by unit; people of merged units are where they go. */
export function peopleBelow(
  tree: DraftTree,
  counts: ReadonlyMap<UnitId, number>,
): ReadonlyMap<UnitId, number> {
  const found = new Map<UnitId, number>();
  for (const [unitId, count] of counts) {
    const home = tree.units.has(unitId) ? unitId : tree.into.get(unitId);
    if (home === undefined) continue;
    for (const { unitId: above } of tree.path(home))
      found.set(above, (found.get(above) ?? 0) + count);
  }
  return found;
}
