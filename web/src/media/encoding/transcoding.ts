/**
 * A video made small on the phone: at most 720 lines, and nothing in the file of where, when and by which
 * device it was taken. Fetched with the first video.
 *
 * A phone whose browser cannot decode or encode it (WebCodecs) takes pictures and sound over as they are
 * and leaves out the rest of the file; null: not even that can be done.
 */
import {
  MATROSKA,
  MP4,
  QTFF,
  WEBM,
  BlobSource,
  BufferTarget,
  Conversion,
  Input,
  Mp4OutputFormat,
  Output,
  Quality,
} from "mediabunny";
import { fitLines } from "./dimensions.ts";
import { renamed } from "./image.ts";

/** Lines of the shorter edge. */
const LINES = 720;
const BITS_PER_SECOND = 1_800_000;
/** A file that is hardly smaller is not worth another loss of quality. */
const WORTHWHILE = 0.85;

/** The written file is in memory until it is sent: a larger one goes as it is. */
const MOST_BYTES = 400 * 1024 * 1024;

export interface TranscodingOptions {
  /** Between 0 and 1. */
  readonly onProgress: (done: number) => void;
  /** Aborted: the video goes in its full size. */
  readonly signal: AbortSignal;
}

/** The video to send, without its hidden data; null: this browser cannot write it again. */
export async function transcoded(
  file: File,
  { onProgress, signal }: TranscodingOptions,
): Promise<File | null> {
  if (typeof VideoEncoder !== "undefined" && !signal.aborted) {
    const small = await written(file, true, onProgress, signal).catch(() => null);
    if (small !== null && small.size < WORTHWHILE * file.size) return small;
  }
  return written(file, false, onProgress, null).catch(() => null);
}

async function written(
  file: File,
  smaller: boolean,
  onProgress: (done: number) => void,
  signal: AbortSignal | null,
): Promise<File | null> {
  const input = new Input({ source: new BlobSource(file), formats: [MP4, QTFF, WEBM, MATROSKA] });
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: "in-memory" }), target });
  try {
    const seconds = smaller ? await input.computeDuration() : 0;
    if (Math.max(smaller ? 0 : file.size, (seconds * BITS_PER_SECOND) / 8) > MOST_BYTES)
      return null;
    const conversion = await Conversion.init({
      ...{ input, output, tracks: "primary", tags: {}, showWarnings: false },
      copy: { mode: smaller ? "preferred" : "forced", shiftTolerance: Infinity },
      ...(smaller
        ? {
            video: async (track) => {
              const size = {
                width: await track.getDisplayWidth(),
                height: await track.getDisplayHeight(),
              };
              return {
                ...fitLines(size, LINES),
                fit: "fill",
                quality: new Quality({ bitrate: BITS_PER_SECOND }),
              };
            },
          }
        : {}),
    });
    // A video without its sound, or a sound without its video, is not what was taken.
    if (!conversion.isValid || conversion.discardedTracks.length > 0) return null;
    if (signal?.aborted === true) return null;
    conversion.onProgress = onProgress;
    const stop = (): void => void conversion.cancel();
    signal?.addEventListener("abort", stop);
    try {
      await conversion.execute();
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    if (target.buffer === null) return null;
    const type = "video/mp4";
    return new File([target.buffer], renamed(file.name, type), { type });
  } finally {
    input.dispose();
  }
}
