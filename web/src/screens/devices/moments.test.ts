import { expect, it } from "vitest";
import { fromLocal, toLocal } from "./moments.ts";

it("writes and reads a moment in the device's own time zone", () => {
  const moment = new Date(2026, 10, 26, 14, 5).getTime();
  expect(toLocal(moment)).toBe("2026-11-26T14:05");
  expect(fromLocal("2026-11-26T14:05")).toBe(moment);
});

it("knows no moment in an empty or broken field", () => {
  expect(fromLocal("")).toBeNull();
  expect(fromLocal("yesterday")).toBeNull();
});
