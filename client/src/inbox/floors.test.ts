import { describe, expect, it } from "vitest";
import { floorAt, withStep } from "./floors.ts";

const at = (position: number, epoch: number) => ({ position, epoch });

describe("R2 floors", () => {
  it("begin after the entry that makes them, and ascend", () => {
    const steps = withStep(withStep([], at(3, 2)), at(7, 5));
    expect([1, 3, 4, 7, 8].map((position) => floorAt(steps, position))).toEqual([0, 0, 2, 2, 5]);
  });

  it("only gain: a lower or later step changes nothing", () => {
    const steps = withStep([], at(3, 5));
    expect(withStep(steps, at(4, 5))).toBe(steps);
    expect(withStep(steps, at(9, 2))).toBe(steps);
  });

  it("gain from the past, whatever the order in which steps come", () => {
    const later = withStep(withStep([], at(9, 7)), at(5, 4));
    expect(withStep(later, at(2, 4))).toEqual([at(2, 4), at(9, 7)]);
    expect(withStep(later, at(2, 8))).toEqual([at(2, 8)]);
    expect(floorAt(withStep(later, at(5, 6)), 6)).toBe(6);
  });
});
