/**
 * A canvas off the page where the browser has one, else a detached element. Both give the same
 * context; `encode` hides that only one of them has promises.
 */
import type { Size } from "./dimensions.ts";

export interface Drawn {
  readonly context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;
  readonly encode: (mime: string, quality: number) => Promise<Blob>;
}

/** Draw `source` scaled to `size`. Throws `MediaError` when the browser gives no context. */
export function drawn(source: CanvasImageSource, size: Size): Drawn {
  if (typeof OffscreenCanvas !== "undefined") {
    const canvas = new OffscreenCanvas(size.width, size.height);
    const context = canvas.getContext("2d", { willReadFrequently: size.width <= 100 });
    if (context !== null) {
      paint(context, source, size);
      return { context, encode: (type, quality) => canvas.convertToBlob({ type, quality }) };
    }
  }
  const canvas = document.createElement("canvas");
  canvas.width = size.width;
  canvas.height = size.height;
  const context = canvas.getContext("2d");
  if (context === null) throw new MediaError("cannot_read_image");
  paint(context, source, size);
  return {
    context,
    encode: (type, quality) =>
      new Promise((resolve, reject) => {
        canvas.toBlob(
          (blob) => (blob === null ? reject(new MediaError("cannot_read_image")) : resolve(blob)),
          type,
          quality,
        );
      }),
  };
}

function paint(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  source: CanvasImageSource,
  size: Size,
): void {
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, size.width, size.height);
}

export type MediaErrorCode =
  | "cannot_read_image"
  | "cannot_read_video"
  | "cannot_read_audio"
  | "microphone_denied"
  | "microphone_missing"
  | "position_denied"
  | "position_unavailable"
  | "file_too_large"
  | "file_empty"
  | "too_many_files";

/** Something about a file or a device that the person can act on; `code` names the sentence. */
export class MediaError extends Error {
  constructor(readonly code: MediaErrorCode) {
    super(code);
    this.name = "MediaError";
  }
}
