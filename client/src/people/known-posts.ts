/** The posts that this device has seen, as its search finds them. Pure. */
import type { UnitId } from "../ids.ts";
import type { PostQuery } from "../seam.ts";
import { spellings } from "../names.ts";
import type { Directory, Post } from "../wire.ts";
import { unitsOf } from "./known.ts";
import { said, search } from "./words.ts";

/** The known posts of a unit, heads first, vacant ones last. */
export function inUnit(known: readonly Post[], unitId: UnitId): readonly Post[] {
  return known
    .filter((post) => post.unitId === unitId)
    .sort(
      (a, b) =>
        Number(b.head) - Number(a.head) ||
        Number(a.heldBy === 0) - Number(b.heldBy === 0) ||
        compare(a.names.en, b.names.en),
    );
}

/** The posts that a query finds, as the server lists them: those spelled so, then who sounds so. */
export function postsAmong(
  known: readonly Post[],
  { text, unitId, limit }: PostQuery,
  directory: Directory | null,
): readonly Post[] {
  const within = unitsOf({ ...(unitId === undefined ? {} : { unitId }), deep: true }, directory);
  const units = new Map(directory?.units.map((unit) => [unit.unitId, unit.names]));
  const roles = new Map(directory?.roles.map(({ code, names }) => [code, names]));
  const find = search(text);
  return known
    .filter((post) => within === null || within.has(post.unitId))
    .flatMap((post) => {
      const named = [
        post.names,
        units.get(post.unitId),
        ...post.roles.map((one) => roles.get(one)),
      ];
      const names = named.flatMap((one) => (one === undefined ? [] : spellings(one)));
      const tier = find(said([], [...names, ...post.roles], ""));
      return tier === null ? [] : [{ post, tier }];
    })
    .sort(
      (a, b) =>
        a.tier - b.tier ||
        Number(b.post.head) - Number(a.post.head) ||
        compare(a.post.names.en, b.post.names.en) ||
        compare(a.post.unitId, b.post.unitId),
    )
    .slice(0, limit ?? known.length)
    .map(({ post }) => post);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
