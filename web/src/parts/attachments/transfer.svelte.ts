/**
 * One attachment in one bubble: its plaintext's object URL, held while the part is on screen, and
 * what to say while it comes.
 */
import type { AttachmentId } from "@copconnect/client/wire";
import type { AttachmentView } from "@copconnect/client/core";
import { core, coreError } from "#app/core.ts";
import { objectUrls } from "#media/object-urls.ts";

export class HeldFile {
  /** The object URL, once the plaintext is here. */
  url = $state<string | null>(null);
  loading = $state(false);
  failed = $state(false);
  #id: AttachmentId | null = null;
  #held = false;

  /** Get the plaintext (downloading it if needed) and hold its URL until `letGo`. */
  async get(attachmentId: AttachmentId): Promise<string | null> {
    if (this.#held && this.#id === attachmentId) return this.url;
    this.letGo();
    this.#id = attachmentId;
    this.#held = true;
    this.loading = true;
    this.failed = false;
    try {
      const url = await objectUrls.acquire(attachmentId, () =>
        core().attachments.get(attachmentId),
      );
      if (this.#held && this.#id === attachmentId) this.url = url;
      return url;
    } catch (error) {
      if (this.#id === attachmentId) {
        this.#held = false;
        this.failed = coreError(error).code !== "cancelled";
      }
      return null;
    } finally {
      if (this.#id === attachmentId) this.loading = false;
    }
  }

  letGo(): void {
    if (this.#held && this.#id !== null) objectUrls.release(this.#id);
    this.#held = false;
    this.url = null;
  }
}

/** Images smaller than this are loaded without a tap; larger ones on request. */
const BY_ITSELF_BYTES = 4 * 1024 * 1024;

export function comesByItself(attachment: AttachmentView): boolean {
  return attachment.local || attachment.size <= BY_ITSELF_BYTES;
}
