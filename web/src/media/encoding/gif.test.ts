import { describe, expect, it } from "vitest";
import { bareGif } from "./gif.ts";

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));

const HEAD = [...ascii("GIF89a"), 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255];
const LOOP = [0x21, 0xff, 11, ...ascii("NETSCAPE2.0"), 3, 1, 0, 0, 0];
const CONTROL = [0x21, 0xf9, 4, 0, 10, 0, 0, 0];
const FRAME = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0];
const OWN_COLOURS = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0x80, 9, 9, 9, 8, 8, 8, 2, 2, 0x44, 1, 0];
const COMMENT = [0x21, 0xfe, 5, ...ascii("place"), 3, ...ascii("two"), 0];
const XMP = [0x21, 0xff, 11, ...ascii("XMP DataXMP"), 4, ...ascii("GPS!"), 0];
const LONG_LOOP = [0x21, 0xff, 11, ...ascii("NETSCAPE2.0"), 3, 1, 0, 0, 4, ...ascii("more"), 0];
const WORDS = [0x21, 0x01, 12, ...Array<number>(12).fill(0), 4, ...ascii("text"), 0];
const END = [0x3b];

const bare = (...parts: readonly number[][]): number[] | null => {
  const found = bareGif(new Uint8Array(parts.flat()));
  return found === null ? null : [...found];
};

describe("bareGif", () => {
  it("keeps what is seen and how often it is repeated", () => {
    const seen = [HEAD, LOOP, CONTROL, FRAME, CONTROL, OWN_COLOURS, END];
    expect(bare(...seen)).toEqual(seen.flat());
  });

  it.each([
    ["comments", COMMENT],
    ["data of applications", XMP],
    ["text that is not drawn", WORDS],
    ["what follows a count of repeats", LONG_LOOP],
  ])("leaves out %s", (_, hidden) => {
    const seen = [HEAD, CONTROL, FRAME, END];
    expect(bare(HEAD, hidden, CONTROL, FRAME, hidden, END)).toEqual(seen.flat());
  });

  it("leaves out what follows the end", () => {
    expect(bare(HEAD, FRAME, END, ascii("Exif GPS"))).toEqual([HEAD, FRAME, END].flat());
  });

  it("knows what is no whole GIF", () => {
    const whole = [HEAD, LOOP, CONTROL, FRAME, END].flat();
    for (let length = 0; length < whole.length; length += 1)
      expect(bare(whole.slice(0, length))).toBeNull();
    expect(bare([0xff, 0xd8, ...whole])).toBeNull();
    expect(bare(HEAD, [0x77], FRAME, END)).toBeNull();
  });
});
