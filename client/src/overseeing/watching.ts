/**
 * The order that this device watches. The device subscribes again after each `ready`, and merges the
 * server's differences into the counts that it has, so that a screen always gets whole counts.
 *
 * Invariants: one order at a time, as the server has it; a frame about another one, or of the wrong
 * shape, changes nothing. A new connection begins with all counts, so nothing of the old one is kept.
 */
import type { MessageId, UnitId } from "../ids.ts";
import type { CoreEvent } from "../seam.ts";
import type { OrderProgressView } from "../seam/overseeing.ts";
import type { OrderProgressFrame, WatchOrder } from "../wire.ts";
import { merged, readProgress } from "./counts.ts";

export interface WatchingOptions {
  /** False: there is no connection, and the next `ready` brings {@link Watching.reconnected}. */
  readonly send: (frame: WatchOrder) => boolean;
  readonly emit: (event: CoreEvent) => void;
}

export class Watching {
  readonly #options: WatchingOptions;
  #orderId: MessageId | null = null;
  #unitId: UnitId | null = null;
  #known: OrderProgressView | null = null;

  constructor(options: WatchingOptions) {
    this.#options = options;
  }

  watch(orderId: MessageId | null, unitId: UnitId | null): void {
    const same = orderId === this.#orderId && unitId === this.#unitId;
    if (same) {
      // A screen that opens again is shown what is known; the differences continue.
      if (this.#known !== null) this.#tell(this.#known);
      return;
    }
    this.#orderId = orderId;
    this.#unitId = orderId === null ? null : unitId;
    this.#known = null;
    this.#send();
  }

  reconnected(): void {
    this.#known = null;
    if (this.#orderId !== null) this.#send();
  }

  takeProgress(frame: OrderProgressFrame): void {
    if (this.#orderId === null || frame.orderId !== this.#orderId) return;
    if (frame.unitId !== this.#unitId) return;
    const next = readProgress(frame);
    if (next === null) return;
    const known = merged(this.#known, next);
    if (known === this.#known) return;
    this.#known = known;
    this.#tell(known);
  }

  #send(): void {
    this.#options.send({ t: "watch_order", orderId: this.#orderId, unitId: this.#unitId });
  }

  #tell(progress: OrderProgressView): void {
    this.#options.emit({ type: "order_counts", progress });
  }
}
