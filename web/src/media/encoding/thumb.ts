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

const urls = new WeakMap<Uint8Array, string>();

/** A data URL for a preview; null when the sender's bytes are none. */
export function thumbUrl(thumb: Uint8Array | null): string | null {
  if (thumb === null || thumb.length > MOST_BYTES) return null;
  const known = urls.get(thumb);
  if (known !== undefined) return known;
  const type = posterType(thumb);
  if (type !== null) {
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
