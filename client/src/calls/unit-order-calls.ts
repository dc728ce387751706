/**
 * An order to units below this person's: one in the conversation for orders of each.
 *
 * Invariants: nothing is queued unless every conversation is open to it; ids are made of the draft's, so that
 * a repeated call queues what is missing and nothing twice; files are sealed and sent up once, with the
 * first order, and shared with the others.
 */
import type { ConversationItem, OrderDraft } from "../seam.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { failure } from "../failure.ts";
import type { ConversationId, MessageId, UnitId } from "../ids.ts";
import type { OrderContent } from "../kinds/order.ts";
import { ORDER_UNITS } from "../limits.ts";
import { loadMessage } from "../conversation/messages.ts";
import { seriesOrderId } from "../orders/record.ts";
import { compose, outgoingRecord, queuedMessage } from "../outbox/compose.ts";
import type { Prepared } from "../attachments/attachments.ts";
import type { IssuableUnit } from "../wire.ts";
import { adopt } from "./conversation-calls.ts";
import type { Device } from "./device.ts";
import { orderable, writable, type DeviceAccess } from "./reach.ts";

/** One order that is to be queued. */
interface QueuedOrder {
  readonly conversation: Conversation;
  readonly messageId: MessageId;
  readonly series: OrderContent["series"];
}

export class UnitOrderCalls {
  readonly #reach: DeviceAccess;

  constructor(reach: DeviceAccess) {
    this.#reach = reach;
  }

  /** The units to each of which this person may issue an order without belonging to its chat. */
  async units(): Promise<readonly IssuableUnit[]> {
    const { api } = (await this.#reach.device()).context;
    return (await api.issuableUnits()).units;
  }

  /** The conversations for this person's orders to these units. Rejects with `may_not_issue`. */
  async open(unitIds: readonly UnitId[]): Promise<readonly ConversationItem[]> {
    requireFew(unitIds.length);
    const device = await this.#reach.device();
    const { api } = device.context;
    const items: ConversationItem[] = [];
    for (const unitId of unitIds) items.push(await adopt(device, await api.openUnitOrders(unitId)));
    return items;
  }

  /**
   * docs/walks/order.md follows an order from here.
   * Issue a draft's order in each of these conversations, as one series. Queues and returns at once, as `send`;
   * rejects before anything is queued where one is closed. A repeated call sends nothing twice.
   */
  async issue(draft: OrderDraft, conversationIds: readonly ConversationId[]): Promise<void> {
    requireFew(conversationIds.length);
    const device = await this.#reach.device();
    const { draftId, order } = draft;
    const open = order.priority === "flash" ? orderable : writable;
    const of = conversationIds.length;
    const parts = conversationIds.map((id, at): QueuedOrder => {
      const conversation = open(this.#reach, device.find(id));
      if (!conversation.record.admin) throw failure("may_not_send");
      return of === 1
        ? { conversation, messageId: draftId, series: null }
        : { conversation, messageId: seriesOrderId(draftId, at), series: { id: draftId, at, of } };
    });
    await this.#enqueue(device, parts, draft);
    await device.orderDrafts.drop(draftId);
  }

  async #enqueue(device: Device, parts: readonly QueuedOrder[], draft: OrderDraft): Promise<void> {
    const missing: QueuedOrder[] = [];
    for (const part of parts) if (!(await this.#isQueued(device, part))) missing.push(part);
    const [first] = missing;
    if (first === undefined) return;
    const { content, files } = await compose(
      device.context,
      device.attachments,
      first.conversation,
      draft.order,
      null,
    );
    // Sound: the outcome of composing an order is an order.
    for (const part of missing)
      await this.#put(device, part, content as OrderContent, part === first ? files : [], draft);
  }

  /** A refused one is taken back, and goes out again. */
  async #isQueued(device: Device, { conversation, messageId }: QueuedOrder): Promise<boolean> {
    if (device.outgoing.find(messageId)?.stage === "failed")
      await device.outbox.cancel(conversation, messageId);
    return (await loadMessage(device.context.vault, conversation.id, messageId)) !== null;
  }

  async #put(
    device: Device,
    { conversation, messageId, series }: QueuedOrder,
    content: OrderContent,
    files: readonly Prepared[],
    { sendAtMs }: OrderDraft,
  ): Promise<void> {
    const { now, identity } = device.context;
    const stage = content.attachments.length > 0 ? "uploading" : "ready";
    const notBeforeMs = sendAtMs !== null && sendAtMs > now() ? sendAtMs : null;
    const queued = outgoingRecord(
      ...([conversation, messageId, device.outgoing.nextOrder(now())] as const),
      ...([{ ...content, series }, stage, notBeforeMs] as const),
    );
    const message = queuedMessage(queued, identity().personId, now());
    await device.preparing.atOnce(conversation, queued, message, files);
  }
}

function requireFew(count: number): void {
  if (count === 0 || count > ORDER_UNITS)
    throw failure("message_invalid", { details: { limit: ORDER_UNITS } });
}
