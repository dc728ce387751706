import { describe, expect, it } from "vitest";
import { pinProblem } from "./pin.ts";

describe("pinProblem", () => {
  it.each([
    ["12345", "12345", "short"],
    ["1234567890123", "1234567890123", "short"],
    ["12ab56", "12ab56", "short"],
    ["123456", "123456", "weak"],
    ["987654", "987654", "weak"],
    ["890123", "890123", "weak"],
    ["777777", "777777", "weak"],
    ["121212", "121212", "weak"],
    ["471471", "471471", "weak"],
    ["473916", "473917", "differs"],
    ["473916", "473916", null],
    ["100000", "100000", null],
  ])("%s, repeated as %s: %s", (pin, repeated, problem) => {
    expect(pinProblem(pin, repeated)).toBe(problem);
  });
});
