import { expect, it } from "vitest";
import { tomorrow } from "./days.ts";

it("says the day after today in India", () => {
  expect(tomorrow(Date.UTC(2026, 0, 1, 18, 29))).toBe("2026-01-02");
  expect(tomorrow(Date.UTC(2026, 0, 1, 18, 30))).toBe("2026-01-03");
});
