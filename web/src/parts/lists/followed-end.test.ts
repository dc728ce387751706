import { expect, it } from "vitest";
import { FollowedEnd } from "./followed-end.svelte.ts";

const SCREEN = 700;

/** A list of so many pixels that shows its end. */
function atEnd(height: number) {
  const scroller = {
    clientHeight: SCREEN,
    scrollHeight: height,
    top: 0,
    get scrollTop() {
      return this.top;
    },
    set scrollTop(pixels: number) {
      this.top = Math.max(0, Math.min(pixels, this.scrollHeight - this.clientHeight));
    },
  };
  const end = new FollowedEnd();
  end.show(scroller);
  return { scroller, end, follows: () => end.follows(scroller, false) };
}

it("follows an end that rows or a keyboard put out of sight", () => {
  const { scroller, end, follows } = atEnd(2000);
  scroller.scrollHeight += 400;
  expect(follows()).toBe(true);
  end.show(scroller);
  expect(scroller.scrollTop).toBe(1700);
  scroller.clientHeight -= 300;
  expect(follows()).toBe(true);
});

it("leaves the end with a reader who goes up, and takes it up where the reader returns", () => {
  const { scroller, follows } = atEnd(2000);
  // A finger that trembles leaves nothing.
  scroller.scrollTop -= 60;
  expect(follows()).toBe(true);
  scroller.scrollTop -= 60;
  expect(follows()).toBe(false);
  scroller.scrollHeight += 400;
  expect(follows()).toBe(false);
  scroller.scrollTop = scroller.scrollHeight - 30;
  expect(follows()).toBe(true);
});

it("knows the reader who went up in the moment in which older rows were put in above", () => {
  const { scroller, end, follows } = atEnd(2000);
  scroller.scrollTop -= 200;
  expect(follows()).toBe(false);
  scroller.scrollHeight += 5000;
  scroller.scrollTop += 5000;
  end.move(5000);
  expect(follows()).toBe(false);
});

it("knows the reader who goes up after older rows were put in above", () => {
  const { scroller, end, follows } = atEnd(2000);
  expect(follows()).toBe(true);
  scroller.scrollHeight += 5000;
  scroller.scrollTop += 5000;
  end.move(5000);
  scroller.scrollHeight += 300;
  expect(follows()).toBe(true);
  scroller.scrollTop -= 200;
  expect(follows()).toBe(false);
});

it("does not follow an end that is not loaded", () => {
  const { scroller, end } = atEnd(2000);
  expect(end.follows(scroller, true)).toBe(false);
});
