import { expect, it } from "vitest";
import { percentOf, unitOf } from "./courses.ts";

it("says 100 only where nobody is missing, and 0 only where nobody has done it", () => {
  expect(percentOf(62_999, 63_000)).toBe(99);
  expect(percentOf(63_000, 63_000)).toBe(100);
  expect(percentOf(1, 3)).toBe(33);
  expect(percentOf(1, 63_000)).toBe(1);
  expect(percentOf(0, 7)).toBe(0);
  expect(percentOf(0, 0)).toBe(0);
});

it("reads the unit at the end of a path", () => {
  expect(unitOf("aa/bb/cc")).toBe("cc");
  expect(unitOf("aa")).toBe("aa");
});
