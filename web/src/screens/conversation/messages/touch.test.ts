import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Touch } from "./touch.svelte.ts";

/** A part of a message, inside of which every other part is. */
class Part {
  readonly #names: readonly string[];
  constructor(...names: string[]) {
    this.#names = names;
  }
  closest(parts: string): this | null {
    const asked = parts.split(", ");
    return this.#names.some((name) => asked.includes(name)) ? this : null;
  }
}
const text = new Part("p");
const photo = new Part("img", "button");
const wave = new Part("[role='slider']");
const link = new Part("a");

let choosing: boolean;
let done: string[];
let touch: Touch;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("Element", Part);
  choosing = false;
  done = [];
  touch = new Touch({
    choosing: () => choosing,
    onmenu: () => done.push("menu"),
    onchoose: () => {
      done.push("choose");
      choosing = !choosing;
    },
    onreply: () => done.push("reply"),
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function event(target: Part, x = 0, y = 0, pointerType = "touch"): PointerEvent {
  const stops = { preventDefault: vi.fn(), stopPropagation: vi.fn() };
  const point = { clientX: x, clientY: y };
  return { target, pointerType, ...point, ...stops } as unknown as PointerEvent;
}
/** A finger that comes down, moves and goes. */
function drag(target: Part, x: number, y: number): void {
  touch.down(event(target));
  touch.move(event(target, x, y));
  touch.up();
}

it("answers a message that a finger pulls to the side, far enough", () => {
  drag(text, 40, 0);
  expect(done).toEqual([]);
  drag(text, 70, 5);
  drag(photo, 70, 5);
  expect(done).toEqual(["reply", "reply"]);
  expect(touch.pulled).toBe(0);
});

it("leaves a finger on a waveform to the waveform", () => {
  drag(wave, 120, 0);
  touch.down(event(wave));
  vi.advanceTimersByTime(1_000);
  expect(done).toEqual([]);
});

it("chooses a text and a photo by a finger that rests, and what lifting it presses does nothing", () => {
  for (const part of [text, photo]) {
    choosing = false;
    done = [];
    touch.down(event(part));
    vi.advanceTimersByTime(500);
    const menu = event(part);
    touch.menu(menu);
    expect(menu.preventDefault).toHaveBeenCalled();
    touch.up();
    const click = event(part);
    touch.capture(click);
    touch.click(click);
    expect(click.stopPropagation).toHaveBeenCalled();
    expect(done).toEqual(["choose"]);
  }
});

it("leaves a link and a mouse over a photo to the browser's menu", () => {
  for (const [part, pointer] of [[link, "touch"] as const, [photo, "mouse"] as const]) {
    touch.down(event(part, 0, 0, pointer));
    vi.advanceTimersByTime(1_000);
    const menu = event(part);
    touch.menu(menu);
    expect(menu.preventDefault).not.toHaveBeenCalled();
  }
  expect(done).toEqual([]);
});

it("does nothing for a finger that scrolls, and opens the menu for one that taps", () => {
  touch.down(event(text));
  touch.move(event(text, 30, 80));
  vi.advanceTimersByTime(1_000);
  touch.cancel();
  expect(done).toEqual([]);
  touch.down(event(text));
  touch.up();
  touch.click(event(text));
  expect(done).toEqual(["menu"]);
});
