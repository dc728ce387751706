/**
 * A picture of a lesson, made small in the console: re-encoded, so that nothing of its file but the
 * pixels is published, and within the size that a lesson takes.
 */
import { LESSON_PICTURE_BYTES } from "@copconnect/client/wire";
import { drawn } from "./canvas.ts";
import { fitWithin } from "./dimensions.ts";

/** Longest edges in turn, until the picture is small enough. The widest phone shows about 1,200 pixels. */
const EDGES = [1280, 960, 640, 480];
const QUALITY = 0.82;

/** The refusal of the server's code, before anything is sent. */
export class LessonPictureInvalid extends Error {
  readonly code = "lesson_picture_invalid";
  readonly details = { limit: LESSON_PICTURE_BYTES };
}

/** The type of a picture by its first bytes; null: none that a lesson may show, such as SVG. */
export function pictureType(head: Uint8Array): "image/png" | "image/jpeg" | "image/webp" | null {
  const text = String.fromCharCode(...head.subarray(0, 12));
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  return text.startsWith("RIFF") && text.slice(8) === "WEBP" ? "image/webp" : null;
}

/** PNG, JPEG or WebP as a lesson takes it. Rejects with `lesson_picture_invalid`. */
export async function lessonPicture(file: Blob): Promise<Blob> {
  const type = pictureType(new Uint8Array(await file.slice(0, 12).arrayBuffer()));
  if (type === null) throw new LessonPictureInvalid();
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
    throw new LessonPictureInvalid();
  });
  try {
    // JPEG would turn what is transparent black. A browser that cannot write WebP answers with PNG.
    const wanted = type === "image/jpeg" ? type : "image/webp";
    for (const edge of EDGES) {
      const blob = await drawn(bitmap, fitWithin(bitmap, edge)).encode(wanted, QUALITY);
      if (blob.size <= LESSON_PICTURE_BYTES) return blob;
    }
    throw new LessonPictureInvalid();
  } finally {
    bitmap.close();
  }
}
