/**
 * Tiny previews: thumbhash bytes travel in the message, the placeholder is drawn from them at once.
 * Needs a canvas; imports thumbhash and dimensions.
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

const urls = new WeakMap<Uint8Array, string>();

/** A data URL for a placeholder; null when the sender's bytes are no thumbhash. */
export function thumbUrl(thumb: Uint8Array | null): string | null {
  // Five bytes of header; a hash of this kind is never longer than 40. Bytes from outside.
  if (thumb === null || thumb.length < 5 || thumb.length > 64) return null;
  const known = urls.get(thumb);
  if (known !== undefined) return known;
  try {
    const url = thumbHashToDataURL(thumb);
    urls.set(thumb, url);
    return url;
  } catch {
    return null;
  }
}
