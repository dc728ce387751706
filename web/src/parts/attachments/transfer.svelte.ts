/**
 * One attachment in one bubble: its plaintext's object URL, held while the part is on screen, and
 * what to say while it comes.
 */
import type { AttachmentId } from "@copconnect/client/wire";
import type { AttachmentView } from "@copconnect/client/core";
import type { Attachment } from "svelte/attachments";
import { core, coreError } from "#app/core.ts";
import { downloads } from "#app/device/downloads.svelte.ts";
import { errorText } from "#i18n/errors.ts";
import { t } from "#i18n/index.svelte.ts";
import { NearFiles } from "#media/near-files.ts";
import { objectUrls } from "#media/object-urls.ts";

/** Why a file cannot be shown or saved; null: the person has cancelled it. */
export function failureText(error: unknown): string | null {
  const { code } = coreError(error);
  if (code === "cancelled") return null;
  return code === "attachment_differs" ? errorText(error) : t("media.transfer.failed");
}

/** Parts this near to the screen count as on it. */
export const NEAR = "400px";

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

const files = new NearFiles(({ attachmentId, sha256 }) =>
  core()
    .attachments.get(attachmentId, sha256 ?? null)
    .then(
      () => true,
      (error: unknown) => coreError(error).code === "cancelled",
    ),
);

/**
 * Fetch a file while its part is near the screen, if files of its kind come on this network without a tap:
 * also when the network or the person's choice changes meanwhile.
 */
export function fetchNear(attachment: () => AttachmentView): Attachment<HTMLElement> {
  return (element) => {
    let near = $state(false);
    const observer = new IntersectionObserver(
      (entries) => (near = entries.at(-1)?.isIntersecting === true),
      { rootMargin: NEAR },
    );
    observer.observe(element);
    $effect(() => files.want(attachment(), () => near && downloads.comes(attachment())));
    return () => {
      near = false;
      observer.disconnect();
    };
  };
}
