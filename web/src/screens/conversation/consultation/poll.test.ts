import { expect, it } from "vitest";
import { endOf, optionsOf } from "./poll.ts";

it("sends options that differ, without those left empty", () => {
  expect(optionsOf([" Mon ", "", "Tue"])).toEqual(["Mon", "Tue"]);
  expect(optionsOf(["Mon", " "])).toBeNull();
  expect(optionsOf(["Mon", "Mon "])).toBeNull();
});

it("ends after the span that was chosen, or never", () => {
  expect(endOf("never", 5)).toBeNull();
  expect(endOf("shift", 5)).toBe(5 + 8 * 3_600_000);
});
