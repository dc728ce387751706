import type { AttachmentId } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import { answerMedia, type Ask } from "./answer.ts";
import { mediaId, playableType } from "./messages.ts";
import { MOST_BYTES } from "./range.ts";

const ID = "0123456789abcdef0123456789abcdef" as AttachmentId;
const SIZE = 2 * MOST_BYTES + 1000;
const plaintext = Uint8Array.from({ length: SIZE }, (_, i) => i % 251);

/** Megabytes: the matcher that explains differences takes seconds. */
async function same(response: Response, bytes: Uint8Array): Promise<boolean> {
  return Buffer.from(await response.arrayBuffer()).equals(bytes);
}

function page(mime = "video/mp4", fails = false): { ask: Ask; asked: [number, number][] } {
  const asked: [number, number][] = [];
  return {
    asked,
    ask: (request) => {
      if (request.attachmentId !== ID) return Promise.resolve({ ok: false });
      if (request.type === "media-describe") {
        return Promise.resolve({ ok: true, mime, size: SIZE });
      }
      if (fails) return Promise.resolve({ ok: false });
      asked.push([request.start, request.end]);
      return Promise.resolve({ ok: true, bytes: plaintext.slice(request.start, request.end) });
    },
  };
}

describe("answerMedia", () => {
  it("answers an open range with one chunk, and says how much there is", async () => {
    const { ask, asked } = page();
    const response = await answerMedia(ask, ID, "bytes=0-");
    expect(response.status).toBe(206);
    expect(response.headers.get("Content-Range")).toBe(`bytes 0-${MOST_BYTES - 1}/${SIZE}`);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await same(response, plaintext.slice(0, MOST_BYTES))).toBe(true);
    expect(asked).toEqual([[0, MOST_BYTES]]);
  });

  it("answers the end of the file", async () => {
    const response = await answerMedia(page().ask, ID, `bytes=${SIZE - 10}-`);
    expect(response.status).toBe(206);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(plaintext.slice(SIZE - 10));
  });

  it("streams the whole chunk by chunk when no range is asked", async () => {
    const { ask, asked } = page();
    const response = await answerMedia(ask, ID, null);
    expect(response.status).toBe(200);
    expect(await same(response, plaintext)).toBe(true);
    expect(asked).toHaveLength(3);
  });

  it("refuses a range past the end, an unknown attachment and a page that gives nothing", async () => {
    expect((await answerMedia(page().ask, ID, `bytes=${SIZE}-`)).status).toBe(416);
    expect((await answerMedia(page().ask, "f".repeat(32) as AttachmentId, null)).status).toBe(404);
    expect((await answerMedia(page("video/mp4", true).ask, ID, "bytes=0-")).status).toBe(504);
  });

  it("never answers with a type that a browser would run", async () => {
    for (const mime of ["text/html", "image/svg+xml", "video/mp4\r\nX: y", "audio/", "TEXT/HTML"]) {
      const response = await answerMedia(page(mime).ask, ID, "bytes=0-9");
      expect(response.headers.get("Content-Type")).toBe("application/octet-stream");
      expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
    }
    expect(playableType("audio/webm")).toBe("audio/webm");
  });
});

it("takes only 32 hex digits as an attachment id", () => {
  expect(mediaId(`/media/${ID}`)).toBe(ID);
  for (const path of ["/media/", "/media/../v1", `/media/${ID}/x`, `/media/${ID.toUpperCase()}`]) {
    expect(mediaId(path)).toBeNull();
  }
});
