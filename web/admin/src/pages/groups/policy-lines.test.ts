import { expect, it } from "vitest";
import { changesOf, isWhole, newLine } from "./policy-lines.ts";

it("counts lines that are new, gone or others", () => {
  const [first, second] = [newLine([]), newLine([newLine([])])];
  expect(second.code).not.toBe(first.code);
  expect(changesOf([first, second], [first, second])).toBe(0);
  expect(changesOf([first, second], [{ ...first, heads: true }, newLine([first, second])])).toBe(3);
  expect(isWhole(first)).toBe(false);
  expect(isWhole({ ...first, levels: ["station"] })).toBe(true);
});
