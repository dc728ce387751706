/** The server's routes of orders, typed (docs/protocol.md, "Routes"). One method for each; no state. */
import type { ConversationId, MessageId, UnitId } from "../ids.ts";
import type * as wire from "../wire.ts";
import type { Http } from "./http.ts";
import { given, query, type Query } from "./query.ts";

export type OrderBox = "open" | "issued" | "all";

/** Records and what is signed about 500 people, over a slow network. */
const RECORDS_TIMEOUT_MS = 60_000;

export interface PeopleAsked {
  readonly unit?: UnitId | undefined;
  readonly state?: wire.OrderState | undefined;
  readonly choice?: number | undefined;
  readonly text?: string | undefined;
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

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

  /** The priorities that this person may use: anywhere, and in a conversation where one is named. */
  issuing(conversationId: ConversationId | null): Promise<wire.Issuing> {
    const asked = query({ conversation: conversationId ?? undefined });
    return this.#http.call({ method: "GET", path: `/v1/issuing${asked}` });
  }

  /** The units to each of which this person may issue orders without belonging to its chat. */
  units(): Promise<wire.IssuableUnits> {
    return this.#http.call({ method: "GET", path: "/v1/issuing/units" });
  }

  /** The conversation for this person's orders to a unit. */
  openUnit(unitId: UnitId): Promise<wire.Conversation> {
    const path = `/v1/units/${encodeURIComponent(unitId)}/orders`;
    return this.#http.call({ method: "PUT", path, body: {} });
  }

  /** Counts of this person's own orders. */
  totals(body: wire.CountOrders): Promise<wire.OrderTotals> {
    return this.#http.call({ method: "POST", path: "/v1/orders/totals", body });
  }

  acknowledge(
    orderId: MessageId,
    body: wire.PostAcknowledgements,
  ): Promise<wire.AcknowledgementOutcomes> {
    const path = `/v1/orders/${orderId}/acknowledgements`;
    return this.#http.call({ method: "POST", path, body });
  }

  // For overseers.

  /** Counts of a unit and of the units below it; null: of everybody. */
  progress(orderId: MessageId, unitId: UnitId | null): Promise<wire.OrderProgress> {
    return this.#get(orderId, "progress", { unit: unitId ?? undefined });
  }

  people(orderId: MessageId, asked: PeopleAsked): Promise<wire.OrderPeople> {
    const body: wire.Search = { asked: given({ ...asked }) };
    return this.#http.call({ method: "POST", path: `/v1/orders/${orderId}/people/searches`, body });
  }

  /**
   * The records that count, with all that is signed about their people and signers; "answered": those
   * with a sealed answer alone.
   */
  records(
    orderId: MessageId,
    after: string,
    which: "all" | "answered",
  ): Promise<wire.OrderRecords> {
    const asked = {
      after,
      trust: true,
      answered: which === "answered" ? true : undefined,
    };
    return this.#get(orderId, "acknowledgements", asked, RECORDS_TIMEOUT_MS);
  }

  curve(orderId: MessageId): Promise<wire.OrderCurve> {
    return this.#get(orderId, "curve", {});
  }

  #get<T>(orderId: MessageId, what: string, asked: Query, timeoutMs?: number): Promise<T> {
    const path = `/v1/orders/${orderId}/${what}${query(asked)}`;
    const timeout = timeoutMs === undefined ? {} : { timeoutMs };
    return this.#http.call<T>({ method: "GET", path, ...timeout });
  }
}
