import { describe, expect, it } from "vitest";
import { initials } from "./initials.ts";

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
