import { expect, it } from "vitest";
import { isTime } from "./auto-lock.svelte.ts";

const on = { enabled: true, autoLockMs: 60_000 };

it("locks after the chosen time without a touch, seen or not", () => {
  expect(isTime(on, 59_999, true)).toBe(false);
  expect(isTime(on, 60_000, true)).toBe(true);
  expect(isTime(on, 60_000, false)).toBe(true);
});

it("locks at once when it leaves the screen, if that was chosen", () => {
  const atOnce = { enabled: true, autoLockMs: 0 };
  expect(isTime(atOnce, 0, true)).toBe(true);
  expect(isTime(atOnce, 999_999, false)).toBe(false);
});

it("never locks without a PIN", () => {
  expect(isTime({ enabled: false, autoLockMs: 0 }, 999_999, true)).toBe(false);
});
