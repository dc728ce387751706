/** The curve of acknowledgements as a line, and as words. Pure. */
import type { OrderCurve } from "@copconnect/client/wire";

export interface CurveShape {
  /** A path in a box of 0…1 by 0…1, the origin below at the start. */
  readonly line: string;
  /** The span of the whole box. */
  readonly spanMs: number;
  readonly last: number;
  /** When half of all who owe had acknowledged; null: they have not. */
  readonly halfMs: number | null;
}

/** `owed`: the top of the box. Null: nobody has acknowledged. */
export function shapeOf({ stepMs, points }: OrderCurve, owed: number): CurveShape | null {
  const ascending = points.filter(([step], at) => step > (points[at - 1]?.[0] ?? 0));
  const end = ascending.at(-1);
  if (end === undefined || owed <= 0) return null;
  const [steps, last] = end;
  const spanMs = steps * stepMs;
  const x = (step: number): string => (step / steps).toFixed(4);
  const y = (count: number): string => (1 - Math.min(1, count / owed)).toFixed(4);
  let line = "M0 1";
  let before = 0;
  for (const [step, count] of ascending) {
    // Nothing happened in the steps that are left out.
    line += `L${x(step - 1)} ${y(before)}L${x(step)} ${y(count)}`;
    before = count;
  }
  const half = ascending.find(([, count]) => count * 2 >= owed);
  return { line, spanMs, last, halfMs: half === undefined ? null : half[0] * stepMs };
}
