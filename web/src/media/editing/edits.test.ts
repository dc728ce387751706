import { afterEach, expect, it, vi } from "vitest";
import { boxOf, hide, middleOf, movedByKey } from "./edits.ts";

afterEach(() => vi.unstubAllGlobals());

const SIZE = { width: 400, height: 200 };

it("takes a drag in any direction for a box within the picture, and a tap for none", () => {
  const box = { x: 10, y: 20, width: 90, height: 60 };
  expect(boxOf({ from: { x: 10, y: 20 }, to: { x: 100, y: 80 } }, SIZE)).toEqual(box);
  expect(boxOf({ from: { x: 100, y: 80 }, to: { x: 10, y: 20 } }, SIZE)).toEqual(box);
  expect(boxOf({ from: { x: -50, y: 150 }, to: { x: 900, y: 900 } }, SIZE)).toEqual({
    ...{ x: 0, y: 150, width: 400, height: 50 },
  });
  expect(boxOf({ from: { x: 50, y: 50 }, to: { x: 53, y: 52 } }, SIZE)).toBeNull();
  expect(boxOf({ from: { x: 50, y: 50 }, to: { x: 300, y: 51 } }, SIZE)).toBeNull();
});

it("moves a box by keys, and its end with Shift", () => {
  const middle = middleOf(SIZE);
  expect(middle).toEqual({ from: { x: 100, y: 50 }, to: { x: 300, y: 150 } });
  expect(movedByKey(middle, "ArrowLeft", false, 8)).toEqual({
    ...{ from: { x: 92, y: 50 }, to: { x: 292, y: 150 } },
  });
  expect(movedByKey(middle, "ArrowDown", true, 8)?.to).toEqual({ x: 300, y: 158 });
  expect(movedByKey(middle, "ArrowDown", true, 8)?.from).toEqual(middle.from);
  expect(movedByKey(middle, "a", false, 8)).toBeNull();
});

interface Pixel {
  readonly value: number;
  readonly alpha: number;
}

/** A canvas of one channel with transparency, which is drawn as browsers draw: source over. */
class FakeCanvas {
  width = 0;
  height = 0;
  #pixels: Pixel[] = [];

  getContext(): object {
    return {
      canvas: this,
      drawImage: (from: FakeCanvas, x: number, y: number, width?: number, height?: number) => {
        const [wide, high] = [width ?? from.width, height ?? from.height];
        this.#each((px, py, under) => {
          const sx = Math.floor(((px - x) * from.width) / wide);
          const sy = Math.floor(((py - y) * from.height) / high);
          if (sx < 0 || sy < 0 || sx >= from.width || sy >= from.height) return under;
          const over = from.at(sx, sy);
          const alpha = over.alpha + under.alpha * (1 - over.alpha);
          const sum = over.value * over.alpha + under.value * under.alpha * (1 - over.alpha);
          return { value: alpha === 0 ? 0 : sum / alpha, alpha };
        });
      },
      clearRect: (x: number, y: number, width: number, height: number) =>
        this.#each((px, py, under) => {
          const within = px >= x && py >= y && px < x + width && py < y + height;
          return within ? { value: 0, alpha: 0 } : under;
        }),
    };
  }

  at(x: number, y: number): Pixel {
    return this.#pixels[y * this.width + x] ?? { value: 0, alpha: 0 };
  }

  set(x: number, y: number, value: number, alpha: number): void {
    this.#pixels[y * this.width + x] = { value, alpha };
  }

  #each(change: (x: number, y: number, under: Pixel) => Pixel): void {
    const next: Pixel[] = [];
    for (let y = 0; y < this.height; y++)
      for (let x = 0; x < this.width; x++) next.push(change(x, y, this.at(x, y)));
    this.#pixels = next;
  }
}

it("hides a part of a picture with transparency too", () => {
  vi.stubGlobal("document", { createElement: () => new FakeCanvas() });
  const picture = Object.assign(new FakeCanvas(), { width: 48, height: 48 });
  // Letters on a ground of which a part shows through.
  for (let y = 0; y < 48; y++)
    for (let x = 0; x < 48; x++) picture.set(x, y, (x + y) % 3 === 0 ? 255 : 0, 0.25);
  hide(picture.getContext() as CanvasRenderingContext2D, { x: 8, y: 8, width: 24, height: 24 });
  const valuesIn = (from: number, to: number): number => {
    const seen = new Set<number>();
    for (let y = from; y < to; y++)
      for (let x = from; x < to; x++) seen.add(picture.at(x, y).value);
    return seen.size;
  };
  // Each average covers a square of pixels, in which no difference is left.
  for (let at = 8; at < 32; at += 4) expect(valuesIn(at, at + 4)).toBe(1);
  expect(valuesIn(0, 8)).toBe(2);
});
