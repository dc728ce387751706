import { openDB } from "idb";
import { afterEach, describe, expect, it } from "vitest";
import type { OutgoingAttachment } from "#core/core.ts";
import type { ConversationId } from "#core/ids.ts";
import { randomBytes } from "#core/octets.ts";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();
const MIB = 1024 * 1024;
const PIN = "471100";
const put = IDBObjectStore.prototype.put;

function photo(name: string, size = 300_000): OutgoingAttachment {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) bytes.set(randomBytes(Math.min(65_536, size - at)), at);
  const file = new Blob([bytes], { type: "image/jpeg" });
  return { kind: "image", file, name, mime: "image/jpeg", width: 40, height: 30 };
}

async function talking(): Promise<[Officer, Officer, ConversationId]> {
  const [a, b] = [await w.join(), await w.join()];
  const { conversationId } = await a.core.conversations.openDirect(b.person);
  await a.ready(conversationId);
  return [a, b, conversationId];
}

/** The chunks that a device holds. */
async function chunks({ vaultName }: Officer): Promise<number> {
  const database = await openDB(vaultName);
  const count = await database.count("chunks");
  database.close();
  return count;
}

async function same(found: readonly OutgoingAttachment[], wanted: readonly OutgoingAttachment[]) {
  expect(found.map(({ name }) => name)).toEqual(wanted.map(({ name }) => name));
  for (const [at, { file }] of found.entries()) {
    const bytes = [file, wanted[at]?.file ?? new Blob()].map((blob) => blob.arrayBuffer());
    const [one, other] = (await Promise.all(bytes)).map((buffer) => Buffer.from(buffer));
    expect(one?.equals(other ?? Buffer.of())).toBe(true);
  }
}

/** No chunk is stored any more, as on a disk that is full. */
function fillDisk(): void {
  IDBObjectStore.prototype.put = function (...values) {
    if (this.name === "chunks") throw new DOMException("full", "QuotaExceededError");
    return put.apply(this, values);
  };
}

afterEach(() => {
  IDBObjectStore.prototype.put = put;
});

describe("files that were chosen and not sent", () => {
  it("are there after a restart and an unlock, with their text, and are sent as they are", async () => {
    const [a, b, id] = await talking();
    const files = [photo("gate.jpg"), { ...photo("long.jpg", 9 * MIB), untouched: true }];
    await a.core.app.setPin(PIN, null);
    await a.core.conversations.saveDraft(id, "At the gate");
    const kept = await a.core.conversations.keepDraftFiles(id, files);
    const held = await chunks(a);
    await a.restart();
    await a.core.app.unlock(PIN);
    expect(await a.core.conversations.get(id)).toMatchObject({
      draft: "At the gate",
      draftFiles: 2,
    });
    const found = await a.core.conversations.draftFiles(id);
    await same(found, files);
    expect(found.map((one) => one.kept)).toEqual(kept.map((one) => one.kept));
    expect(found[0]).toMatchObject({ kind: "image", width: 40, height: 30 });
    for (const all of [kept, found])
      expect(all.map(({ untouched }) => untouched)).toEqual([undefined, true]);

    const text = "At the gate";
    const sent = await a.core.messages.send(
      id,
      { kind: "attachments", text, mentions: [], attachments: found },
      null,
    );
    expect(await a.core.conversations.get(id)).toMatchObject({ draft: null, draftFiles: 0 });
    expect(await a.core.conversations.draftFiles(id)).toEqual([]);
    // Nothing was sealed a second time.
    expect(await chunks(a)).toBe(held);
    await a.until("sent", async () => (await a.status(sent.messageId, id)) !== "queued");
    const message = await b.until("received", async () => {
      const { messages } = await b.core.messages.page(id, null, 5);
      return messages.find(({ body }) => body.kind === "attachments") ?? false;
    });
    const bodies = message.body.kind === "attachments" ? message.body.attachments : [];
    const received = bodies.map(async (one) => ({
      ...{ kind: one.kind, name: one.name, mime: one.mime },
      file: await b.core.attachments.get(one.attachmentId, null),
    }));
    await same(await Promise.all(received), files);
  });

  it("stay where their message is refused, and leave nothing where they are dropped", async () => {
    const [a, , id] = await talking();
    const files = [photo("one.jpg"), photo("two.jpg")];
    const kept = await a.core.conversations.keepDraftFiles(id, files);
    const text = "x".repeat(200_000);
    const outgoing = { kind: "attachments", text, mentions: [], attachments: kept } as const;
    await expect(a.core.messages.send(id, outgoing, null)).rejects.toMatchObject({
      code: "message_invalid",
    });
    await same(await a.core.conversations.draftFiles(id), files);
    const [, second] = kept;
    if (second === undefined) throw new Error("it was kept");
    await a.core.conversations.keepDraftFiles(id, [second]);
    await same(await a.core.conversations.draftFiles(id), files.slice(1));
    expect(await chunks(a)).toBe(1);
    // Another message is no reason to drop them.
    await a.text(id, "By the way");
    await same(await a.core.conversations.draftFiles(id), files.slice(1));
    await a.core.conversations.keepDraftFiles(id, []);
    expect(await chunks(a)).toBe(0);
  });

  it("are as they were where the disk is full", async () => {
    const [a, , id] = await talking();
    const before = [photo("before.jpg")];
    const kept = await a.core.conversations.keepDraftFiles(id, before);
    fillDisk();
    const more = [...kept, photo("more.jpg")];
    await expect(a.core.conversations.keepDraftFiles(id, more)).rejects.toMatchObject({
      code: "storage_failed",
      retry: true,
    });
    IDBObjectStore.prototype.put = put;
    expect(await chunks(a)).toBe(1);
    await same(await a.core.conversations.draftFiles(id), before);
    await a.core.conversations.keepDraftFiles(id, more);
    expect(await chunks(a)).toBe(2);
  });

  it("go with the conversation", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.createGroup({
      ...{ title: "Night beat", personIds: [b.person], photo: null },
      ...{ whoMaySend: "everyone", history: "none" },
    });
    await b.ready(id);
    await b.core.conversations.keepDraftFiles(id, [photo("gate.jpg")]);
    expect(await chunks(b)).toBe(1);
    await b.core.conversations.leave(id);
    await b.core.conversations.forget(id);
    expect(await chunks(b)).toBe(0);
  });
});
