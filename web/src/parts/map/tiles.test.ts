import { describe, expect, it } from "vitest";
import { nearestTown } from "./towns.ts";
import { tilesAround } from "./tiles.ts";

const TEMPLATE = "https://tiles.example/{z}/{x}/{y}.png";

describe("tilesAround", () => {
  it("covers the whole map, with the place in its middle", () => {
    const place = { latitude: 17.361564, longitude: 78.474665 };
    const tiles = tilesAround(place, TEMPLATE, 15, 280, 150);
    expect(Math.min(...tiles.map(({ left }) => left))).toBeLessThanOrEqual(0);
    expect(Math.min(...tiles.map(({ top }) => top))).toBeLessThanOrEqual(0);
    expect(Math.max(...tiles.map(({ left }) => left + 256))).toBeGreaterThanOrEqual(280);
    expect(Math.max(...tiles.map(({ top }) => top + 256))).toBeGreaterThanOrEqual(150);
    // The slippy-map tile of Charminar at this zoom lies under the middle.
    const middle = tiles.find(
      ({ left, top }) => left <= 140 && left + 256 > 140 && top <= 75 && top + 256 > 75,
    );
    expect(middle?.url).toBe("https://tiles.example/15/23526/14778.png");
  });

  it("goes round the world eastward, and ends at the poles", () => {
    const tiles = tilesAround({ latitude: 85, longitude: 179.99 }, TEMPLATE, 2, 600, 600);
    const names = tiles.map(({ url }) => url.slice(-9, -4));
    expect(names).toContain("2/0/0");
    expect(names).toContain("2/3/0");
    expect(names.every((name) => /^2\/[0-3]\/[0-3]$/.test(name))).toBe(true);
  });
});

describe("nearestTown", () => {
  it("names the nearest town with whole kilometres, and none from far away", () => {
    expect(nearestTown(17.361564, 78.474665)).toMatchObject({
      town: { names: { en: "Hyderabad" } },
      km: 3,
    });
    expect(nearestTown(18.1, 78.85)).toMatchObject({ town: { names: { en: "Siddipet" } }, km: 1 });
    expect(nearestTown(28.61, 77.21)).toBeNull();
  });
});
