/** The courses in their order, and places in the tree of units. */
import type { CourseName } from "@copconnect/client/core";
import type { UnitId } from "@copconnect/client/wire";

export const COURSES: readonly CourseName[] = ["officer", "head", "admin", "moderator"];

/** The unit that a path as cards write it ends in. */
export function unitOf(path: string): UnitId {
  return path.slice(path.lastIndexOf("/") + 1) as UnitId;
}

/** Whole percent: 100 only where nobody is missing, 0 only where nobody has done it. */
export function percentOf(done: number, people: number): number {
  if (people === 0) return 0;
  if (done === 0 || done === people) return done === 0 ? 0 : 100;
  return Math.min(99, Math.max(1, Math.round((100 * done) / people)));
}
