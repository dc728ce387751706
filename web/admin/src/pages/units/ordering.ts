/** Orders of the units right below one. Pure; null: nothing would change. */
import type { UnitId } from "@copconnect/client/wire";
import type { DraftUnit } from "./tree.ts";

/** With a unit one place further up or down. */
export function stepped(
  siblings: readonly DraftUnit[],
  unitId: UnitId,
  by: -1 | 1,
): readonly UnitId[] | null {
  const ids = siblings.map((one) => one.unitId);
  const at = ids.indexOf(unitId);
  const other = ids[at + by];
  if (at < 0 || other === undefined) return null;
  return ids.map((one) => (one === unitId ? other : one === other ? unitId : one));
}

/** With a unit right before or after another. */
export function placed(
  siblings: readonly DraftUnit[],
  unitId: UnitId,
  beside: UnitId,
  after: boolean,
): readonly UnitId[] | null {
  const ids = siblings.map((one) => one.unitId);
  const others = ids.filter((one) => one !== unitId);
  const at = others.indexOf(beside);
  if (at < 0 || others.length === ids.length) return null;
  const made = others.toSpliced(after ? at + 1 : at, 0, unitId);
  return made.every((one, index) => one === ids[index]) ? null : made;
}
