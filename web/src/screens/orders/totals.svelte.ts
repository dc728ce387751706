/** The counts of some orders, asked for again while the page is looked at. */
import type { OrderCounts, OrderTotalView } from "@copconnect/client/core";
import type { MessageId } from "@copconnect/client/wire";
import { core } from "#app/core.ts";
import { app } from "#app/state/app.svelte.ts";

const AGAIN_MS = 5_000;

export class Totals {
  readonly #orderIds: readonly MessageId[];
  /** Null: not known yet. */
  value = $state.raw<readonly OrderTotalView[] | null>(null);
  error = $state.raw<unknown>(null);

  constructor(orderIds: readonly MessageId[]) {
    this.#orderIds = orderIds;
  }

  of(orderId: MessageId): OrderCounts | null {
    return this.value?.find((one) => one.orderId === orderId)?.total ?? null;
  }

  async load(): Promise<void> {
    try {
      this.value = await core().overseeing.totals(this.#orderIds);
      this.error = null;
    } catch (error) {
      this.error = error;
    }
  }

  /** Returns how to stop. */
  follow(): () => void {
    void this.load();
    const timer = setInterval(() => {
      const looked = document.visibilityState === "visible";
      if (looked && app.state?.connection === "online") void this.load();
    }, AGAIN_MS);
    return () => clearInterval(timer);
  }
}
