import { describe, expect, it } from "vitest";
import { initials } from "./initials.ts";
import { marksOf } from "./crest.ts";

describe("initials", () => {
  it("are two letters in Latin script", () => {
    expect(initials("Kumar Chandra Sekhar")).toBe("KC");
    expect(initials("charminar police station")).toBe("CP");
    expect(initials("Éva")).toBe("É");
    expect(initials("K. Chandra")).toBe("KC");
    expect(initials("2nd Battalion")).toBe("2B");
  });

  it.each([
    ["Telugu", "గుండం దామోదర్", "గుం"],
    ["Telugu", "కుమార్ చంద్ర", "కు"],
    ["Urdu", "محمد رضا", "م"],
    ["Hindi", "कुमार चंद्र", "कु"],
    ["Telugu, after a Latin letter in brackets", "చంద్ర (K) శేఖర్", "చం"],
  ])("are one grapheme cluster in %s, because two joined are words", (_, name, expected) => {
    expect(initials(name)).toBe(expected);
  });

  it("do not join two scripts", () => {
    expect(initials("Ravi కుమార్")).toBe("R");
    expect(initials("Ravi కుమార్ Teja")).toBe("R");
  });

  it("are nothing without a letter", () => {
    expect(initials("100 – 200")).toBe("");
    expect(initials("")).toBe("");
  });
});

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
