import { expect, it } from "vitest";
import { endOf } from "./hold-words.ts";

it("ends a hold with its last day in India, wherever the console is", () => {
  expect(endOf("2026-12-01")).toBe(Date.UTC(2026, 11, 1, 18, 30));
  expect(endOf("")).toBeNull();
});
