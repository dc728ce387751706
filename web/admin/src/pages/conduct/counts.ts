/** Acceptances of units with all below them. Pure. */
import type { ConductUnit, Unit, UnitId } from "@copconnect/client/wire";

export interface Counts {
  readonly people: number;
  readonly registered: number;
  readonly accepted: number;
}

const NOBODY: Counts = { people: 0, registered: 0, accepted: 0 };

/** The counts of every unit with those below it; units that are not in the tree are left out. */
export function rolledUp(
  units: readonly Pick<Unit, "unitId" | "parentId">[],
  own: readonly ConductUnit[],
): ReadonlyMap<UnitId, Counts> {
  const parents = new Map(units.map(({ unitId, parentId }) => [unitId, parentId]));
  const found = new Map<UnitId, Counts>();
  for (const { unitId, people, registered, accepted } of own) {
    let at: UnitId | null | undefined = parents.has(unitId) ? unitId : null;
    for (let depth = 0; at !== null && at !== undefined && depth < 64; depth++) {
      const sum = found.get(at) ?? NOBODY;
      found.set(at, {
        people: sum.people + people,
        registered: sum.registered + registered,
        accepted: sum.accepted + accepted,
      });
      at = parents.get(at);
    }
  }
  return found;
}
