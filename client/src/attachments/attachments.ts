/**
 * Attachments on this device: sealed into the vault, uploaded, downloaded, opened.
 *
 * Invariants: only ciphertext rests; an upload reads what the vault holds, so that it resumes after
 * a restart with the same bytes; a downloaded chunk is stored only after it has opened; plaintext
 * lives in memory alone, at most {@link OPEN_CHUNKS} chunks of it while something plays, or in blobs,
 * which the browser looks after; of what is cancelled or fails to be sealed no chunk is left.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { AttachmentId, ConversationId, MessageId } from "../ids.ts";
import { attachmentIdOf, type AttachmentPointer } from "../kinds/fields.ts";
import type { AttachmentView, OutgoingAttachment } from "../seam.ts";
import type { DeviceContext } from "../context.ts";
import { failure, hasCode } from "../failure.ts";
import { copy, toHex, type Bytes } from "../octets.ts";
import { STORES, type AttachmentRecord } from "../records.ts";

import { ATTACHMENT_CHUNK_BYTES, MAX_ATTACHMENT_BYTES } from "../wire.ts";
import {
  AttachmentCipher,
  chunkCount,
  chunkLength,
  chunkRange,
  newAttachmentKey,
} from "./cipher.ts";
import { hashOf } from "./hashing.ts";
import { Uploads, PARALLEL, inParallel, putAttachment } from "./uploads.ts";

const OPEN_CHUNKS = 8;
const MAX_NAME = 255;

type TransferProgress = NonNullable<AttachmentView["progress"]>;
/** The fields of an attachment on its way that progress is reported with: which, where it shows. */
type ShownTransfer = Pick<AttachmentRecord, "conversationId" | "pointer">;

/** A file to send, with the pointer that its message will carry. */
export interface Prepared {
  /** The pointer has the file's hash once the file is sealed. */
  pointer: AttachmentPointer;
  readonly file: Blob;
  /** Whether the vault has the file's chunks already, because a draft held the file. */
  readonly sealed: boolean;
}

export class Attachments {
  readonly #context: DeviceContext;
  readonly #uploads: Uploads;
  readonly #progress = new Map<AttachmentId, TransferProgress>();
  readonly #local = new Set<AttachmentId>();
  readonly #aborts = new Map<AttachmentId, AbortController>();
  readonly #downloads = new Map<AttachmentId, Promise<Blob>>();
  readonly #sealing = new Map<AttachmentId, Promise<void>>();
  readonly #open = new Map<string, Promise<Bytes>>();
  /** Shown by a forward, after the conversation that brought them was taken off this device. */
  readonly #unrecorded = new Map<AttachmentId, AttachmentRecord>();

