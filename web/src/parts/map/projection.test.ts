import { describe, expect, it } from "vitest";
import outline from "./outline.json";
import {
  circle,
  distanceM,
  project,
  svgPath,
  unitsPerMetre,
  WORLD,
  type Position,
} from "./projection.ts";
import { TOWNS } from "./towns.ts";

const HYDERABAD: Position = [78.487, 17.385];
const WARANGAL: Position = [79.59, 17.97];

describe("projection", () => {
  it("puts the corners of the world where they belong", () => {
    expect(project([0, 0])).toEqual({ x: WORLD / 2, y: WORLD / 2 });
    expect(project([-180, 0]).x).toBe(0);
    expect(project(WARANGAL).y).toBeLessThan(project(HYDERABAD).y);
    expect(Number.isFinite(project([0, 90]).y)).toBe(true);
  });

  it("measures distances", () => {
    // 134 km as the crow flies.
    expect(distanceM(HYDERABAD, WARANGAL) / 1000).toBeCloseTo(134, 0);
  });

  it("draws circles of the asked size", () => {
    const ring = circle(HYDERABAD, 500);
    expect(ring[0]).toEqual(ring[64]?.map((v) => expect.closeTo(v, 9)));
    for (const point of ring) expect(distanceM(HYDERABAD, point)).toBeCloseTo(500, 3);
  });

  it("scales metres to the drawing", () => {
    const east: Position = [HYDERABAD[0] + 0.01, HYDERABAD[1]];
    const drawn = project(east).x - project(HYDERABAD).x;
    expect(drawn / unitsPerMetre(HYDERABAD[1])).toBeCloseTo(distanceM(HYDERABAD, east), -1);
  });

  it("writes paths", () => {
    expect(
      svgPath(
        [
          [
            [0, 0],
            [180, 0],
          ],
        ],
        true,
      ),
    ).toBe("M5000.00 5000.00L10000.00 5000.00Z");
  });
});

/** Even-odd rule. */
function inside([x, y]: Position, ring: readonly number[][]): boolean {
  let within = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi, xj, yj] = [ring[i]?.[0], ring[i]?.[1], ring[j]?.[0], ring[j]?.[1]];
    if (xi === undefined || yi === undefined || xj === undefined || yj === undefined) continue;
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
  }
  return within;
}

describe("outline", () => {
  it("has every district headquarters inside the State and neighbours' cities outside", () => {
    const state = outline.department[0]?.[0] ?? [];
    for (const { names, longitude, latitude } of TOWNS) {
      expect([names.en, inside([longitude, latitude], state)]).toEqual([names.en, true]);
    }
    expect(inside([80.62, 16.51], state)).toBe(false); // Vijayawada
    expect(inside([76.83, 17.33], state)).toBe(false); // Kalaburagi
  });
});
