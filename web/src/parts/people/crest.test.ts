import { describe, expect, it } from "vitest";
import { marksOf } from "./crest.ts";

describe("marksOf", () => {
  it("tells every level of a department of eight apart, and the top from all", () => {
    const seen = Array.from({ length: 8 }, (_, steps) =>
      marksOf({ steps, top: steps === 7 })
        .map(({ kind }) => kind)
        .join(" "),
    );
    expect(seen.slice(0, 4)).toEqual([
      "chevron",
      "chevron chevron",
      "chevron chevron chevron",
      "star chevron",
    ]);
    expect(seen.at(-1)).toBe("star");
    expect(new Set(seen).size).toBe(8);
  });

  it("keeps its marks within the shield, and draws none for a level that is unknown", () => {
    for (let steps = 0; steps < 20; steps += 1) {
      for (const { y, scale } of marksOf({ steps, top: false })) {
        expect(y - 5 * scale).toBeGreaterThan(6);
        expect(y + 5 * scale).toBeLessThan(38);
      }
    }
    expect(marksOf(null)).toEqual([]);
  });
});