  constructor(context: DeviceContext) {
    this.#context = context;
    this.#uploads = new Uploads({
      context,
      record: (attachmentId) => this.#record(attachmentId),
      begin: (attachmentId) => this.#begin(attachmentId),
      tell: (record, progress) => this.#tell(record, progress),
      end: (record) => this.#end(record),
    });
  }

  /** Give a file its id and key. Throws `message_invalid` beyond what the protocol allows. */
  prepare(outgoing: OutgoingAttachment): Prepared {
    const { file } = outgoing;
    if (file.size > MAX_ATTACHMENT_BYTES) {
      throw failure("message_invalid", { details: { limit: MAX_ATTACHMENT_BYTES } });
    }
    const key = newAttachmentKey();
    const pointer: AttachmentPointer = {
      id: attachmentIdOf(key, file.size),
      kind: outgoing.kind,
      name: outgoing.name.slice(0, MAX_NAME),
      mime: outgoing.mime.slice(0, MAX_NAME),
      size: file.size,
      key,
      width: outgoing.width ?? null,
      height: outgoing.height ?? null,
      durationMs: outgoing.durationMs === undefined ? null : Math.round(outgoing.durationMs),
      thumb: outgoing.thumb ?? null,
      waveform: outgoing.waveform ?? null,
      sha256: null,
    };
    return { pointer, file, sealed: false };
  }

  /**
   * Seal the files of one message into the vault, chunk by chunk: all of them, or no chunk is left.
   * If a conversation shows them already, progress is reported. Throws `source_lost` if a file
   * cannot be read, `cancelled` after {@link cancel}.
   */
  async seal(all: readonly Prepared[], shownIn: ConversationId | null = null): Promise<void> {
    const files = all.filter(({ sealed }) => !sealed);
    // Cancelling one ends all, from the first moment on: their message goes out whole or not at all.
    const abort = new AbortController();
    for (const { pointer } of files) this.#aborts.set(pointer.id, abort);
    const sealing = this.#sealAll(files, shownIn, abort.signal);
    for (const { pointer } of files) this.#sealing.set(pointer.id, sealing);
    try {
      await sealing;
    } finally {
      for (const { pointer } of files) {
        this.#sealing.delete(pointer.id);
        if (shownIn === null) this.#aborts.delete(pointer.id);
        else this.#end({ conversationId: shownIn, pointer });
      }
    }
  }

  async #sealAll(
    files: readonly Prepared[],
    shownIn: ConversationId | null,
    signal: AbortSignal,
  ): Promise<void> {
    const tell = ({ pointer }: Prepared, done: number): void => {
      if (shownIn === null) return;
      const progress = { done, total: pointer.size, direction: "preparing" } as const;
      this.#tell({ conversationId: shownIn, pointer }, progress);
    };
    const cancelled = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => {
        reject(failure("cancelled"));
      });
    });
    cancelled.catch(() => undefined);
    for (const file of files) tell(file, 0);
    try {
      for (const file of files) {
        await this.#seal(file, cancelled, (done) => {
          tell(file, done);
        });
      }
    } catch (error) {
      // Half-sealed files are of no use, and the disk may be full.
      await this.forget(files.map(({ pointer }) => pointer.id)).catch(() => undefined);
      throw error;
    }
  }

  async #seal(
    prepared: Prepared,
    cancelled: Promise<never>,
    tell: (done: number) => void,
  ): Promise<void> {
    const { pointer, file } = prepared;
    const digest = sha256.create();
    const cipher = await AttachmentCipher.create(pointer.id, pointer.key, pointer.size);
    for (let index = 0; index < chunkCount(pointer.size); index++) {
      const [start, end] = chunkRange(pointer.size, index);
      const read = file.slice(start, end).arrayBuffer();
      const readable = read.catch((cause: unknown) => {
        throw failure("source_lost", { cause });
      });
      // A file that lies elsewhere may take long to be read.
      const plaintext = new Uint8Array(await Promise.race([cancelled, readable]));
      digest.update(plaintext);
      const bytes = await Promise.race([cancelled, cipher.seal(index, plaintext)]);
      await this.#context.vault.write([
        { op: "put_chunk", attachmentId: pointer.id, index, bytes },
      ]);
      tell(end);
    }
    prepared.pointer = { ...pointer, sha256: copy(digest.digest()) };
    this.#local.add(pointer.id);
  }

  /** Wait until an attachment that is being sealed here is sealed; the server does not have it. */
  async #sealed(attachmentId: AttachmentId): Promise<void> {
    await this.#sealing.get(attachmentId)?.catch(() => undefined);
  }

  /** Delete the chunks of attachments that no message will point to, or that are sealed again. */
  async forget(attachmentIds: readonly AttachmentId[]): Promise<void> {
    for (const attachmentId of attachmentIds) this.#local.delete(attachmentId);
    await this.#context.vault.write(
      attachmentIds.map((attachmentId) => ({ op: "delete_chunks", attachmentId })),
    );
  }

  /** The vault deleted these files: drop them from memory, too. */
  drop(attachmentIds: readonly AttachmentId[]): void {
    for (const attachmentId of attachmentIds) {
      this.#aborts.get(attachmentId)?.abort();
      this.#local.delete(attachmentId);
      this.#unrecorded.delete(attachmentId);
      for (const name of this.#open.keys())
        if (name.startsWith(`${attachmentId}/`)) this.#open.delete(name);
    }
  }

  /** Whether every chunk of the files that this device sends itself is in the vault. */
  async areSealed(attachmentIds: readonly AttachmentId[]): Promise<boolean> {
    const records = await Promise.all(attachmentIds.map((id) => this.#record(id)));
    return records.every((record) => record?.local === true || record?.upload === "none");
  }

  /** The attachments that this message brought first; its other ones are forwarded. */
  async ownOf(
    messageId: MessageId,
    attachmentIds: readonly AttachmentId[],
  ): Promise<readonly AttachmentId[]> {
    const records = await Promise.all(attachmentIds.map((id) => this.#record(id)));
    return records.flatMap((one) => (one?.messageId === messageId ? [one.attachmentId] : []));
  }

  /** `at`: the message that shows it. */
  async view(
    pointer: AttachmentPointer,
    at: Pick<AttachmentRecord, "conversationId" | "messageId" | "passing"> | null = null,
  ): Promise<AttachmentView> {
    if (!this.#local.has(pointer.id)) {
      const record = await this.#record(pointer.id);
      if (record?.local === true) this.#local.add(pointer.id);
      if (record === null && at !== null)
        this.#unrecorded.set(pointer.id, {
          ...{ attachmentId: pointer.id, pointer, upload: "none", local: false },
          ...{ conversationId: at.conversationId, messageId: at.messageId, passing: at.passing },
        });
    }
    const { id, kind, name, mime, size, width, height, durationMs, thumb, waveform } = pointer;
    const shown = { kind, name, mime, size, width, height, durationMs, thumb, waveform };
    return {
      attachmentId: id,
      ...shown,
      sha256: pointer.sha256 === null ? null : toHex(pointer.sha256),
      progress: this.#progress.get(id) ?? null,
      local: this.#local.has(id),
    };
  }

  // --- Up --------------------------------------------------------------------------------------

  /**
   * Bring attachments to the server for a message of a conversation ({@link Uploads.upload}).
   */
  upload(attachmentIds: readonly AttachmentId[], conversationId: ConversationId): Promise<void> {
    return this.#uploads.upload(attachmentIds, conversationId);
  }

  /**
   * Stop uploads and ask the server to forget what it has of them. Nobody waits for its answer:
   * what a bad line keeps it from hearing is cleared away there as an unfinished upload. Resolves
   * when no more chunks of them are sealed into the vault.
   */
  async cancel(attachmentIds: readonly AttachmentId[]): Promise<void> {
    for (const attachmentId of attachmentIds) {
      this.#aborts.get(attachmentId)?.abort();
      // The server knows nothing of an attachment that is not even sealed yet.
      if (this.#sealing.has(attachmentId)) continue;
      this.#context.api.deleteAttachment(attachmentId).catch(() => undefined);
    }
    await Promise.allSettled(attachmentIds.map((id) => this.#sealing.get(id)));
  }

  // --- Down ------------------------------------------------------------------------------------

  /** The whole plaintext. Throws `attachment_differs` for another SHA-256 than this one (null: any). */
  async blob(attachmentId: AttachmentId, signed: string | null): Promise<Blob> {
    const file = await this.#whole(attachmentId);
    if (signed !== null && (await hashOf(file)) !== signed) throw failure("attachment_differs");
    return file;
  }

  /** Calls for the same attachment share one download. */
  #whole(attachmentId: AttachmentId): Promise<Blob> {
    const running = this.#downloads.get(attachmentId);
    if (running !== undefined) return running;
    const download = this.#download(attachmentId).finally(() => {
      this.#downloads.delete(attachmentId);
    });
    this.#downloads.set(attachmentId, download);
    return download;
  }

  async #download(attachmentId: AttachmentId): Promise<Blob> {
    await this.#sealed(attachmentId);
    const record = await this.#require(attachmentId);
    const { pointer } = record;
    const cipher = await AttachmentCipher.create(pointer.id, pointer.key, pointer.size);
    const indexes = Array.from({ length: chunkCount(pointer.size) }, (_, i) => i);
    const here = new Set(await this.#context.vault.chunkIndexes(attachmentId));
    const missing = indexes.filter((index) => !here.has(index));
    // Each chunk becomes a blob at once: a browser keeps those on disk where memory is short.
    const parts: Blob[] = [];
    if (missing.length > 0) {
      const signal = this.#begin(attachmentId);
      const total = pointer.size;
      let done = total - missing.reduce((sum, index) => sum + chunkLength(total, index), 0);
      this.#tell(record, { done, total, direction: "down" });
      try {
        // Its message may have been deleted since it was read; from here on that ends the download.
        await this.#require(attachmentId);
        let stored = true;
        await inParallel(missing, PARALLEL, async (index) => {
          const fetched = await this.#fetch(record, cipher, index, signal);
          if (!fetched.stored) parts[index] = new Blob([fetched.plaintext]);
          stored &&= fetched.stored;
          done += chunkLength(total, index);
          this.#tell(record, { done, total, direction: "down" });
        });
        if (signal.aborted) throw failure("cancelled");
        if (stored) await this.#context.vault.write([putAttachment({ ...record, local: true })]);
        if (stored) this.#local.add(attachmentId);
      } finally {
        this.#end(record);
      }
    }
    for (const index of indexes) {
      parts[index] ??= new Blob([await this.#openLocal(attachmentId, cipher, index)]);
    }
    return new Blob(parts, { type: pointer.mime });
  }

  /** The plaintext of what is sealed here. Throws `not_found` where a chunk is missing. */
  async sealed({ id, key, size, mime }: AttachmentPointer): Promise<Blob> {
    const cipher = await AttachmentCipher.create(id, key, size);
    const parts: Blob[] = [];
    for (let index = 0; index < chunkCount(size); index++)
      parts.push(new Blob([await this.#openLocal(id, cipher, index)]));
    return new Blob(parts, { type: mime });
  }

  /** Fetch, open and store a chunk. A full disk is no reason not to show it. */
  async #fetch(
    record: AttachmentRecord,
    cipher: AttachmentCipher,
    index: number,
    signal: AbortSignal,
  ): Promise<{ readonly plaintext: Bytes; readonly stored: boolean }> {
    const { attachmentId } = record;
    const bytes = await this.#context.api.until(signal).getChunk(attachmentId, index);
    const plaintext = await cipher.open(index, bytes);
    if (record.passing === true) return { plaintext, stored: false };
    try {
      await this.#context.vault.write([{ op: "put_chunk", attachmentId, index, bytes }]);
      return { plaintext, stored: true };
    } catch (error) {
      if (hasCode(error, "storage_failed") && error.retry) return { plaintext, stored: false };
      throw error;
    }
  }

  async #openLocal(
    attachmentId: AttachmentId,
    cipher: AttachmentCipher,
    index: number,
  ): Promise<Bytes> {
    const bytes = await this.#context.vault.chunk(attachmentId, index);
    if (bytes === null) throw failure("not_found");
    return cipher.open(index, bytes);
  }

  /** Plaintext bytes [start, end); only the chunks that hold them are fetched. */
  async range(attachmentId: AttachmentId, start: number, end: number): Promise<Bytes> {
    await this.#sealed(attachmentId);
    const record = await this.#require(attachmentId);
    const { pointer } = record;
    const from = Math.max(0, Math.min(start, pointer.size));
    const to = Math.max(from, Math.min(end, pointer.size));
    const result = new Uint8Array(to - from);
    if (result.length === 0) return result;
    const cipher = await AttachmentCipher.create(pointer.id, pointer.key, pointer.size);
    const first = Math.floor(from / ATTACHMENT_CHUNK_BYTES);
    const last = Math.floor((to - 1) / ATTACHMENT_CHUNK_BYTES);
    for (let index = first; index <= last; index++) {
      const chunk = await this.#openChunk(record, cipher, index);
      const offset = index * ATTACHMENT_CHUNK_BYTES;
      const part = chunk.subarray(Math.max(0, from - offset), Math.max(0, to - offset));
      result.set(part, Math.max(0, offset - from));
    }
    return result;
  }

  /** A chunk that is on its way counts as open: a player that asks twice is answered by one fetch. */
  #openChunk(record: AttachmentRecord, cipher: AttachmentCipher, index: number): Promise<Bytes> {
    const name = `${record.attachmentId}/${String(index)}`;
    const open = this.#open.get(name);
    if (open !== undefined) return open;
    const opening = this.#read(record, cipher, index);
    this.#open.set(name, opening);
    opening.catch(() => {
      if (this.#open.get(name) === opening) this.#open.delete(name);
    });
    const oldest = this.#open.keys().next().value;
    if (this.#open.size > OPEN_CHUNKS && oldest !== undefined) this.#open.delete(oldest);
    return opening;
  }

  async #read(record: AttachmentRecord, cipher: AttachmentCipher, index: number): Promise<Bytes> {
    const local = await this.#context.vault.chunk(record.attachmentId, index);
    if (local !== null) return cipher.open(index, local);
    return (await this.#fetch(record, cipher, index, this.#context.signal)).plaintext;
  }

  cancelDownload(attachmentId: AttachmentId): void {
    if (this.#sealing.has(attachmentId)) return;
    if (this.#downloads.has(attachmentId)) this.#aborts.get(attachmentId)?.abort();
  }

  /** Forget plaintext in memory: the app locks. */
  close(): void {
    this.#open.clear();
    for (const abort of this.#aborts.values()) abort.abort();
  }

  #begin(attachmentId: AttachmentId): AbortSignal {
    const abort = new AbortController();
    this.#aborts.set(attachmentId, abort);
    return abort.signal;
  }

  #tell(shown: ShownTransfer, progress: TransferProgress): void {
    this.#progress.set(shown.pointer.id, progress);
    void this.#announce(shown);
  }

  #end(shown: ShownTransfer): void {
    this.#aborts.delete(shown.pointer.id);
    this.#progress.delete(shown.pointer.id);
    void this.#announce(shown);
  }

  async #announce({ conversationId, pointer }: ShownTransfer): Promise<void> {
    try {
      const attachment = await this.view(pointer);
      this.#context.emit({ type: "attachment", conversationId, attachment });
    } catch {
      // Locked meanwhile: nobody is looking.
    }
  }

  async #record(attachmentId: AttachmentId): Promise<AttachmentRecord | null> {
    const { vault } = this.#context;
    const stored = await vault.get<AttachmentRecord>(STORES.attachments, attachmentId);
    return stored ?? this.#unrecorded.get(attachmentId) ?? null;
  }

  async #require(attachmentId: AttachmentId): Promise<AttachmentRecord> {
    const record = await this.#record(attachmentId);
    if (record === null) throw failure("not_found");
    return record;
  }
}
