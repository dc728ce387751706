/**
 * The page of a link, read by the department's server. No failure is shown: the message goes out without a
 * preview.
 */
import type { LinkedPage } from "@copconnect/client/core";
import { core } from "#app/core.ts";
import { posterOf } from "#media/encoding/thumb.ts";

/** A picture of more pixels is not decoded: it would take a cheap phone's memory. */
const MOST_PIXELS = 16_000_000;

/** The words of a page about itself, and its picture; null: none can be had now. */
export async function pageAt(url: string): Promise<LinkedPage | null> {
  try {
    const { title, description, picture } = await core().messages.linkPreview(url);
    return { title, description, picture: picture === null ? null : await small(picture) };
  } catch {
    return null;
  }
}

/** A small picture for a preview; null where the bytes are none. */
async function small(bytes: Uint8Array): Promise<Uint8Array | null> {
  const url = URL.createObjectURL(new Blob([Uint8Array.from(bytes)]));
  try {
    const image = new Image();
    // Its size is known before the first pixel is decoded.
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = reject;
      image.src = url;
    });
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width * height > MOST_PIXELS) return null;
    return await posterOf(image, { width, height });
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
}
