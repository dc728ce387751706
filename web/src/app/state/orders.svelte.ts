/**
 * Orders, kept in step with the core's events: the ones on which this person has something to do, for the badge, and
 * the ones that a screen has asked for, so that list, page and conversation show the same.
 */
import type { OrderView } from "@copconnect/client/core";
import type { MessageId } from "@copconnect/client/wire";
import { SvelteMap } from "svelte/reactivity";
import { core } from "../core.ts";
import { onCoreEvent } from "./app.svelte.ts";
import { clock } from "./clock.svelte.ts";

const items = new SvelteMap<MessageId, OrderView>();

/** Whether an order is owed at a time. The core's event says whether it was owed then. */
export function isOwed(order: OrderView, nowMs: number): boolean {
  return order.owed && (order.validUntilMs === null || order.validUntilMs >= nowMs);
}

const RANK = { flash: 0, urgent: 1, routine: 2 } as const;

/** Whether it was acknowledged, and something that it asks for is still to be done. */
export function isUnfinished(order: OrderView, nowMs: number): boolean {
  return order.unfinished && (order.validUntilMs === null || order.validUntilMs >= nowMs);
}

function sorted(orders: readonly OrderView[]): readonly OrderView[] {
  return orders.toSorted((a, b) => RANK[a.priority] - RANK[b.priority] || b.issuedMs - a.issuedMs);
}

const owed = $derived(sorted([...items.values()].filter((one) => isOwed(one, clock.now))));
const unfinished = $derived(
  sorted([...items.values()].filter((one) => isUnfinished(one, clock.now))),
);

export const orders = {
  /** Flash orders first, then the newest: the orders that this person owes, then the unfinished ones. */
  get open(): readonly OrderView[] {
    return [...owed, ...unfinished];
  },
  get owed(): number {
    return owed.length;
  },
  get(orderId: MessageId): OrderView | undefined {
    return items.get(orderId);
  },
};

export function adoptOrder(order: OrderView): void {
  items.set(order.orderId, order);
}

/** Have the core's view of an order here. Rejects where this device does not know it. */
export async function loadOrder(orderId: MessageId, fresh: boolean): Promise<void> {
  adoptOrder(await core().orders.get(orderId, fresh));
}

async function loadOpen(): Promise<void> {
  let after: string | null = null;
  do {
    const page = await core().orders.page({ box: "open", after });
    for (const order of page.orders) adoptOrder(order);
    after = page.next;
  } while (after !== null);
}

export function followOrders(): () => void {
  const stop = onCoreEvent((event) => {
    if (event.type === "order") adoptOrder(event.order);
  });
  // Read from this device's storage: it is there, or the app says so elsewhere.
  void loadOpen().catch(() => undefined);
  return () => {
    stop();
    items.clear();
  };
}
