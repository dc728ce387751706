/** The calls of core.ts about orders. */
import type { Core } from "../core.ts";
import type { Issuing, OrderDraft, OrderPage, OrderView } from "../seam.ts";
import type { ConversationId, MessageId } from "../ids.ts";
import type { Reach } from "./reach.ts";

export class OrderCalls {
  readonly #reach: Reach;

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  async orders({ box, text, after }: Parameters<Core["orders"]>[0]): Promise<OrderPage> {
    const { orders } = await this.#reach.device();
    return orders.page(box, text ?? "", after ?? null);
  }

  async order(orderId: MessageId, fresh = true): Promise<OrderView> {
    return (await this.#reach.device()).orders.order(orderId, fresh);
  }

  async acknowledge(
    orderId: MessageId,
    given: Parameters<Core["acknowledge"]>[1],
  ): Promise<OrderView> {
    return (await this.#reach.device()).orders.acknowledge(orderId, given);
  }

  async issuing(conversationId: ConversationId | null): Promise<Issuing> {
    return (await this.#reach.device()).orders.issuing(conversationId);
  }

  async drafts(): Promise<readonly OrderDraft[]> {
    const { orderDrafts, outgoing } = await this.#reach.device();
    const all = await orderDrafts.all();
    return all.filter(({ draftId }) => (outgoing.find(draftId)?.stage ?? "failed") === "failed");
  }

  async draft(draftId: MessageId): Promise<OrderDraft> {
    return (await this.#reach.device()).orderDrafts.one(draftId);
  }

  async keepDraft(draft: OrderDraft): Promise<OrderDraft> {
    return (await this.#reach.device()).orderDrafts.keep(draft);
  }

  async dropDraft(draftId: MessageId): Promise<void> {
    await (await this.#reach.device()).orderDrafts.drop(draftId);
  }

  async dismissRefusal(orderId: MessageId): Promise<void> {
    await (await this.#reach.device()).orders.dismissRefusal(orderId);
  }
}
