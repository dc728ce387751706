/** Copying a text for another app. */
import { t } from "#i18n/index.svelte.ts";
import { toast } from "./state/toasts.svelte.ts";

/** Copy a text, and say whether this browser allowed it. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("conversation.copied"));
  } catch {
    toast(t("conversation.copyFailed"), { tone: "danger" });
  }
}
