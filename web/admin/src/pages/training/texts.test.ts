import type { LessonId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { lineAt, starter } from "./texts.ts";

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
