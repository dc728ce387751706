/**
 * Pictures made smaller on the device before they are sent.
 *
 * Invariants: the result is always re-encoded, so no EXIF (place, camera, time) leaves the phone;
 * EXIF orientation is applied to the pixels; the longest edge is at most LONGEST_EDGE. A GIF is
 * the exception: it would lose its movement, so hidden data is taken out instead.
 */
import type { OutgoingAttachment } from "@copconnect/client/core";
import { drawn, MediaError } from "./canvas.ts";
import { fitWithin, LONGEST_EDGE } from "./dimensions.ts";
import { bareGif } from "./gif.ts";
import { thumbOf } from "./thumb.ts";

const QUALITY = 0.82;

/** Formats that may have transparency: JPEG would turn it black. */
const WITH_ALPHA = new Set(["image/png", "image/webp", "image/avif", "image/gif"]);

/** Pictures that a browser can show; anything else is sent as a document. */
export function isPicture(mime: string): boolean {
  return /^image\/(jpeg|png|webp|gif|avif|bmp|heic|heif)$/.test(mime);
}

/** Make a picture ready to send. Rejects with `cannot_read_image` when it cannot be decoded. */
export async function prepareImage(file: File): Promise<OutgoingAttachment> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new MediaError("cannot_read_image");
  }
  try {
    const thumb = thumbOf(bitmap, bitmap);
    const moving = file.type === "image/gif" ? bareGif(await octets(file)) : null;
    if (moving !== null) {
      return {
        kind: "image",
        file: new Blob([moving], { type: file.type }),
        name: file.name,
        mime: file.type,
        width: bitmap.width,
        height: bitmap.height,
        thumb,
      };
    }
    const size = fitWithin(bitmap, LONGEST_EDGE);
    const { encode } = drawn(bitmap, size);
    // A browser that cannot write WebP answers with PNG, which keeps transparency too.
    const wanted = WITH_ALPHA.has(file.type) ? "image/webp" : "image/jpeg";
    const blob = await encode(wanted, QUALITY);
    return {
      kind: "image",
      file: blob,
      name: renamed(file.name, blob.type),
      mime: blob.type,
      width: size.width,
      height: size.height,
      thumb,
    };
  } finally {
    bitmap.close();
  }
}

async function octets(file: File): Promise<Uint8Array> {
  return new Uint8Array(await file.arrayBuffer());
}

const ENDINGS: Readonly<Record<string, string>> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
  "video/mp4": "mp4",
};

/** The file's name with the ending of what it was re-encoded to. */
export function renamed(name: string, mime: string): string {
  const ending = ENDINGS[mime];
  if (ending === undefined) return name;
  const dot = name.lastIndexOf(".");
  const stem = dot > 0 ? name.slice(0, dot) : name;
  return `${stem === "" ? "image" : stem}.${ending}`;
}
