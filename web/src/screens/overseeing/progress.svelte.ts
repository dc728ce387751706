/**
 * The counts of an order on screen: fetched once, then followed by differences. Numbers change in place;
 * a screen reader announces the total at most every ten seconds.
 */
import type { OrderCounts, OrderProgressView } from "@copconnect/client/core";
import type { MessageId, UnitId } from "@copconnect/client/wire";
import { untrack } from "svelte";
import { core } from "#app/core.ts";
import { onCoreEvent } from "#app/state/app.svelte.ts";
import { Loading } from "#app/state/loading.svelte.ts";
import { formatNumber } from "#i18n/format.ts";
import { t } from "#i18n/index.svelte.ts";

const SAID_EVERY_MS = 10_000;

export class OrderProgress {
  readonly #loading = new Loading<OrderProgressView>();
  #live = $state.raw<OrderProgressView | null>(null);
  /** The total in words, for a screen reader. */
  said = $state("");
  #saidMs = 0;
  #next = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  get value(): OrderProgressView | null {
    return this.#live ?? this.#loading.value;
  }
  get error(): unknown {
    return this.value === null ? this.#loading.error : null;
  }
  get slow(): boolean {
    return this.#loading.slow;
  }

  load(orderId: MessageId, unitId: UnitId | null): void {
    void this.#loading.load(() => core().overseeing.progress(orderId, unitId));
  }

  /** Follow an order's unit; returns how to stop. */
  follow(orderId: MessageId, unitId: UnitId | null): () => void {
    // The total of the only unit below is the same: it stays on screen until that unit is read.
    const before = untrack(() => this.value);
    const only = before?.units.size === 1 && unitId !== null && before.units.has(unitId);
    this.#live = null;
    this.#loading.value = only && before.orderId === orderId ? before : null;
    const stop = onCoreEvent((event) => {
      if (event.type !== "order_counts") return;
      const { progress } = event;
      if (progress.orderId !== orderId || progress.unitId !== unitId) return;
      this.#live = progress;
      this.#say(progress.total);
    });
    this.load(orderId, unitId);
    // Without a connection the counts stay as they were fetched; the core tells the server later.
    void core()
      .overseeing.watch(orderId, unitId)
      .catch(() => undefined);
    return () => {
      stop();
      clearTimeout(this.#timer);
      this.#timer = undefined;
      void core()
        .overseeing.watch(null, null)
        .catch(() => undefined);
    };
  }

  #say({ acknowledged, owed }: OrderCounts): void {
    this.#next = t("orders.acknowledgedOf", {
      number: formatNumber(acknowledged),
      owed: formatNumber(owed),
    });
    // The newest total is said in the end, however fast the counts came.
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#saidMs = Date.now();
        this.said = this.#next;
      },
      Math.max(0, this.#saidMs + SAID_EVERY_MS - Date.now()),
    );
  }
}
