/**
 * Tiny previews that travel in the message: a thumbhash for a picture, which soon comes itself, and a small
 * picture for a video, which comes when somebody plays it. Needs a canvas.
 */
import { rgbaToThumbHash, thumbHashToDataURL } from "thumbhash";
import { drawn } from "./canvas.ts";
import { fitWithin, THUMB_EDGE, type Size } from "./dimensions.ts";

/** Thumbhash of anything a canvas can draw (about 25 bytes). */
export function thumbOf(source: CanvasImageSource, size: Size): Uint8Array {
  const small = fitWithin(size, THUMB_EDGE);
  const { context } = drawn(source, small);
  const pixels = context.getImageData(0, 0, small.width, small.height).data;
  return rgbaToThumbHash(small.width, small.height, pixels);
}

/** The core takes no larger preview in a message. */
const MOST_BYTES = 4096;
const MOST_EDGE = 512;
const POSTERS = [320, 256, 192, 128].flatMap((edge) =>
  [0.5, 0.3].map((quality) => ({ edge, quality })),
);

/** The largest small picture that fits; a thumbhash where none does. */
export async function posterOf(source: CanvasImageSource, size: Size): Promise<Uint8Array> {
  for (const { edge, quality } of POSTERS) {
    const { encode } = drawn(source, fitWithin(size, edge));
    const webp = await encode("image/webp", quality);
    // A browser that cannot write WebP answers with PNG.
    const blob = webp.type === "image/webp" ? webp : await encode("image/jpeg", quality);
    if (blob.size <= MOST_BYTES) return new Uint8Array(await blob.arrayBuffer());
  }
  return thumbOf(source, size);
}

/** The type of a small picture, by its first bytes; null: it is none. */
function posterType(bytes: Uint8Array): string | null {
  const first = String.fromCharCode(...bytes.subarray(0, 12));
  if (first.startsWith("\xff\xd8\xff")) return "image/jpeg";
  return first.startsWith("RIFF") && first.endsWith("WEBP") ? "image/webp" : null;
}

/**
 * Whether a picture's header names at most {@link MOST_EDGE} pixels on each side. A hundred bytes of one colour
 * can name 16,383: a gigabyte once a browser has unpacked them.
 */
function isSmall(bytes: Uint8Array, type: string): boolean {
  const size = type === "image/webp" ? webpSize(bytes) : jpegSize(bytes);
  return size !== null && size.width <= MOST_EDGE && size.height <= MOST_EDGE;
}

/** The size that a WebP file without animation names. A decoder refuses a picture larger than its canvas. */
function webpSize(bytes: Uint8Array): Size | null {
  if (bytes.length < 30) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const chunk = String.fromCharCode(...bytes.subarray(12, 16));
  if (chunk === "VP8 ")
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (chunk === "VP8X" && (view.getUint8(20) & 2) === 0)
    return {
      width: (view.getUint32(24, true) & 0xffffff) + 1,
      height: (view.getUint32(26, true) >>> 8) + 1,
    };
  if (chunk !== "VP8L") return null;
  const packed = view.getUint32(21, true);
  return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 };
}

/** The size in the frame header of a JPEG file, which comes after segments of a known length. */
function jpegSize(bytes: Uint8Array): Size | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 2; at + 9 <= bytes.length; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    if (marker < 0xffc0 || marker === 0xffff) return null;
    const frame = marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (frame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
  }
  return null;
}

const urls = new WeakMap<Uint8Array, string>();

/** A data URL for a preview; null when the sender's bytes are none. */
export function thumbUrl(thumb: Uint8Array | null): string | null {
  if (thumb === null || thumb.length > MOST_BYTES) return null;
  const known = urls.get(thumb);
  if (known !== undefined) return known;
  const type = posterType(thumb);
  if (type !== null) {
    if (!isSmall(thumb, type)) return null;
    const url = `data:${type};base64,${btoa(String.fromCharCode(...thumb))}`;
    urls.set(thumb, url);
    return url;
  }
  // Five bytes of header; a hash of this kind is never longer than 40. Bytes from outside.
  if (thumb.length < 5 || thumb.length > 64) return null;
  try {
    const url = thumbHashToDataURL(thumb);
    urls.set(thumb, url);
    return url;
  } catch {
    return null;
  }
}
