/** The people whom this device has seen in the data bank, as its search finds them. Pure. */
import type { UnitId } from "../ids.ts";
import type { PeopleQuery } from "../seam.ts";
import { spellings } from "../names.ts";
import type { Directory, People, Person } from "../wire.ts";
import { said, search, type Tier } from "./words.ts";

/**
 * All of these people that a query finds, as one page: as the server lists them, the exact name
 * first, then who is spelled so, then who sounds so, seniors first in each.
 */
export function foundAmong(
  known: readonly Person[],
  query: PeopleQuery,
  directory: Directory | null,
): People {
  const units = unitsOf(query, directory);
  const text = query.text ?? "";
  const find = text.trim() === "" ? null : search(text);
  const orders = new Map(directory?.ranks.map(({ code, order }) => [code, order]));
  const order = ({ rank }: Person): number => orders.get(rank) ?? Infinity;
  const unitNames = new Map(directory?.units.map((unit) => [unit.unitId, unit.names]));
  const tierOf = (person: Person): Tier | null => {
    if (find === null) return 1;
    const { names, number, rank, post, unitId } = person;
    const unit = unitNames.get(unitId);
    const others = [...spellings(post), rank, ...(unit === undefined ? [] : spellings(unit))];
    return find(said(spellings(names), others, number));
  };
  const found = known
    .filter(({ status }) => status !== "removed")
    .filter(
      ({ unitId, charges }) =>
        units === null || units.has(unitId) || charges.some((held) => units.has(held.unitId)),
    )
    .filter(({ rank }) => query.rank === undefined || rank === query.rank)
    .filter(({ roles }) => query.role === undefined || roles.includes(query.role))
    .flatMap((person) => {
      const tier = tierOf(person);
      return tier === null ? [] : [{ person, tier }];
    })
    .sort(
      (a, b) =>
        compare(a.tier, b.tier) ||
        compare(order(a.person), order(b.person)) ||
        compare(a.person.names.en, b.person.names.en),
    );
  return { people: found.map(({ person }) => person), next: null, total: found.length };
}

/** The units that a query looks in; null: everywhere. */
export function unitsOf(
  { unitId, deep }: Pick<PeopleQuery, "unitId" | "deep">,
  directory: Directory | null,
): ReadonlySet<UnitId> | null {
  if (unitId === undefined) return null;
  const units = new Set([unitId]);
  if (deep !== true) return units;
  for (let before = 0; before < units.size;) {
    before = units.size;
    for (const unit of directory?.units ?? [])
      if (unit.parentId !== null && units.has(unit.parentId)) units.add(unit.unitId);
  }
  return units;
}

function compare<T extends number | string>(a: T, b: T): number {
  return a < b ? -1 : Number(a > b);
}
