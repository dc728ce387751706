import type { Course } from "@copconnect/client/core";
import { expect, it } from "vitest";
import { lessonsDone } from "./training.svelte.ts";

const course = (lessons: number, done: number, completedMs: number | null): Course =>
  ({ lessons: Array.from({ length: lessons }), done, completedMs }) as unknown as Course;

it("counts each lesson of a course that was recorded as done in a classroom", () => {
  expect(lessonsDone([course(7, 0, 1), course(2, 1, null)])).toEqual({ done: 8, all: 9 });
  expect(lessonsDone([course(7, 3, null)])).toEqual({ done: 3, all: 7 });
});
