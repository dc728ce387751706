/** Compares a file with the SHA-256 that its sender signed: the file comes to this device for it. */
import type { AttachmentView } from "@copconnect/client/core";
import { core } from "#app/core.ts";
import { errorText } from "#i18n/errors.ts";
import { t } from "#i18n/index.svelte.ts";

export interface HashResult {
  readonly same: boolean;
  /** The result, or why there is none. */
  readonly text: string;
}

export async function compare({ attachmentId, sha256 }: AttachmentView): Promise<HashResult> {
  try {
    await core().attachments.get(attachmentId, sha256 ?? null);
    return { same: true, text: t("media.evidence.same") };
  } catch (error) {
    return { same: false, text: errorText(error) };
  }
}
