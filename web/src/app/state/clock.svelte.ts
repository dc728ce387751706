/** The present, to the half minute, for relative times that stay true while they are looked at. */
const STEP_MS = 30_000;

let now = $state(Date.now());

setInterval(() => (now = Date.now()), STEP_MS);

export const clock = {
  get now(): number {
    return now;
  },
};
