import { expect, it } from "vitest";
import { percentOf, unitOf, lineAt, starter } from "./courses.ts";
import type { LessonId } from "@copconnect/client/wire";

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

it("finds a line in a text", () => {
  const text = "ab\n\ncde";
  expect(lineAt(text, 1)).toEqual({ from: 0, to: 2 });
  expect(lineAt(text, 2)).toEqual({ from: 3, to: 3 });
  expect(lineAt(text, 3)).toEqual({ from: 4, to: 7 });
  expect(lineAt(text, 9)).toEqual({ from: 4, to: 7 });
  expect(lineAt("", 1)).toEqual({ from: 0, to: 0 });
});

it("begins a new lesson with its name", () => {
  expect(starter("officer.night-patrol" as LessonId)).toContain("title: Night patrol\n");
});
