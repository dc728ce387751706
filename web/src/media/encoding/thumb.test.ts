import { expect, it } from "vitest";
import { thumbUrl } from "./thumb.ts";

const of = (...bytes: readonly number[]): Uint8Array => Uint8Array.from(bytes);
const letters = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));

it("shows small pictures of videos, and nothing that is none", () => {
  const webp = of(...letters("RIFF"), 0, 0, 0, 0, ...letters("WEBP"), 1, 2);
  expect(thumbUrl(webp)).toBe(`data:image/webp;base64,${btoa(String.fromCharCode(...webp))}`);
  expect(thumbUrl(of(0xff, 0xd8, 0xff, 0xe0))).toMatch(/^data:image\/jpeg;base64,/u);
  for (const bytes of [letters("<svg onload=x>"), letters("GIF89a".padEnd(80)), []])
    expect(thumbUrl(of(...bytes))?.startsWith("data:image/png") ?? true).toBe(true);
  const large = new Uint8Array(4097);
  large.set(webp);
  expect(thumbUrl(large)).toBeNull();
  expect(thumbUrl(null)).toBeNull();
});
