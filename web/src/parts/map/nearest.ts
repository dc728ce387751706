/** The town that a place is near, for where no streets can be shown. Pure. */
import { distanceM } from "./projection.ts";
import { TOWNS, type Town } from "./towns.ts";

/** Farther from every town than this, a town says nothing about a place. */
const FAR_M = 150_000;

/** The nearest town, and whole kilometres to its centre (at least one: it is known to a kilometre). */
export function nearestTown(
  latitude: number,
  longitude: number,
): { readonly town: Town; readonly km: number } | null {
  let nearest: { town: Town; metres: number } | null = null;
  for (const town of TOWNS) {
    const metres = distanceM([longitude, latitude], [town.longitude, town.latitude]);
    if (nearest === null || metres < nearest.metres) nearest = { town, metres };
  }
  if (nearest === null || nearest.metres > FAR_M) return null;
  return { town: nearest.town, km: Math.max(1, Math.round(nearest.metres / 1000)) };
}
