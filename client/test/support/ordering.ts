/** Orders in a group of real cores: issued, owed, acknowledged. */
import { blankOrder, type OrderView, type OutgoingOrder } from "#core/core.ts";
import type { ConversationId, MessageId } from "#core/ids.ts";
import type { Officer } from "./officer.ts";

export const PLAIN: OutgoingOrder = {
  ...blankOrder("en"),
  title: "Bandobast at Charminar",
  text: "Report at 06:00.",
  reference: "CP/HYD/114/2026",
  priority: "urgent",
};

export async function group(admin: Officer, others: readonly Officer[]): Promise<ConversationId> {
  const personIds = others.map(({ person }) => person);
  const { conversationId } = await admin.core.conversations.createGroup({
    ...{ title: "Charminar PS", personIds, photo: null },
    ...{ whoMaySend: "everyone", history: "none" },
  });
  await Promise.all([admin, ...others].map((officer) => officer.ready(conversationId)));
  return conversationId;
}

export async function issue(
  issuer: Officer,
  id: ConversationId,
  change: Partial<OutgoingOrder> = {},
): Promise<MessageId> {
  const sent = await issuer.core.messages.send(id, { ...PLAIN, ...change }, null);
  await issuer.until("issued", async () => (await listed(issuer, "issued"))[0]?.seq);
  return sent.messageId;
}

export async function listed(officer: Officer, box: "open" | "issued" | "all") {
  return (await officer.core.orders.page({ box })).orders;
}

/** The order as this device has it, without asking the server. */
export async function held(officer: Officer, orderId: MessageId): Promise<OrderView | null> {
  return (await listed(officer, "all")).find((one) => one.orderId === orderId) ?? null;
}

export function owed(officer: Officer, orderId: MessageId): Promise<OrderView> {
  return officer.until("owes it", async () => {
    const order = await held(officer, orderId);
    return order?.owed === true ? order : null;
  });
}

export function settled(officer: Officer, orderId: MessageId): Promise<OrderView> {
  return officer.until("it counts", async () => {
    const order = await held(officer, orderId);
    return order !== null && order.sending === null && order.acknowledgement !== null
      ? order
      : null;
  });
}
