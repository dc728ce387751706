/**
 * This person's rights over other people's devices: everything as a root admin, else what grants
 * over parts of the tree of units say. Only for offering acts: the core and the server judge.
 */
import type { UnitId } from "@copconnect/client/wire";
import { untrack } from "svelte";
import { app } from "./app.svelte.ts";
import { core } from "../core.ts";
import { unitPath } from "./directory.svelte.ts";

let paths = $state.raw<readonly string[]>([]);

/** A unit's path as cards and grants name it. */
export function pathOfUnit(unitId: UnitId): string {
  return unitPath(unitId)
    .map((unit) => unit.unitId)
    .join("/");
}

export const rights = {
  get any(): boolean {
    return app.state?.device.confirmed === "root_admin" || paths.length > 0;
  },
  /** Whether this person may act over a unit. */
  over(unitId: UnitId): boolean {
    const state = app.state?.device.confirmed;
    if (state === "root_admin") return true;
    const path = `${pathOfUnit(unitId)}/`;
    return state !== "no" && paths.some((one) => path.startsWith(`${one}/`));
  },
  /** Read this person's grants; returns nothing to stop. */
  load(): void {
    const me = untrack(() => app.me);
    if (me === null) return;
    core()
      .devices.grants(me.personId)
      .then(
        (grants) => (paths = grants.map((grant) => grant.unitPath)),
        // Without an answer the acts are not offered.
        () => undefined,
      );
  },
};
