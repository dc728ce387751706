/** A camera's film for `make bench-everyday`, and what the app makes of it. */
import { BufferTarget, CanvasSource, Mp4OutputFormat, Output, Quality } from "mediabunny";
import { transcoded } from "#media/encoding/transcoding.ts";

const FRAMES_PER_S = 30;
const BITS_PER_SECOND = 12_000_000;
const [WIDTH, HEIGHT] = [1920, 1080];

/** Colours that move behind sharp edges. */
async function filmed(seconds: number): Promise<File> {
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  const drawing = canvas.getContext("2d");
  if (drawing === null) throw new Error("this browser does not draw");
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat(), target });
  const source = new CanvasSource(canvas, {
    codec: "avc",
    quality: new Quality({ bitrate: BITS_PER_SECOND }),
  });
  output.addVideoTrack(source);
  await output.start();
  for (let frame = 0; frame < seconds * FRAMES_PER_S; frame++) {
    for (let at = 0; at < 60; at++) {
      drawing.fillStyle = `hsl(${String((at * 37 + frame * 3) % 360)} 60% 50%)`;
      drawing.fillRect((at * 131 + frame * 5) % WIDTH, (at * 71) % HEIGHT, 160, 240);
    }
    await source.add(frame / FRAMES_PER_S, 1 / FRAMES_PER_S);
  }
  await output.finalize();
  return new File([target.buffer ?? new ArrayBuffer()], "film.mp4", { type: "video/mp4" });
}

/** The seconds that it takes to make a film small. */
export async function timed(seconds: number): Promise<number> {
  const film = await filmed(seconds);
  const began = performance.now();
  const options = { onProgress: () => undefined, signal: new AbortController().signal };
  const small = await transcoded(film, options);
  // A film that goes as it is has nearly the same bytes.
  if (small === null || small.size > 0.8 * film.size)
    throw new Error(`${String(film.size)} bytes are ${String(small?.size)} afterwards`);
  return (performance.now() - began) / 1000;
}
