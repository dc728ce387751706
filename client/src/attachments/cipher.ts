/**
 * The attachment format of docs/protocol.md, "Attachments": AES-256-GCM in chunks of 1 MiB that
 * cannot be reordered, truncated, extended or swapped.
 *
 * Invariants: one random key for each attachment, so a nonce (attachment id, index, last) never
 * repeats under a key unless the same chunk is sealed again, which gives the same bytes; the
 * attachment id, the size and the number of chunks are bound into every chunk. Pure but for WebCrypto.
 */
import type { AttachmentId } from "../ids.ts";
import { ATTACHMENT_CHUNK_BYTES, MAX_ATTACHMENT_BYTES } from "../wire.ts";
import { failure } from "../failure.ts";
import { concat, copy, fromHex, randomBytes, u32, u64, utf8, type Bytes } from "../octets.ts";

export const TAG_BYTES = 16;
const NONCE_LABEL = utf8("copconnect attachment nonce v1\0");
const AAD_LABEL = utf8("copconnect attachment v1\0");

/** Number of chunks of a plaintext of `size` bytes; an empty file is one empty chunk. */
export function chunkCount(size: number): number {
  return Math.max(1, Math.ceil(size / ATTACHMENT_CHUNK_BYTES));
}

/** Bytes that the server stores for a plaintext of `size` bytes. */
export function sealedSize(size: number): number {
  return size + TAG_BYTES * chunkCount(size);
}

/** Plaintext bytes [start, end) of chunk `index`. */
export function chunkRange(size: number, index: number): readonly [start: number, end: number] {
  const start = index * ATTACHMENT_CHUNK_BYTES;
  return [start, Math.min(size, start + ATTACHMENT_CHUNK_BYTES)];
}

/** Plaintext bytes of chunk `index`. */
export function chunkLength(size: number, index: number): number {
  const [start, end] = chunkRange(size, index);
  return end - start;
}

export function newAttachmentKey(): Bytes {
  return randomBytes(32);
}

/** Seals and opens the chunks of one attachment. */
export class AttachmentCipher {
  readonly #key: CryptoKey;
  readonly #prefix: Bytes;
  readonly #aad: Bytes;
  readonly #count: number;
  readonly #size: number;

  private constructor(key: CryptoKey, prefix: Bytes, aad: Bytes, size: number) {
    this.#key = key;
    this.#prefix = prefix;
    this.#aad = aad;
    this.#size = size;
    this.#count = chunkCount(size);
  }

  /**
   * @param attachmentId 32 hex digits
   * @param key 32 bytes
   * @param size plaintext bytes, as its sender states it
   * @throws CoreFailure `attachment_corrupt` for a key or size that cannot be
   */
  static async create(
    attachmentId: AttachmentId,
    key: Uint8Array,
    size: number,
  ): Promise<AttachmentCipher> {
    if (key.length !== 32 || !Number.isSafeInteger(size) || size < 0 || size > MAX_ATTACHMENT_BYTES)
      throw failure("attachment_corrupt");
    const id = fromHex(attachmentId);
    const imported = await crypto.subtle.importKey("raw", copy(key), "AES-GCM", false, [
      "encrypt",
      "decrypt",
    ]);
    const digest = await crypto.subtle.digest("SHA-256", concat(NONCE_LABEL, id));
    const aad = concat(AAD_LABEL, id, u64(size), u32(chunkCount(size)));
    return new AttachmentCipher(imported, new Uint8Array(digest, 0, 7), aad, size);
  }

  #parameters(index: number): AesGcmParams {
    if (!Number.isInteger(index) || index < 0 || index >= this.#count)
      throw failure("attachment_corrupt");
    const last = index === this.#count - 1 ? 1 : 0;
    return {
      name: "AES-GCM",
      iv: concat(this.#prefix, u32(index), Uint8Array.of(last)),
      additionalData: this.#aad,
    };
  }

  /** Seal chunk `index`. The plaintext must have exactly the chunk's length. */
  async seal(index: number, plaintext: Uint8Array): Promise<Bytes> {
    const parameters = this.#parameters(index);
    const [start, end] = chunkRange(this.#size, index);
    if (plaintext.length !== end - start) throw failure("source_lost");
    return new Uint8Array(await crypto.subtle.encrypt(parameters, this.#key, copy(plaintext)));
  }

  /** Open chunk `index`. Throws `attachment_corrupt` for anything but the sealed bytes. */
  async open(index: number, ciphertext: Uint8Array): Promise<Bytes> {
    const parameters = this.#parameters(index);
    const [start, end] = chunkRange(this.#size, index);
    if (ciphertext.length !== end - start + TAG_BYTES) throw failure("attachment_corrupt");
    try {
      return new Uint8Array(await crypto.subtle.decrypt(parameters, this.#key, copy(ciphertext)));
    } catch (error) {
      throw failure("attachment_corrupt", { cause: error });
    }
  }
}
