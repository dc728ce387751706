/** Takes the newest version of the app at the person's word, and says so where it cannot be fetched. */
import { t } from "#i18n/index.svelte.ts";
import { update } from "#pwa/register.svelte.ts";
import { toast } from "./state/toasts.svelte.ts";

export function takeUpdate(): void {
  update.take().catch(() => {
    toast(t("app.status.updateFailed"), { tone: "danger" });
  });
}
