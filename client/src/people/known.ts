/** The people whom this device has seen in the data bank, as its search finds them. Pure. */
import type { UnitId } from "../ids.ts";
import type { PeopleQuery } from "../core.ts";
import { spellings } from "../names.ts";
import type { Directory, People, Person } from "../wire.ts";

/** All of these people that a query finds, seniors first, as one page. */
export function foundAmong(
  known: readonly Person[],
  query: PeopleQuery,
  directory: Directory | null,
): People {
  const units = unitsOf(query, directory);
  const words = (query.text ?? "").toLocaleLowerCase().split(/\s+/u);
  const orders = new Map(directory?.ranks.map(({ code, order }) => [code, order]));
  const order = ({ rank }: Person): number => orders.get(rank) ?? Infinity;
  const people = known
    .filter(({ status }) => status !== "removed")
    .filter(
      ({ unitId, charges }) =>
        units === null || units.has(unitId) || charges.some((held) => units.has(held.unitId)),
    )
    .filter(({ rank }) => query.rank === undefined || rank === query.rank)
    .filter(({ roles }) => query.role === undefined || roles.includes(query.role))
    .filter((person) => words.every((word) => saidOf(person).includes(word)))
    .sort((a, b) => compare(order(a), order(b)) || compare(a.names.en, b.names.en));
  return { people, next: null, total: people.length };
}

function saidOf({ names, number, rank, post }: Person): string {
  return [...spellings(names), number, rank, ...spellings(post)].join(" ").toLocaleLowerCase();
}

/** The units that a query looks in; null: everywhere. */
function unitsOf(
  { unitId, deep }: PeopleQuery,
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
