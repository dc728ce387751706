/**
 * Files of any kind as attachments that are ready to send.
 *
 * A picture, video or sound that this browser cannot read is sent as a document, unchanged: the
 * person chose it, and the receiver's device may well open it.
 *
 * Invariant: a picture, video or sound that keeps its bytes, and was not chosen as a document, is
 * `untouched`: the preview names it before it is sent.
 */
import type { AttachmentKind, OutgoingAttachment } from "@copconnect/client/core";
import { MAX_ATTACHMENT_BYTES } from "@copconnect/client/wire";
import { MediaError } from "./canvas.ts";
import { isPicture, prepareImage } from "./image.ts";
import type { TranscodingOptions } from "./transcoding.ts";
import { prepareAudio, prepareVideo } from "./sound.ts";

/** The wire allows 32 attachments in a message; an album of ten is what a screen can show. */
export const MOST_FILES = 10;

/** The kind of a file, by its type. */
export function kindOf(mime: string): AttachmentKind {
  if (isPicture(mime)) return "image";
  if (mime.startsWith("video/")) return "video";
  if (mime.startsWith("audio/")) return "audio";
  return "document";
}

/** Endings of pictures, videos and sounds, for files that come without their type. */
const MEDIA =
  /\.(?:jpe?g|png|webp|gif|avif|bmp|hei[cf]|tiff?|dng|raw|mp4|m4v|mov|3gp|3g2|webm|mkv|avi|mp3|m4a|aac|amr|ogg|opus|wav)$/iu;

function isMedia({ type, name }: File): boolean {
  return /^(?:image|video|audio)\//u.test(type) || MEDIA.test(name);
}

/** Whether a file goes with its own bytes and hidden data, known before it is prepared. */
export function staysUntouched(file: File): boolean {
  return isMedia(file) && ["audio", "document"].includes(kindOf(file.type));
}

function asDocument(file: File): OutgoingAttachment {
  return {
    kind: "document",
    file,
    name: file.name === "" ? "file" : file.name,
    mime: file.type === "" ? "application/octet-stream" : file.type,
  };
}

const AT_ONCE: TranscodingOptions = {
  onProgress: () => undefined,
  signal: new AbortController().signal,
};

/** Prepare one file. Rejects with a MediaError that the person can act on. */
export async function prepareFile(
  file: File,
  plain = false,
  video: TranscodingOptions = AT_ONCE,
): Promise<OutgoingAttachment> {
  if (file.size === 0) throw new MediaError("file_empty");
  if (file.size > MAX_ATTACHMENT_BYTES) throw new MediaError("file_too_large");
  if (plain) return asDocument(file);
  const made = await prepared(file, video);
  return made.file === file && isMedia(file) ? { ...made, untouched: true } : made;
}

async function prepared(file: File, video: TranscodingOptions): Promise<OutgoingAttachment> {
  try {
    switch (kindOf(file.type)) {
      case "image":
        return await prepareImage(file);
      case "video":
        return await prepareVideo(file, video);
      case "audio":
        return await prepareAudio(file);
      default:
        return asDocument(file);
    }
  } catch (error) {
    if (error instanceof MediaError) return asDocument(file);
    throw error;
  }
}
