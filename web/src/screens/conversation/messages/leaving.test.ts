import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { whenLeft } from "./leaving.ts";

class Page extends EventTarget {
  visibilityState = "visible";

  turn(state: "hidden" | "visible"): void {
    this.visibilityState = state;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

let page: Page;
let left: number;

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page();
  left = 0;
  vi.stubGlobal("document", page);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("acts when the page is hidden, and not when it is shown again", () => {
  whenLeft(() => left++, 5_000);
  page.turn("visible");
  expect(left).toBe(0);
  page.turn("hidden");
  page.turn("visible");
  expect(left).toBe(1);
});

it("does nothing after its time, or once it was stopped", () => {
  whenLeft(() => left++, 5_000);
  whenLeft(() => left++, 5_000)();
  vi.advanceTimersByTime(5_000);
  page.turn("hidden");
  whenLeft(() => left++, 5_000)();
  page.turn("hidden");
  expect(left).toBe(0);
});
