import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomBytes } from "../octets.ts";
import { newId, type AttachmentId } from "../ids.ts";
import { ATTACHMENT_CHUNK_BYTES, MAX_ATTACHMENT_BYTES } from "../wire.ts";
import {
  AttachmentCipher,
  TAG_BYTES,
  chunkCount,
  chunkRange,
  newAttachmentKey,
  sealedSize,
} from "./cipher.ts";

const MIB = ATTACHMENT_CHUNK_BYTES;

async function sealAll(
  id: AttachmentId,
  key: Uint8Array,
  plaintext: Uint8Array,
): Promise<Uint8Array[]> {
  const cipher = await AttachmentCipher.create(id, key, plaintext.length);
  const chunks = [];
  for (let i = 0; i < chunkCount(plaintext.length); i++)
    chunks.push(await cipher.seal(i, plaintext.subarray(...chunkRange(plaintext.length, i))));
  return chunks;
}

function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}

describe("attachment chunks", () => {
  it("open to what was sealed, at every size around a boundary", async () => {
    for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB]) {
      const [id, key, plaintext] = [newId<AttachmentId>(), newAttachmentKey(), pattern(size)];
      const chunks = await sealAll(id, key, plaintext);
      expect(chunks.reduce((sum, chunk) => sum + chunk.length, 0)).toBe(sealedSize(size));
      const cipher = await AttachmentCipher.create(id, key, size);
      for (const [i, chunk] of chunks.entries())
        expect(
          Buffer.compare(await cipher.open(i, chunk), plaintext.subarray(...chunkRange(size, i))),
        ).toBe(0);
    }
  });

  it("refuse reordering, truncation, extension, swapping and any changed bit", async () => {
    const [id, key] = [newId<AttachmentId>(), newAttachmentKey()];
    const plaintext = pattern(2 * MIB + 10);
    const chunks = await sealAll(id, key, plaintext);
    const cipher = await AttachmentCipher.create(id, key, plaintext.length);
    const corrupt = { code: "attachment_corrupt" };
    await expect(cipher.open(0, chunks[1] as Uint8Array)).rejects.toMatchObject(corrupt);
    await expect(cipher.open(1, chunks[0] as Uint8Array)).rejects.toMatchObject(corrupt);
    await expect(cipher.open(3, chunks[2] as Uint8Array)).rejects.toMatchObject(corrupt);
    // Truncated to two whole chunks: the size is bound, and so is which chunk is the last.
    const shorter = await AttachmentCipher.create(id, key, 2 * MIB);
    await expect(shorter.open(0, chunks[0] as Uint8Array)).rejects.toMatchObject(corrupt);
    await expect(shorter.open(1, chunks[1] as Uint8Array)).rejects.toMatchObject(corrupt);
    // The same key under another attachment's id.
    const other = await AttachmentCipher.create(newId(), key, plaintext.length);
    await expect(other.open(0, chunks[0] as Uint8Array)).rejects.toMatchObject(corrupt);
    const small = await sealAll(id, key, pattern(40));
    const smallCipher = await AttachmentCipher.create(id, key, 40);
    await fc.assert(
      fc.asyncProperty(fc.nat(8 * (40 + TAG_BYTES) - 1), async (bit) => {
        const changed = Uint8Array.from(small[0] as Uint8Array);
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        await expect(smallCipher.open(0, changed)).rejects.toMatchObject(corrupt);
      }),
      { numRuns: 60 },
    );
  });

  it("refuse a key or a size that cannot be", async () => {
    const corrupt = { code: "attachment_corrupt" };
    await expect(AttachmentCipher.create(newId(), randomBytes(31), 1)).rejects.toMatchObject(
      corrupt,
    );
    for (const size of [-1, 0.5, Number.NaN, MAX_ATTACHMENT_BYTES + 1])
      await expect(AttachmentCipher.create(newId(), randomBytes(32), size)).rejects.toMatchObject(
        corrupt,
      );
  });

  it("say so when the source changed its length under our hands", async () => {
    const cipher = await AttachmentCipher.create(newId<AttachmentId>(), newAttachmentKey(), 100);
    await expect(cipher.seal(0, new Uint8Array(99))).rejects.toMatchObject({ code: "source_lost" });
  });
});
