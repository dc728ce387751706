import { expect, it } from "vitest";
import { MOVING_MS, STANDING_MS, pauseAfter } from "./live.svelte.ts";

const at = (latitude: number) => ({ latitude, longitude: 78.5, accuracyM: 10, takenMs: 0 });

it("reads the position less often while the device stands still", () => {
  expect(pauseAfter(null, at(17))).toBe(MOVING_MS);
  expect(pauseAfter(at(17), at(17.001))).toBe(MOVING_MS);
  expect(pauseAfter(at(17), at(17.0001))).toBe(STANDING_MS);
  expect(pauseAfter(at(17), null)).toBe(MOVING_MS);
});
