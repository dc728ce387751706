/**
 * Files that are sealed while their message waits in the list already, and the rest of them
 * when that does not come to its end: of a cancelled or failed one no chunk rests on the device.
 */
import type { AttachmentId, ConversationId, MessageId } from "#core/ids.ts";
import { openDB } from "idb";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Attachments } from "#core/attachments/attachments.ts";
import type { DeviceContext } from "#core/context.ts";
import type { AttachmentView, MessageItem, OutgoingAttachment } from "#core/core.ts";
import { randomBytes } from "#core/octets.ts";
import { MAX_ATTACHMENT_BYTES } from "#core/wire.ts";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();
const MIB = 1024 * 1024;
/** Beyond what is sealed before `send` returns. */
const LARGE = 9 * MIB + 777;

function bytesFor(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    bytes.set(randomBytes(Math.min(65_536, size - at)), at);
  }
  return bytes;
}

/** A file whose bytes from `heldFrom` on come when `release` is called, or fail after `lose`. */
class SlowFile extends Blob {
  release: () => void = () => undefined;
  lose: () => void = () => undefined;
  readonly #held: Promise<void>;
  readonly #heldFrom: number;

  constructor(bytes: Uint8Array<ArrayBuffer>, heldFrom: number) {
    super([bytes]);
    this.#heldFrom = heldFrom;
    this.#held = new Promise((resolve, reject) => {
      this.release = resolve;
      this.lose = () => {
        reject(new DOMException("gone", "NotReadableError"));
      };
    });
    this.#held.catch(() => undefined);
  }

  override slice(start = 0, end?: number, type?: string): Blob {
    const part = super.slice(start, end, type);
    if (start < this.#heldFrom) return part;
    const read = part.arrayBuffer.bind(part);
    const arrayBuffer = (): Promise<ArrayBuffer> => this.#held.then(read);
    return Object.assign(part, { arrayBuffer });
  }
}

function document(file: Blob, name = "film.bin"): OutgoingAttachment {
  return { kind: "document", file, name, mime: "application/octet-stream" };
}

function send(
  officer: Officer,
  id: ConversationId,
  ...files: readonly Blob[]
): Promise<MessageItem> {
  const attachments = files.map((file) => document(file));
  const outgoing = { kind: "attachments", text: "see", mentions: [], attachments } as const;
  return officer.core.messages.send(id, outgoing, null);
}

async function pair(): Promise<[a: Officer, b: Officer, id: ConversationId]> {
  const [a, b] = [await w.join(), await w.join()];
  const { conversationId: id } = await a.core.conversations.openDirect(b.person);
  await b.ready(id);
  return [a, b, id];
}

function failed(officer: Officer, id: ConversationId, messageId: MessageId): Promise<MessageItem> {
  return officer.until("failed", async () => {
    const message = await officer.message(id, messageId);
    return message?.status === "failed" && message;
  });
}

function viewsOf({ body }: MessageItem): readonly AttachmentView[] {
  return body.kind === "attachments" ? body.attachments : [];
}

/** The reports of the attachments' progress, in order. */
function told({ events }: Officer, direction: string): readonly AttachmentView[] {
  return events
    .flatMap((event) => (event.type === "attachment" ? [event.attachment] : []))
    .filter(({ progress }) => progress?.direction === direction);
}

async function chunksOf({ vaultName }: Officer): Promise<number> {
  const database = await openDB(vaultName);
  const count = await database.count("chunks");
  database.close();
  return count;
}

/** The message has arrived with these bytes in its files. */
async function arrives(
  b: Officer,
  id: ConversationId,
  messageId: MessageId,
  ...files: readonly Uint8Array[]
) {
  const message = await b.until("the files", () => b.message(id, messageId));
  const views = viewsOf(message);
  expect(views.length).toBe(files.length);
  for (const [index, bytes] of files.entries()) {
    const blob = await b.core.attachments.get(
      (views[index]?.attachmentId ?? "") as AttachmentId,
      null,
    );
    expect(blob.size).toBe(bytes.length);
    expect(Buffer.compare(new Uint8Array(await blob.arrayBuffer()), bytes)).toBe(0);
  }
}

