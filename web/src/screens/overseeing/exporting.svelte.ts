/** Making a file of an order: how far it is, the result, and stopping it. */
import type { ExportFormat, OrderExport, Progress } from "@copconnect/client/core";
import type { Language, MessageId, UnitId } from "@copconnect/client/wire";
import { core, coreError } from "#app/core.ts";
import { app, onCoreEvent } from "#app/state/app.svelte.ts";
import { directory } from "#app/state/directory.svelte.ts";
import { textsIn } from "#i18n/index.svelte.ts";
import { exportWords, factsOf, nameIn, type OrderFacts, type Say } from "./words.ts";

export interface Made {
  readonly exported: OrderExport;
  readonly format: ExportFormat;
  readonly language: Language;
  readonly say: Say;
  readonly facts: readonly (readonly [string, string])[];
}

export class Exporting {
  progress = $state.raw<Progress | null>(null);
  made = $state.raw<Made | null>(null);
  error = $state.raw<unknown>(null);
  busy = $state(false);
  cancelled = $state(false);

  async make(
    orderId: MessageId,
    order: OrderFacts,
    format: ExportFormat,
    language: Language,
    unitId: UnitId | null,
  ): Promise<void> {
    this.reset();
    this.busy = true;
    const stop = onCoreEvent((event) => {
      if (event.type === "order_export" && event.orderId === orderId)
        this.progress = { done: event.done, total: event.total };
    });
    try {
      const say = await textsIn(language);
      const by = nameIn(language, app.me?.names ?? null);
      const facts = factsOf(order, language, say, { ms: Date.now(), by });
      const words = exportWords(order, language, say, directory.current, facts);
      const exported = await core().overseeing.exportOrder(orderId, format, words, unitId);
      this.made = { exported, format, language, say, facts };
    } catch (error) {
      if (coreError(error).code === "cancelled") this.cancelled = true;
      else this.error = error;
    } finally {
      stop();
      this.busy = false;
      this.progress = null;
    }
  }

  cancel(): void {
    void core()
      .overseeing.cancelExport()
      .catch(() => undefined);
  }

  reset(): void {
    this.made = null;
    this.error = null;
    this.cancelled = false;
    this.progress = null;
  }
}
