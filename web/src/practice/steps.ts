/** The steps of each practice, and the acts on the screens that finish them. Pure. */
import type { PracticeName } from "./bridge.ts";

/** An act that a step waits for, as the core of the practice notices it. */
export type Deed =
  | (
      | "sent"
      | "replied"
      | "receipts"
      | "encryption"
      | "order"
      | "acknowledged"
      | "guarded"
      | "located"
    )
  | ("forwarded" | "reported");

/** The place where a practice begins, and the acts of its steps in their order. */
export const STEPS: Readonly<Record<PracticeName, readonly Deed[]>> = {
  message: ["sent", "receipts"],
  group: ["encryption", "replied"],
  order: ["order", "acknowledged"],
  guard: ["guarded", "sent", "forwarded", "reported"],
  report: ["reported"],
  place: ["located"],
};

/** A reply is a message too. */
function finishes(deed: Deed, wanted: Deed | undefined): boolean {
  return deed === wanted || (deed === "replied" && wanted === "sent");
}

/** The number of steps done after one more act, of `done` before. */
export function after(practice: PracticeName, done: number, deed: Deed): number {
  return finishes(deed, STEPS[practice][done]) ? done + 1 : done;
}
