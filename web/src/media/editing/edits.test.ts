import { expect, it } from "vitest";
import { boxOf, middleOf, movedByKey } from "./edits.ts";

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
