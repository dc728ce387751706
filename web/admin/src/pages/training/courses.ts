/** The courses in their order, and places in the tree of units. */
import type { CourseName } from "@copconnect/client/core";
import type { UnitId } from "@copconnect/client/wire";

export const COURSES: readonly CourseName[] = ["officer", "head", "admin", "moderator"];

/** The unit that a path as cards write it ends in. */
export function unitOf(path: string): UnitId {
  return path.slice(path.lastIndexOf("/") + 1) as UnitId;
}

/** Whole percent, 100 only where nobody is missing. */
export function percentOf(done: number, people: number): number {
  if (people === 0) return 0;
  return done === people ? 100 : Math.min(99, Math.round((100 * done) / people));
}
