/**
 * Attachments on their way up: sent chunk by chunk as the vault holds them, or, where the server has
 * them from another conversation, shared by name.
 */
import type { AttachmentId, ConversationId } from "../ids.ts";
import type { AttachmentView } from "../seam.ts";
import type { DeviceContext } from "../context.ts";
import { failure, hasCode } from "../failure.ts";
import { chunkCount, chunkLength, sealedSize } from "./cipher.ts";
import { STORES, type AttachmentRecord } from "../records.ts";
import type { Change } from "../vault/vault.ts";

export interface UploadParts {
  readonly context: DeviceContext;
  readonly record: (attachmentId: AttachmentId) => Promise<AttachmentRecord | null>;
  /** The screens get an event when a transfer begins, when it progresses and when it ends. */
  readonly begin: (attachmentId: AttachmentId) => AbortSignal;
  readonly tell: (
    record: AttachmentRecord,
    progress: NonNullable<AttachmentView["progress"]>,
  ) => void;
  readonly end: (record: AttachmentRecord) => void;
}

export class Uploads {
  readonly #parts: UploadParts;
  readonly #running = new Map<AttachmentId, Promise<void>>();

  constructor(parts: UploadParts) {
    this.#parts = parts;
  }

  /**
   * Bring attachments to the server for a message of a conversation. Files that the server has
   * already are shared with it; forgotten ones go up again, if this device has them.
   * Rejects with `attachment_gone` if not, `not_member`, `network`, `cancelled`.
   */
  async upload(
    attachmentIds: readonly AttachmentId[],
    conversationId: ConversationId,
  ): Promise<void> {
    for (const attachmentId of attachmentIds) {
      const record = await this.#parts.record(attachmentId);
      if (record === null) throw failure("source_lost");
      if (record.upload === "pending") await this.#uploadOnce(record);
      // Several conversations may wait for one file, which goes up for the first of them.
      if (record.upload === "pending" && record.conversationId === conversationId) continue;
      if (!(await this.#share(record, conversationId))) {
        if (!record.local) throw failure("attachment_gone");
        await this.#upload({ ...record, conversationId }).catch((error: unknown) => {
          throw hasCode(error, "not_found") ? failure("attachment_gone") : error;
        });
      }
    }
  }

  /** False: the server has it no more, or this person may not fetch it any more. */
  async #share({ attachmentId }: AttachmentRecord, conversationId: ConversationId) {
    try {
      await this.#parts.context.api.shareAttachment(attachmentId, { conversationId });
      return true;
    } catch (error) {
      if (!hasCode(error, "not_found")) throw error;
      return false;
    }
  }

  #uploadOnce(record: AttachmentRecord): Promise<void> {
    const { attachmentId } = record;
    const running = this.#running.get(attachmentId);
    if (running !== undefined) return running;
    const upload = this.#upload(record).finally(() => this.#running.delete(attachmentId));
    this.#running.set(attachmentId, upload);
    return upload;
  }

  async #upload(record: AttachmentRecord): Promise<void> {
    const { attachmentId, conversationId, pointer } = record;
    const { api, vault } = this.#parts.context;
    const signal = this.#parts.begin(attachmentId);
    const total = pointer.size;
    try {
      const size = sealedSize(pointer.size);
      const status = await api
        .until(signal)
        .beginAttachment({ attachmentId, conversationId, orderId: record.orderId ?? null, size });
      const missing = new Set(Array.from({ length: chunkCount(pointer.size) }, (_, i) => i));
      for (const index of status.received) missing.delete(index);
      const left = (): number =>
        [...missing].reduce((sum, index) => sum + chunkLength(pointer.size, index), 0);
      this.#parts.tell(record, { done: total - left(), total, direction: "up" });
      await inParallel([...missing], PARALLEL, async (index) => {
        const bytes = await vault.chunk(attachmentId, index);
        if (bytes === null) throw failure("source_lost");
        await api.until(signal).putChunk(attachmentId, index, bytes);
        missing.delete(index);
        this.#parts.tell(record, { done: total - left(), total, direction: "up" });
      });
      await vault.write([putAttachment({ ...record, upload: "complete", local: true })]);
    } finally {
      this.#parts.end(record);
    }
  }
}

/** Chunks of one attachment that are on their way at a time. */
export const PARALLEL = 3;

/** Run `step` for every item, so many at a time; the first failure ends it. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  step: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  let failed = false;
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined && !failed; item = waiting.shift()) {
      try {
        await step(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
}

export function putAttachment(record: AttachmentRecord): Change {
  return {
    op: "put",
    store: STORES.attachments,
    key: record.attachmentId,
    group: record.conversationId,
    value: record,
  };
}
