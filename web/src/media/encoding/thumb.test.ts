import { expect, it } from "vitest";
import { thumbUrl } from "./thumb.ts";

const of = (...bytes: readonly number[]): Uint8Array => Uint8Array.from(bytes);
const letters = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));

const little = (value: number): number[] => [value & 255, value >>> 8];
const big = (value: number): number[] => [value >>> 8, value & 255];
const head = [...letters("RIFF"), 0, 0, 0, 0, ...letters("WEBP")];
const webpOf = (width: number, height: number): Uint8Array =>
  of(
    ...head,
    ...letters("VP8 "),
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0x9d,
    1,
    0x2a,
    ...little(width),
    ...little(height),
  );
const jpegOf = (width: number, height: number): Uint8Array =>
  of(0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 1, 0xff, 0xc0, 0, 17, 8, ...big(height), ...big(width), 0);

it("shows no picture whose header names more pixels than a preview has", () => {
  const one = (16_383 - 1) | ((16_383 - 1) << 14);
  const bits = [one & 255, (one >>> 8) & 255, (one >>> 16) & 255, one >>> 24];
  const lossless = of(...head, ...letters("VP8L"), 9, 0, 0, 0, 0x2f, ...bits, 0, 0, 0, 0, 0);
  const moving = of(...head, ...letters("VP8X"), 10, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 9, 0, 0);
  const still = of(...head, ...letters("VP8X"), 10, 0, 0, 0, 16, 0, 0, 0, 9, 0, 0, 9, 0, 0);
  for (const bytes of [
    webpOf(513, 9),
    jpegOf(9, 513),
    lossless,
    moving,
    of(0xff, 0xd8, 0xff, 0xe0),
  ])
    expect(thumbUrl(bytes)).toBeNull();
  expect(thumbUrl(still)).not.toBeNull();
});

it("shows small pictures of videos, and nothing that is none", () => {
  const webp = webpOf(320, 180);
  expect(thumbUrl(webp)).toBe(`data:image/webp;base64,${btoa(String.fromCharCode(...webp))}`);
  expect(thumbUrl(jpegOf(320, 180))).toMatch(/^data:image\/jpeg;base64,/u);
  for (const bytes of [letters("<svg onload=x>"), letters("GIF89a".padEnd(80)), []])
    expect(thumbUrl(of(...bytes))?.startsWith("data:image/png") ?? true).toBe(true);
  const large = new Uint8Array(4097);
  large.set(webp);
  expect(thumbUrl(large)).toBeNull();
  expect(thumbUrl(null)).toBeNull();
});
