/** The hash of pixels: copies stay near, other pictures do not, plain ones have none. */
import { describe, expect, it } from "vitest";
import { EDGE, hashOf } from "./picture-hash.ts";

type Light = (x: number, y: number) => number;
/** As many bits as the guard takes for a copy: NEAR in client/src/guard/pictures.ts. */
const NEAR = 26;

function pixels(light: Light): ImageData {
  const data = new Uint8ClampedArray(EDGE * EDGE * 4);
  for (let y = 0; y < EDGE; y++)
    for (let x = 0; x < EDGE; x++)
      data.fill(light(x, y), (y * EDGE + x) * 4, (y * EDGE + x) * 4 + 3);
  return { data, width: EDGE, height: EDGE, colorSpace: "srgb" } as ImageData;
}

function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

/** Discs of different light on a slope, as a card has flowers on a sky. */
function card(seed: number): Light {
  const next = numbers(seed);
  const discs = Array.from({ length: 40 }, () => ({
    ...{ x: EDGE * next(), y: EDGE * next(), radius: 8 + 30 * next(), light: 255 * next() },
  }));
  const light = Float32Array.from({ length: EDGE * EDGE }, (_, at) => {
    const [x, y] = [at % EDGE, Math.floor(at / EDGE)];
    const disc = discs.find((one) => (x - one.x) ** 2 + (y - one.y) ** 2 < one.radius ** 2);
    return disc?.light ?? 60 + y / 2;
  });
  return (x, y) => light[Math.min(y, EDGE - 1) * EDGE + Math.min(x, EDGE - 1)] ?? 0;
}

function distance(one: Light, other: Light): number {
  const [a, b] = [hashOf(pixels(one), "mark"), hashOf(pixels(other), "judge")];
  if (a === null || b === null) throw new Error("no hash");
  const bits = (octets: Uint8Array): string =>
    Array.from(octets, (octet) => octet.toString(2).padStart(8, "0")).join("");
  const [first, second] = [bits(a), bits(b)];
  return [...first].filter((bit, at) => bit !== second[at]).length;
}

describe("the hash of a picture", () => {
  it("stays near for copies that are brighter, noisy, captioned or shifted a little", () => {
    const noise = numbers(5);
    for (const seed of [11, 23, 37]) {
      const original = card(seed);
      const copies: readonly Light[] = [
        (x, y) => 1.1 * original(x, y) + 8,
        (x, y) => original(x, y) + 30 * (noise() - 0.5),
        (x, y) => (y > 244 ? 255 : original(x, y)),
        (x, y) => original(x + 3, y + 2),
        (x, y) => 16 * Math.round(original(x, y) / 16),
      ];
      expect(distance(original, original)).toBe(0);
      for (const copy of copies) expect(distance(original, copy)).toBeLessThanOrEqual(NEAR);
    }
  });

  it("is far for other pictures, also for those of the same make", () => {
    for (const seed of [23, 37, 41])
      expect(distance(card(11), card(seed))).toBeGreaterThan(2 * NEAR);
  });

  it("is none for one colour, gradients, noise and pages of text", () => {
    const next = numbers(3);
    const plain: readonly Light[] = [
      () => 130,
      (x) => x,
      (x, y) => (x + y) / 2,
      (x, y) => 255 - Math.hypot(x - 90, y - 60) / 2,
      () => 130 + 20 * (next() - 0.5),
      (x, y) =>
        y % 12 < 3 && x > 20 && x < 20 + ((Math.floor(y / 12) * 37) % 200) && next() < 0.5
          ? 20
          : 250,
    ];
    for (const light of plain) expect(hashOf(pixels(light), "judge") === null).toBe(true);
  });

  it("is not given for a mark where large parts are one tone", () => {
    const whole = card(11);
    const note: Light = (x, y) => (y < 120 ? whole(x, y) : 200);
    const half = pixels(note);
    expect(hashOf(half, "judge")).not.toBeNull();
    expect(hashOf(half, "mark")).toBeNull();
  });
});
