import { expect, it } from "vitest";
import { missingItems } from "./wording.ts";

it("numbers the items that are not done", () => {
  expect(missingItems(0b101, 4)).toEqual([2, 4]);
  expect(missingItems(0b111, 3)).toEqual([]);
});
