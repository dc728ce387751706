/** Units to choose from, as an indented list in the order of the tree. Pure. */
import type { Unit } from "@copconnect/client/wire";
import type { UnitTree } from "../people/units.ts";

export interface UnitChoice {
  readonly unit: Unit;
  /** How deep below the highest unit that can be chosen on its branch. */
  readonly depth: number;
}

/** Units that may be chosen; a unit that may not be is passed over, the units below it are not. */
export function choicesOf(tree: UnitTree, may: (unit: Unit) => boolean): readonly UnitChoice[] {
  const choices: UnitChoice[] = [];
  const walk = (unit: Unit, depth: number): void => {
    const chosen = may(unit);
    if (chosen) choices.push({ unit, depth });
    for (const child of tree.children(unit.unitId)) walk(child, chosen ? depth + 1 : depth);
  };
  for (const root of tree.roots) walk(root, 0);
  return choices;
}
