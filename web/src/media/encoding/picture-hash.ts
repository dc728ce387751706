/**
 * The perceptual hash of a picture, by which the guard knows pictures that moderators marked:
 * docs/guard-model.md, section Known pictures. Fetched when somebody first sends a picture.
 *
 * A difference hash of 256 bits: whether each of 16 x 16 parts is darker than its right neighbour. A
 * copy that was scaled or encoded again differs in a few bits, another picture in about half of them.
 */
import { dHash, getGrayData, scaleDownLinear } from "@alttiri/image-hash";
import { drawn } from "./canvas.ts";

/** Parts on an edge. */
const PARTS = 16;
/** A picture is drawn at this size first, whatever its shape. */
export const EDGE = 256;
/** A part stands out where its light is off the mean of its neighbours' by so much, of 255. */
const OUT = 3;
/** Steps of light, of which two next to each other are one tone. */
const TONES = 32;
/**
 * A picture with a hash has so large a share of parts that stand out, which a gradient has not, and no
 * larger share of one tone, which a page of text has. A picture to be marked needs more of both, because
 * pages that were photographed on a desk resemble each other.
 */
const NEEDS = {
  judge: { leastOut: 0.25, mostOfATone: 0.7 },
  mark: { leastOut: 0.4, mostOfATone: 0.5 },
} as const;
export type HashedFor = keyof typeof NEEDS;

type Pixels = Pick<ImageData, "data" | "width" | "height" | "colorSpace">;

/** The hash of a picture, 32 bytes; null for other bytes, or a picture too plain to recognise. */
export async function pictureHash(picture: Blob, to: HashedFor): Promise<Uint8Array | null> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(picture, { imageOrientation: "from-image" });
  } catch {
    return null;
  }
  try {
    const { context } = drawn(bitmap, { width: EDGE, height: EDGE });
    return hashOf(context.getImageData(0, 0, EDGE, EDGE), to);
  } finally {
    bitmap.close();
  }
}

/** The hash of pixels, {@link EDGE} on each side; null where they are too plain. */
export function hashOf(pixels: Pixels, to: HashedFor): Uint8Array | null {
  const grayData = getGrayData(pixels);
  const { data } = scaleDownLinear(grayData, { size: PARTS });
  const { leastOut, mostOfATone } = NEEDS[to];
  if (standingOut(data) < leastOut || largestTone(grayData.data) > mostOfATone) return null;
  const { hex } = dHash(pixels, { size: PARTS, grayData });
  return Uint8Array.from(hex.match(/../gu) ?? [], (pair) => parseInt(pair, 16));
}

/** The share of parts that stand out from their neighbours on both sides, or above and below. */
function standingOut(light: Uint8Array): number {
  const at = (x: number, y: number): number => light[y * PARTS + x] ?? 0;
  let out = 0;
  for (let y = 1; y < PARTS - 1; y++)
    for (let x = 1; x < PARTS - 1; x++) {
      const across = at(x, y) - (at(x - 1, y) + at(x + 1, y)) / 2;
      const down = at(x, y) - (at(x, y - 1) + at(x, y + 1)) / 2;
      if (Math.max(Math.abs(across), Math.abs(down)) > OUT) out += 1;
    }
  return out / (PARTS - 2) ** 2;
}

/** The share of the most frequent tone. */
function largestTone(light: Uint8Array): number {
  const counts = new Array<number>(TONES).fill(0);
  for (const one of light) {
    const tone = Math.floor((one * TONES) / 256);
    counts[tone] = (counts[tone] ?? 0) + 1;
  }
  const pairs = counts.map((count, tone) => count + (counts[tone + 1] ?? 0));
  return Math.max(...pairs) / light.length;
}
