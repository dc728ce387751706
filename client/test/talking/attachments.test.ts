import type { AttachmentId, ConversationId } from "#core/ids.ts";
import { describe, expect, it } from "vitest";
import type { MessageItem, OutgoingAttachment } from "#core/core.ts";
import { randomBytes } from "#core/octets.ts";
import type { Fetch } from "#core/transport/http.ts";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();
const MIB = 1024 * 1024;

function file(size: number, name: string): { bytes: Uint8Array; outgoing: OutgoingAttachment } {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    bytes.set(randomBytes(Math.min(65_536, size - at)), at);
  }
  const blob = new Blob([bytes], { type: "application/pdf" });
  const outgoing = { kind: "document", file: blob, name, mime: "application/pdf" } as const;
  return { bytes, outgoing };
}

function send(officer: Officer, id: ConversationId, attachments: readonly OutgoingAttachment[]) {
  const outgoing = { kind: "attachments", text: "see", mentions: [], attachments } as const;
  return officer.core.messages.send(id, outgoing, null);
}

async function attached(officer: Officer, id: ConversationId, count: number): Promise<MessageItem> {
  return officer.until("attachment message", async () => {
    const { messages } = await officer.core.messages.page(id, null, 50);
    const found = messages.filter(({ body }) => body.kind === "attachments");
    return found.length >= count && found.at(-1);
  });
}

function fileOf(message: MessageItem): AttachmentId {
  const id = message.body.kind === "attachments" ? message.body.attachments[0]?.attachmentId : null;
  if (id === null || id === undefined) throw new Error("no attachment");
  return id;
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}

/** toEqual walks millions of elements one by one; this does not. */
function expectSame(found: Uint8Array, wanted: Uint8Array): void {
  expect(found.length).toBe(wanted.length);
  expect(Buffer.compare(found, wanted)).toBe(0);
}

