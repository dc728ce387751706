/**
 * The priorities of which this person may issue orders somewhere: whether "New order" is offered. Only
 * for offering: the server judges each order.
 */
import type { OrderPriority } from "@copconnect/client/wire";
import { core } from "../core.ts";

/** Null: not known yet. */
let anywhere = $state.raw<readonly OrderPriority[] | null>(null);

export const issuing = {
  get anywhere(): readonly OrderPriority[] | null {
    return anywhere;
  },
  get any(): boolean {
    return (anywhere ?? []).length > 0;
  },
  /** Ask again: a transfer may have changed it. */
  load(): void {
    core()
      .orders.issuing(null)
      .then(
        (found) => (anywhere = found.anywhere),
        // Without an answer nothing is offered.
        () => undefined,
      );
  },
};
