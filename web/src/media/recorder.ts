/**
 * Recording a voice note: microphone to Opus (or AAC on Safari), with a live level.
 *
 * Lifecycle: `start` → `stop` (gives the note) or `cancel`; both release the microphone, also when
 * something fails. One recording at a time for each object.
 */
import type { OutgoingAttachment } from "@copconnect/client/core";
import { MediaError } from "./encoding/canvas.ts";
import { fromLevels, level, loudness } from "./encoding/waveform.ts";

const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const LEVEL_EVERY_MS = 80;
const BITS_PER_SECOND = 24_000;
/** Anything shorter is a slip of the thumb. */
export const SHORTEST_MS = 700;

export class VoiceRecording {
  readonly #stream: MediaStream;
  readonly #recorder: MediaRecorder;
  readonly #sound: AudioContext;
  readonly #parts: Blob[] = [];
  readonly #levels: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #startedMs: number;
  readonly #stopped: Promise<void>;

  private constructor(stream: MediaStream, onlevel: (level: number, ms: number) => void) {
    this.#stream = stream;
    const type = TYPES.find((candidate) => MediaRecorder.isTypeSupported(candidate));
    this.#recorder = new MediaRecorder(stream, {
      audioBitsPerSecond: BITS_PER_SECOND,
      ...(type === undefined ? {} : { mimeType: type }),
    });
    this.#recorder.addEventListener("dataavailable", (event) => {
      if (event.data.size > 0) this.#parts.push(event.data);
    });
    this.#stopped = new Promise((resolve) => {
      this.#recorder.addEventListener("stop", () => resolve(), { once: true });
    });
    this.#sound = new AudioContext();
    const analyser = this.#sound.createAnalyser();
    analyser.fftSize = 1024;
    this.#sound.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#startedMs = performance.now();
    this.#recorder.start(1000);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const now = level(loudness(samples));
      this.#levels.push(now);
      onlevel(now, this.elapsedMs);
    }, LEVEL_EVERY_MS);
  }

  /** Ask for the microphone and begin. */
  static async start(onlevel: (level: number, ms: number) => void): Promise<VoiceRecording> {
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
    } catch (error) {
      const denied = error instanceof DOMException && error.name === "NotAllowedError";
      throw new MediaError(denied ? "microphone_denied" : "microphone_missing");
    }
    try {
      return new VoiceRecording(stream, onlevel);
    } catch {
      for (const track of stream.getTracks()) track.stop();
      throw new MediaError("microphone_missing");
    }
  }

  get elapsedMs(): number {
    return Math.round(performance.now() - this.#startedMs);
  }

  /** The finished note; null when it was too short to be meant. */
  async stop(): Promise<OutgoingAttachment | null> {
    const durationMs = this.elapsedMs;
    this.#release();
    await this.#stopped;
    if (durationMs < SHORTEST_MS || this.#parts.length === 0) return null;
    // The codec parameter is dropped: it is not needed to play, and some parsers refuse it.
    const mime = (this.#recorder.mimeType.split(";")[0] ?? "").trim() || "audio/webm";
    const file = new Blob(this.#parts, { type: mime });
    const ending = mime === "audio/mp4" ? "m4a" : mime === "audio/ogg" ? "ogg" : "webm";
    return {
      kind: "voice",
      file,
      name: `voice.${ending}`,
      mime,
      durationMs,
      waveform: fromLevels(this.#levels),
    };
  }

  /** Throw the recording away. */
  cancel(): void {
    this.#release();
    this.#parts.length = 0;
  }

  #release(): void {
    clearInterval(this.#timer);
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    for (const track of this.#stream.getTracks()) track.stop();
    void this.#sound.close().catch(() => undefined);
  }
}

/** Whether this browser can record at all. */
export function canRecord(): boolean {
  return (
    typeof MediaRecorder !== "undefined" &&
    typeof navigator !== "undefined" &&
    "mediaDevices" in navigator
  );
}