describe("attachments", () => {
  it("go through whole and in ranges, with progress at both ends", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    const { bytes, outgoing } = file(3 * MIB + 12_345, "charge sheet.pdf");
    const sent = await send(a, id, [outgoing]);
    expect(sent.status).toBe("queued");
    const message = await attached(b, id, 1);
    const attachmentId = fileOf(message);
    const part = await b.core.attachments.range(attachmentId, MIB - 10, MIB + 20);
    expectSame(part, bytes.slice(MIB - 10, MIB + 20));
    const blob = await b.core.attachments.get(attachmentId, null);
    expect(blob.type).toBe("application/pdf");
    expectSame(await bytesOf(blob), bytes);
    for (const [officer, direction] of [
      [a, "up"],
      [b, "down"],
    ] as const) {
      const seen = officer.events.some(
        (event) =>
          event.type === "attachment" && event.attachment.progress?.direction === direction,
      );
      expect(seen).toBe(true);
    }
    expect((await attached(b, id, 1)).body).toMatchObject({ attachments: [{ local: true }] });
    expectSame(await bytesOf(await a.core.attachments.get(attachmentId, null)), bytes);
    const empty = file(0, "empty.txt");
    await send(a, id, [empty.outgoing]);
    const second = await attached(b, id, 2);
    expect((await b.core.attachments.get(fileOf(second), null)).size).toBe(0);
  });

  it("are compared with the hash that the message's sender signed", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await send(a, id, [file(MIB + 5, "charge sheet.pdf").outgoing]);
    const { body } = await attached(b, id, 1);
    const [view] = body.kind === "attachments" ? body.attachments : [];
    if (view?.sha256 == null) throw new Error("no hash");
    const { attachmentId, sha256 } = view;
    const other = sha256.replace(/^./u, (digit) => (digit === "0" ? "1" : "0"));
    // Before it is here, and when it is.
    for (const _ of [1, 2])
      await expect(b.core.attachments.get(attachmentId, other)).rejects.toMatchObject({
        ...{ code: "attachment_differs", retry: false },
      });
    expect((await b.core.attachments.get(attachmentId, sha256)).size).toBe(MIB + 5);
  });

  it("are fetched once by readers of one chunk at the same time", async () => {
    let fetched = 0;
    const counting: Fetch = (url, init) => {
      if (init.method === "GET" && url.includes("/chunks/")) fetched += 1;
      return w.fetch(url, init);
    };
    const [a, b] = [await w.join(), await w.join({ fetch: counting })];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    const { bytes, outgoing } = file(2 * MIB, "film.webm");
    await send(a, id, [outgoing]);
    const attachmentId = fileOf(await attached(b, id, 1));
    const parts = await Promise.all(
      [0, 1000, MIB - 10].map((at) => b.core.attachments.range(attachmentId, at, at + 20)),
    );
    for (const [index, at] of [0, 1000, MIB - 10].entries()) {
      expectSame(parts[index] as Uint8Array, bytes.slice(at, at + 20));
    }
    expect(fetched).toBe(2);
  });

  it("resume after the network is cut and the app is closed midway", async () => {
    let allowed = 2;
    let puts = 0;
    const flaky: Fetch = async (url, init) => {
      if (init.method === "PUT" && url.includes("/chunks/")) {
        if (allowed-- <= 0) throw new TypeError("cut");
        puts++;
      }
      return w.fetch(url, init);
    };
    const a = await w.join({ fetch: flaky });
    const b = await w.join();
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await b.ready(id);
    const { bytes, outgoing } = file(6 * MIB, "long.bin");
    await send(a, id, [outgoing]);
    await a.text(id, "the file follows");
    // A later message does not wait for one whose attachment is still on its way up.
    await b.receives(id, "the file follows");
    await a.until("cut", async () => allowed < 0);
    await a.core.close();
    expect(puts).toBe(2);
    allowed = 1000;
    await a.restart();
    const message = await attached(b, id, 1);
    expect(puts).toBe(6);
    expectSame(await bytesOf(await b.core.attachments.get(fileOf(message), null)), bytes);
  });

  it("can be cancelled on the way up, and nothing of them is sent", async () => {
    let stall = true;
    let stalled = 0;
    const slow: Fetch = async (url, init) => {
      if (stall && init.method === "PUT" && url.includes("/chunks/")) {
        stalled++;
        await new Promise((resolve) => {
          init.signal?.addEventListener("abort", resolve);
        });
        throw new TypeError("aborted");
      }
      return w.fetch(url, init);
    };
    const a = await w.join({ fetch: slow });
    const b = await w.join();
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    const sent = await send(a, id, [file(2 * MIB, "wrong.pdf").outgoing]);
    await a.until("on the way up", async () => stalled > 0);
    await a.core.messages.cancel(sent.messageId);
    stall = false;
    await a.text(id, "instead");
    await b.receives(id, "instead");
    const { messages } = await b.core.messages.page(id, null, 10);
    expect(messages.some(({ body }) => body.kind === "attachments")).toBe(false);
    const own = await a.core.messages.page(id, null, 10);
    expect(own.messages.some(({ messageId }) => messageId === sent.messageId)).toBe(false);
  });

  it("show nothing of a download that was tampered with", async () => {
    const tampering: Fetch = async (url, init) => {
      const answer = await w.fetch(url, init);
      if (init.method !== "GET" || !url.includes("/chunks/")) return answer;
      const bytes = new Uint8Array(await answer.arrayBuffer());
      bytes[100] = (bytes[100] ?? 0) ^ 1;
      return new Response(bytes, { status: 200 });
    };
    const a = await w.join();
    const b = await w.join({ fetch: tampering });
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await send(a, id, [file(MIB + 1, "photo.bin").outgoing]);
    const message = await attached(b, id, 1);
    await expect(b.core.attachments.get(fileOf(message), null)).rejects.toMatchObject({
      code: "attachment_corrupt",
    });
    await expect(b.core.attachments.range(fileOf(message), 0, 10)).rejects.toMatchObject({
      code: "attachment_corrupt",
    });
  });

  it("are the photo of a group, for those who come later too", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { outgoing, bytes } = file(20_000, "badge.png");
    const { conversationId: id } = await a.core.conversations.createGroup({
      title: "With a photo",
      personIds: [b.person],
      photo: { ...outgoing, kind: "image", mime: "image/png" },
      whoMaySend: "everyone",
      history: "none",
    });
    const photo = await b.until("photo", async () => {
      const list = await b.core.conversations.list();
      return list.find((item) => item.conversationId === id)?.photo;
    });
    expectSame(await bytesOf(await b.core.attachments.get(photo.attachmentId, null)), bytes);
  });
});
