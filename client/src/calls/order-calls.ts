/** `core.orders`. */
import type {
  GivenAcknowledgement,
  Issuing,
  OrderBox,
  OrderDraft,
  OrderPage,
  OrderView,
  OutgoingAttachment,
} from "../seam.ts";
import type { ConversationId, MessageId } from "../ids.ts";
import { hasCode } from "../failure.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { OrderPriority } from "../wire.ts";
import type { Device } from "./device.ts";

const ISSUING = "orders_issuing";

export class OrderCalls {
  readonly #device: Device;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Orders that this device knows, newest first; every word of `text` is in them. */
  page({
    box,
    text,
    after,
  }: {
    readonly box: OrderBox;
    readonly text?: string;
    readonly after?: string | null;
  }): Promise<OrderPage> {
    return this.#device.orders.page(box, text ?? "", after ?? null);
  }

  /** One; `fresh`: as the server has it now where it can be reached. */
  get(orderId: MessageId, fresh = true): Promise<OrderView> {
    return this.#device.orders.order(orderId, fresh);
  }

  /**
   * Sign this person's acknowledgement and send it now or later. A second one replaces the first.
   * Rejects with `order_differs` where the server states another order than the issuer signed.
   */
  acknowledge(orderId: MessageId, given: GivenAcknowledgement): Promise<OrderView> {
    return this.#device.orders.acknowledge(orderId, given);
  }

  /** Send the photo that an acknowledged order asks for, now or when there is a network. */
  sendPhoto(orderId: MessageId, file: OutgoingAttachment): Promise<OrderView> {
    return this.#device.orders.sendPhoto(orderId, file);
  }

  /** The priorities that this person may use, in a conversation where one is named. */
  async issuing(conversationId: ConversationId | null): Promise<Issuing> {
    const { api, vault } = this.#device.context;
    try {
      const { here, anywhere } = await api.mayIssue({ conversation: conversationId });
      await vault.write([putMeta(ISSUING, anywhere)]);
      return { here: conversationId === null ? null : here, anywhere };
    } catch (error) {
      if (!hasCode(error, "network", "overloaded", "device_unconfirmed")) throw error;
      const known = await vault.get<readonly OrderPriority[]>(META, ISSUING);
      return { here: null, anywhere: known ?? [] };
    }
  }

  /**
   * Wake the people who owe it, as this person knows it (`remindedMs`): a repeat wakes nobody. Rejects
   * with `rate_limited` within REMIND_AGAIN_MS after another reminder.
   */
  async remind({
    orderId,
    remindedMs,
  }: Pick<OrderView, "orderId" | "remindedMs">): Promise<OrderView> {
    const { context, orders } = this.#device;
    await context.api.remindOfOrder(orderId, { remindedMs });
    return orders.order(orderId, true);
  }

  /** Drafts of orders that are on their way are not among them. */
  async drafts(): Promise<readonly OrderDraft[]> {
    const { orderDrafts, outgoing } = this.#device;
    const all = await orderDrafts.all();
    return all.filter(({ draftId }) => (outgoing.find(draftId)?.stage ?? "failed") === "failed");
  }

  draft(draftId: MessageId): Promise<OrderDraft> {
    return this.#device.orderDrafts.one(draftId);
  }

  /** Keep a draft as it is now. Files are kept up to 8 MiB together; `filesLost` says otherwise. */
  keepDraft(draft: OrderDraft): Promise<OrderDraft> {
    return this.#device.orderDrafts.keep(draft);
  }

  dropDraft(draftId: MessageId): Promise<void> {
    return this.#device.orderDrafts.drop(draftId);
  }

  /** The person has seen why the server did not count an acknowledgement. */
  dismissRefusal(orderId: MessageId): Promise<void> {
    return this.#device.orders.dismissRefusal(orderId);
  }
}
