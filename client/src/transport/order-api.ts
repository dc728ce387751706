/** The server's routes of orders, typed (docs/protocol.md, "Routes"). One method for each; no state. */
import type { MessageId } from "../ids.ts";
import type * as wire from "../wire.ts";
import type { Http } from "./http.ts";

export type OrderBox = "open" | "issued" | "all";

export class OrderApi {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Newest first; `after`: the page before's `next`. */
  list(box: OrderBox, after: string | null): Promise<wire.Orders> {
    const search = new URLSearchParams({ box, ...(after === null ? {} : { after }) });
    return this.#http.call({ method: "GET", path: `/v1/orders?${search.toString()}` });
  }

  order(orderId: MessageId): Promise<wire.Order> {
    return this.#http.call({ method: "GET", path: `/v1/orders/${orderId}` });
  }

  acknowledge(
    orderId: MessageId,
    body: wire.PostAcknowledgements,
  ): Promise<wire.AcknowledgementOutcomes> {
    const path = `/v1/orders/${orderId}/acknowledgements`;
    return this.#http.call({ method: "POST", path, body });
  }
}
