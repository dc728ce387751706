/** Length, shape and first picture of sound and video, read by the browser's own players. */
import type { OutgoingAttachment } from "@copconnect/client/core";
import { MediaError } from "./canvas.ts";
import { posterOf } from "./thumb.ts";
import type { TranscodingOptions } from "./transcoding.ts";
import { fromSamples } from "./waveform.ts";

const METADATA_TIMEOUT_MS = 8000;
/** Decoding takes about ten times the file's size in memory; above this the waveform is left out. */
const WAVEFORM_LIMIT_BYTES = 12 * 1024 * 1024;

function once(target: EventTarget, event: string, failure: MediaError): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      target.removeEventListener(event, good);
      target.removeEventListener("error", bad);
      clearTimeout(timer);
    };
    const good = (): void => {
      done();
      resolve();
    };
    const bad = (): void => {
      done();
      reject(failure);
    };
    const timer = setTimeout(bad, METADATA_TIMEOUT_MS);
    target.addEventListener(event, good);
    target.addEventListener("error", bad);
  });
}

/** Files from a recorder have no length in their header; seeking to the far end finds it. */
async function lengthOf(element: HTMLMediaElement, failure: MediaError): Promise<number | null> {
  if (Number.isFinite(element.duration)) return Math.round(element.duration * 1000);
  element.currentTime = 1e9;
  await once(element, "durationchange", failure);
  return Number.isFinite(element.duration) ? Math.round(element.duration * 1000) : null;
}

/** A video made smaller, without its hidden data, with its size, length and an early picture. */
export async function prepareVideo(
  file: File,
  options: TranscodingOptions,
): Promise<OutgoingAttachment> {
  const { transcoded } = await import("./transcoding.ts");
  const made = await transcoded(file, options);
  if (made === null) return described(file);
  // A file that this browser's own player refuses was written wrongly: the original is safe.
  return described(made).catch(() => described(file));
}

async function described(file: File): Promise<OutgoingAttachment> {
  const url = URL.createObjectURL(file);
  const video = document.createElement("video");
  const failure = new MediaError("cannot_read_video");
  try {
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    const ready = once(video, "loadeddata", failure);
    video.src = url;
    await ready;
    const durationMs = await lengthOf(video, failure);
    const seeked = once(video, "seeked", failure);
    // Not the first picture: it is often black.
    video.currentTime = Math.min(1, (durationMs ?? 0) / 10_000);
    await seeked;
    const size = { width: video.videoWidth, height: video.videoHeight };
    return {
      kind: "video",
      file,
      name: file.name,
      mime: file.type,
      ...(durationMs === null ? {} : { durationMs }),
      ...(size.width > 0 && size.height > 0 ? { ...size, thumb: await posterOf(video, size) } : {}),
    };
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}

/** The waveform of a sound file, null where it is too large or cannot be decoded. */
export async function waveformOf(file: Blob): Promise<number[] | null> {
  if (file.size > WAVEFORM_LIMIT_BYTES || typeof OfflineAudioContext === "undefined") return null;
  try {
    const context = new OfflineAudioContext(1, 1, 16_000);
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    return fromSamples(sound.getChannelData(0));
  } catch {
    return null;
  }
}

/** An audio file with its length, and its waveform where that is cheap. */
export async function prepareAudio(file: File): Promise<OutgoingAttachment> {
  const url = URL.createObjectURL(file);
  const audio = document.createElement("audio");
  const failure = new MediaError("cannot_read_audio");
  try {
    audio.preload = "metadata";
    const ready = once(audio, "loadedmetadata", failure);
    audio.src = url;
    await ready;
    const durationMs = await lengthOf(audio, failure);
    const waveform = await waveformOf(file);
    return {
      kind: "audio",
      file,
      name: file.name,
      mime: file.type,
      ...(durationMs === null ? {} : { durationMs }),
      ...(waveform === null ? {} : { waveform }),
    };
  } finally {
    audio.removeAttribute("src");
    audio.load();
    URL.revokeObjectURL(url);
  }
}
