/** Short texts that are sent by one tap: this person's own, or the app's in the app's language. */
import { MAX_QUICK_REPLIES, MAX_QUICK_REPLY } from "@copconnect/client/core";
import { core } from "#app/core.ts";
import { t } from "#i18n/index.svelte.ts";

export { MAX_QUICK_REPLIES, MAX_QUICK_REPLY };

export function defaultReplies(): readonly string[] {
  return [
    t("consult.quick.first"),
    t("consult.quick.second"),
    t("consult.quick.third"),
    t("consult.quick.fourth"),
    t("consult.quick.fifth"),
  ];
}

class QuickReplies {
  #own = $state.raw<readonly string[] | null>(null);
  loaded = $state(false);

  get own(): boolean {
    return this.#own !== null;
  }

  get texts(): readonly string[] {
    return this.#own ?? defaultReplies();
  }

  async load(): Promise<void> {
    this.#own = await core().consultation.quickReplies();
    this.loaded = true;
  }

  /** Null: the app's again. */
  async set(texts: readonly string[] | null): Promise<void> {
    await core().consultation.setQuickReplies(texts);
    await this.load();
  }
}

export const quickReplies = new QuickReplies();