/** The browser refuses more bytes of attachments, until the returned function is called. */
function fillDisk(chunksLeft: number): () => void {
  let left = chunksLeft;
  const put = IDBObjectStore.prototype.put;
  const spy = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (
    this: IDBObjectStore,
    value: unknown,
    key?: IDBValidKey,
  ) {
    if (this.name === "chunks" && left-- <= 0) throw new DOMException("", "QuotaExceededError");
    return key === undefined ? put.call(this, value) : put.call(this, value, key);
  });
  return () => {
    spy.mockRestore();
  };
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("a large file", () => {
  it("waits in the list at once, tells how far it has come, and goes through whole", async () => {
    const [a, b, id] = await pair();
    const bytes = bytesFor(LARGE);
    const file = new SlowFile(bytes, 5 * MIB);
    const { messageId, status } = await send(a, id, file);
    expect(status).toBe("queued");
    await a.until("five chunks", () =>
      Promise.resolve(told(a, "preparing").at(-1)?.progress?.done === 5 * MIB),
    );
    // A person who opens the chat now sees it too, and later messages do not wait.
    const waiting = await a.message(id, messageId);
    const progress = { done: 5 * MIB, total: LARGE, direction: "preparing" };
    expect(waiting?.body).toMatchObject({ attachments: [{ progress, local: false }] });
    await a.text(id, "the film follows");
    await b.receives(id, "the film follows");
    // A screen that wants to show it does not ask the server for what it cannot have.
    const [view] = viewsOf(waiting as MessageItem);
    const shown = a.core.attachments.get((view?.attachmentId ?? "") as AttachmentId, null);
    file.release();
    expect((await shown).size).toBe(LARGE);
    await arrives(b, id, messageId, bytes);
    const done = told(a, "preparing").map((seen) => seen.progress?.done ?? -1);
    expect(done[0]).toBe(0);
    expect(done).toEqual([...done].sort((x, y) => x - y));
    expect(told(a, "up").length).toBeGreaterThan(0);
    const sent = await a.until("sent", () => a.message(id, messageId));
    expect(viewsOf(sent)).toMatchObject([{ progress: null, local: true }]);
  });

  it.each([0, 1])(
    "can be cancelled while file %i of two is sealed: no chunk is left",
    async (at) => {
      const [a, b, id] = await pair();
      const before = await chunksOf(a);
      const held = new SlowFile(bytesFor(5 * MIB), 2 * MIB);
      const other = new Blob([bytesFor(4 * MIB)]);
      const files = at === 0 ? [held, other] : [other, held];
      const { messageId } = await send(a, id, ...files);
      await a.until("two chunks", () =>
        Promise.resolve(
          told(a, "preparing").some(
            ({ size, progress }) => size === held.size && progress?.done === 2 * MIB,
          ),
        ),
      );
      expect(viewsOf((await a.message(id, messageId)) as MessageItem)).toMatchObject([
        { progress: { direction: "preparing" } },
        { progress: { direction: "preparing" } },
      ]);
      expect(await chunksOf(a)).toBeGreaterThan(before);
      await a.core.messages.cancel(messageId);
      expect(await chunksOf(a)).toBe(before);
      held.release();
      await a.text(id, "instead");
      await b.receives(id, "instead");
      expect(await chunksOf(a)).toBe(before);
      expect(await a.message(id, messageId)).toBeUndefined();
      expect(await b.message(id, messageId)).toBeUndefined();
      expect((await a.core.app.state()).outbox).toBe(0);
    },
  );

  it("must be chosen again when the app was closed before it was sealed", async () => {
    const [a, , id] = await pair();
    const before = await chunksOf(a);
    const file = new SlowFile(bytesFor(LARGE), 3 * MIB);
    const { messageId } = await send(a, id, file);
    await a.until("three chunks", async () => (await chunksOf(a)) === before + 3);
    await a.restart();
    file.release();
    const lost = { code: "source_lost", retry: false };
    expect((await failed(a, id, messageId)).failure).toMatchObject(lost);
    expect(await chunksOf(a)).toBe(before);
    await a.core.messages.retry(messageId);
    expect((await failed(a, id, messageId)).failure).toMatchObject(lost);
    await a.core.messages.cancel(messageId);
    expect(await a.message(id, messageId)).toBeUndefined();
  });

  it("is sealed anew when a full device has room again and the person tries again", async () => {
    const [a, b, id] = await pair();
    const before = await chunksOf(a);
    const bytes = bytesFor(LARGE);
    const makeRoom = fillDisk(4);
    const { messageId } = await send(a, id, new Blob([bytes]));
    const full = { code: "storage_failed", retry: true };
    expect((await failed(a, id, messageId)).failure).toMatchObject(full);
    expect(await chunksOf(a)).toBe(before);
    await a.core.messages.retry(messageId);
    expect((await failed(a, id, messageId)).failure).toMatchObject(full);
    makeRoom();
    await Promise.all([a.core.messages.retry(messageId), a.core.messages.retry(messageId)]);
    await arrives(b, id, messageId, bytes);
    expect((await a.message(id, messageId))?.failure).toBeNull();
  });

  it("that cannot be read to its end says so and leaves nothing", async () => {
    const [a, , id] = await pair();
    const before = await chunksOf(a);
    const file = new SlowFile(bytesFor(LARGE), 3 * MIB);
    const { messageId } = await send(a, id, file);
    file.lose();
    expect((await failed(a, id, messageId)).failure).toMatchObject({ code: "source_lost" });
    expect(await chunksOf(a)).toBe(before);
  });

  it("is put together from blobs of one chunk each, not from bytes in memory", async () => {
    const [a, b, id] = await pair();
    const bytes = bytesFor(3 * MIB);
    const { messageId } = await send(a, id, new Blob([bytes]));
    const message = await b.until("the file", () => b.message(id, messageId));
    const made: (readonly BlobPart[])[] = [];
    class CountingBlob extends Blob {
      constructor(parts: BlobPart[] = [], options?: BlobPropertyBag) {
        super(parts, options);
        made.push(parts);
      }
    }
    vi.stubGlobal("Blob", CountingBlob);
    for (let time = 0; time < 2; time++) {
      made.length = 0;
      const blob = await b.core.attachments.get(
        (viewsOf(message)[0]?.attachmentId ?? "") as AttachmentId,
        null,
      );
      expect(blob.size).toBe(bytes.length);
      const inMemory = made.filter((parts) => parts.some((part) => !(part instanceof Blob)));
      expect(inMemory.map((parts) => parts.length)).toEqual([1, 1, 1]);
    }
  });
});

describe("a small file on a full device", () => {
  it("is refused at once, and nothing of it is left", async () => {
    const [a, b, id] = await pair();
    const before = await chunksOf(a);
    const bytes = bytesFor(3 * MIB);
    const makeRoom = fillDisk(2);
    await expect(send(a, id, new Blob([bytes]))).rejects.toMatchObject({ code: "storage_failed" });
    expect(await chunksOf(a)).toBe(before);
    expect((await a.core.app.state()).outbox).toBe(0);
    makeRoom();
    const { messageId } = await send(a, id, new Blob([bytes]));
    await arrives(b, id, messageId, bytes);
  });
});

describe("the largest file", () => {
  const attachments = new Attachments({} as DeviceContext);
  const sized = (size: number) =>
    document(Object.defineProperty(new Blob(), "size", { value: size }));

  it("has 2 GiB", () => {
    expect(MAX_ATTACHMENT_BYTES).toBe(2 * 1024 * MIB);
    const { pointer } = attachments.prepare(sized(MAX_ATTACHMENT_BYTES));
    expect(pointer.size).toBe(MAX_ATTACHMENT_BYTES);
    expect(() => attachments.prepare(sized(MAX_ATTACHMENT_BYTES + 1))).toThrow("message_invalid");
  });
});
