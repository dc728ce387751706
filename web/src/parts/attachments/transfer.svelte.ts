/**
 * One attachment in one bubble: its plaintext's object URL, held while the part is on screen, and
 * what to say while it comes.
 */
import type { AttachmentId } from "@copconnect/client/wire";
import type { AttachmentView } from "@copconnect/client/core";
import { core, coreError } from "#app/core.ts";
import { errorText } from "#i18n/errors.ts";
import { t } from "#i18n/index.svelte.ts";
import { objectUrls } from "#media/object-urls.ts";

/** Why a file cannot be shown or saved; null: the person has cancelled it. */
export function failureText(error: unknown): string | null {
  const { code } = coreError(error);
  if (code === "cancelled") return null;
  return code === "attachment_differs" ? errorText(error) : t("media.transfer.failed");
}

export class HeldFile {
  /** The object URL, once the plaintext is here. */
  url = $state<string | null>(null);
  loading = $state(false);
  /** Why it is not here; null: it is, or nobody has asked for it. */
  failure = $state<string | null>(null);
  #id: AttachmentId | null = null;
  #held = false;

  get failed(): boolean {
    return this.failure !== null;
  }

  /** Get the plaintext (downloading it if needed) and hold its URL until `letGo`. */
  async get(attachmentId: AttachmentId, sha256: string | null): Promise<string | null> {
    if (this.#held && this.#id === attachmentId) return this.url;
    this.letGo();
    this.#id = attachmentId;
    this.#held = true;
    this.loading = true;
    this.failure = null;
    try {
      const url = await objectUrls.acquire(
        attachmentId,
        () => core().attachments.get(attachmentId, sha256),
        sha256,
      );
      if (this.#held && this.#id === attachmentId) this.url = url;
      return url;
    } catch (error) {
      if (this.#id === attachmentId) {
        this.#held = false;
        this.failure = failureText(error);
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
