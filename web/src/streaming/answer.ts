/**
 * Answers to players: what the service worker makes of a request for /media/{id}.
 *
 * Invariants: plaintext is only ever in memory (`no-store`, no Cache API); the type is sound or
 * video whatever the sender wrote; a page that does not answer gives 504, not a hang.
 * Takes how to ask the page, so that it runs in tests.
 */
import type { AttachmentId } from "@copconnect/client/wire";
import { playableType, type MediaReply, type MediaRequest } from "./messages.ts";
import { clampToChunk, contentRange, MOST_BYTES, parseRange } from "./range.ts";

export type Ask = (request: MediaRequest) => Promise<MediaReply>;

const FIXED_HEADERS = {
  "Accept-Ranges": "bytes",
  "Cache-Control": "no-store",
  "Content-Security-Policy": "sandbox; default-src 'none'",
  "X-Content-Type-Options": "nosniff",
} as const;

function refusal(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers: { ...FIXED_HEADERS, ...headers } });
}

async function bytesOf(
  ask: Ask,
  attachmentId: AttachmentId,
  start: number,
  end: number,
): Promise<Uint8Array | null> {
  const reply = await ask({ type: "media-bytes", attachmentId, start, end });
  return reply.ok && "bytes" in reply && reply.bytes.length === end - start ? reply.bytes : null;
}

/** A copy in a plain ArrayBuffer, which Response and streams take. */
function body(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** Answer one request. `range` is the Range header. */
export async function answerMedia(
  ask: Ask,
  attachmentId: AttachmentId,
  range: string | null,
): Promise<Response> {
  const description = await ask({ type: "media-describe", attachmentId });
  if (!description.ok || !("mime" in description)) return refusal(404);
  const { size } = description;
  const type = playableType(description.mime);
  const asked = parseRange(range, size);
  if (asked.kind === "unsatisfiable") return refusal(416, { "Content-Range": `bytes */${size}` });
  if (asked.kind === "part") {
    const { start, end } = clampToChunk(asked);
    const bytes = await bytesOf(ask, attachmentId, start, end);
    if (bytes === null) return refusal(504);
    return new Response(body(bytes), {
      status: 206,
      headers: {
        ...FIXED_HEADERS,
        "Content-Type": type,
        "Content-Range": contentRange(start, end, size),
        "Content-Length": String(end - start),
      },
    });
  }
  let next = 0;
  const whole = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (next >= size) {
        controller.close();
        return;
      }
      const end = Math.min(size, next + MOST_BYTES);
      const bytes = await bytesOf(ask, attachmentId, next, end);
      if (bytes === null) {
        controller.error(new Error("the page did not answer"));
        return;
      }
      next = end;
      controller.enqueue(bytes);
    },
  });
  return new Response(whole, {
    status: 200,
    headers: { ...FIXED_HEADERS, "Content-Type": type, "Content-Length": String(size) },
  });
}
