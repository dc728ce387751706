import { expect, it } from "vitest";
import { fitLines } from "./dimensions.ts";

it("makes videos of at most so many lines, with even edges, and none larger", () => {
  expect(fitLines({ width: 1920, height: 1080 }, 720)).toEqual({ width: 1280, height: 720 });
  expect(fitLines({ width: 1080, height: 1920 }, 720)).toEqual({ width: 720, height: 1280 });
  expect(fitLines({ width: 320, height: 241 }, 720)).toEqual({ width: 320, height: 242 });
  expect(fitLines({ width: 2532, height: 1170 }, 720)).toEqual({ width: 1558, height: 720 });
});
