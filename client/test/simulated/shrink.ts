/** Makes a failing schedule shorter by leaving steps out, for a person who looks for the cause. */
import { run } from "./run.ts";
import type { Schedule } from "./schedule.ts";

/** The schedule without the steps that the failure does not need, and how that one fails. */
export async function shrink(schedule: Schedule): Promise<readonly [Schedule, unknown]> {
  let found = schedule;
  let failure = await failureOf(schedule);
  for (let size = Math.ceil(found.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < found.steps.length;) {
      const steps = found.steps.filter((_, index) => index < at || index >= at + size);
      const shorter = { ...found, steps };
      const now = await failureOf(shorter);
      if (now === null) at += size;
      else [found, failure] = [shorter, now];
    }
  }
  return [found, failure];
}

async function failureOf(schedule: Schedule): Promise<unknown> {
  return run(schedule).then(
    () => null,
    (error: unknown) => error,
  );
}
