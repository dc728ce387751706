/**
 * The files that this page makes of chats' messages, one for each chat. A file is handed out once the
 * server has its notice, which waits for a network. A closed sheet therefore cancels what it still can; a
 * notice that waits continues, and the sheet shows it when it is opened again.
 */
import type { CoreEvent, ExportChoice, MadeExport } from "@copconnect/client/core";
import type { ConversationId } from "@copconnect/client/wire";
import { SvelteMap } from "svelte/reactivity";
import { core, coreError } from "#app/core.ts";
import { onCoreEvent, onLeaving } from "#app/state/app.svelte.ts";
import { toast } from "#app/state/toasts.svelte.ts";
import { errorText } from "#i18n/errors.ts";
import { t } from "#i18n/index.svelte.ts";

type Progress = Extract<CoreEvent, { type: "conversation_export" }>;

export class Making {
  progress = $state.raw<Progress | null>(null);
  made = $state.raw<MadeExport | null>(null);
  error = $state.raw<unknown>(null);
  busy = $state(false);
  cancelled = $state(false);
  /** A sheet shows it. */
  shown = true;
  readonly #of: ConversationId;

  constructor(of: ConversationId) {
    this.#of = of;
  }

  get telling(): boolean {
    return this.progress?.step === "telling";
  }

  async make(choice: ExportChoice): Promise<void> {
    this.busy = true;
    this.error = null;
    this.cancelled = false;
    const stop = onCoreEvent((event) => {
      if (event.type === "conversation_export" && event.conversationId === this.#of)
        this.progress = event;
    });
    try {
      this.made = await core().exports.make(this.#of, choice);
    } catch (failed) {
      if (coreError(failed).code === "cancelled") this.cancelled = true;
      else this.error = failed;
    } finally {
      stop();
      this.busy = false;
      this.progress = null;
    }
    // The person may have left the app meanwhile.
    if (this.shown || makings.get(this.#of) !== this) return;
    if (this.made === null) makings.delete(this.#of);
    if (this.error !== null) toast(errorText(this.error), { tone: "danger" });
    else if (this.made !== null) toast(t("exports.readyLater", { title: t("exports.title") }));
  }

  cancel(): void {
    void core()
      .exports.cancel()
      .catch(() => undefined);
  }

  /** Its sheet is closed. */
  close(): void {
    this.shown = false;
    if (!this.busy) makings.delete(this.#of);
    else if (!this.telling) this.cancel();
  }
}

const makings = new SvelteMap<ConversationId, Making>();
onLeaving(() => {
  makings.clear();
});

/** The file of a chat's messages that is being made, or can be; for a sheet that shows it. */
export function makingOf(conversationId: ConversationId): Making {
  const making = makings.get(conversationId) ?? new Making(conversationId);
  makings.set(conversationId, making);
  making.shown = true;
  return making;
}
