/**
 * Orders and their changes, noted in the transaction of the message that says them: a crash leaves
 * both or neither.
 */
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { MessageId, PersonId } from "../ids.ts";
import type { Decoded } from "../kinds/content.ts";
import type { Change, Vault } from "../vault/vault.ts";
import { dropDraft } from "./drafts.ts";
import { ORDER_STORES, emptyOrder, isOwed, isUnfinished, issuerOf } from "./record.ts";
import type { ChangeFacts, OrderRecord } from "./record.ts";

/** An accepted message, as its header and the log say it. */
export interface NotedMessage extends Omit<ChangeFacts, "content"> {
  readonly content: Decoded;
}

export interface Noting {
  readonly vault: Vault;
  readonly self: PersonId;
  readonly nowMs: number;
  /** Called once it is stored. */
  readonly onNoted: (orderId: MessageId) => void;
}

export const OPEN = "open";
export const ISSUED = "issued";
/** Acknowledged, and not all is done that it asks for. */
export const UNFINISHED = "unfinished";
export const DONE = "done";

/** The group of the store that a row belongs to: orders with something to do are found without reading the rest. */
function groupOf(row: OrderRecord, self: PersonId, nowMs: number): string {
  if (issuerOf(row) === self) return ISSUED;
  if (isOwed(row, self, nowMs)) return OPEN;
  return isUnfinished(row, self, nowMs) ? UNFINISHED : DONE;
}

export function putOrder(row: OrderRecord, self: PersonId, nowMs: number): Change {
  const { orderId: key, issuedMs: order } = row;
  const group = groupOf(row, self, nowMs);
  return { op: "put", store: ORDER_STORES.orders, key, group, order, value: row };
}

function overlaid(orderId: MessageId): string {
  return `${ORDER_STORES.orders}/${orderId}`;
}

/** The row as `work` has it, or as it is stored. */
export async function rowIn(
  vault: Vault,
  work: UnitOfWork,
  orderId: MessageId,
): Promise<OrderRecord | null> {
  const written = work.overlay.get(overlaid(orderId)) as OrderRecord | undefined;
  return written ?? (await vault.get<OrderRecord>(ORDER_STORES.orders, orderId));
}

/** Change a row, in a conversation's transaction. */
export async function changeOrder(
  noting: Noting,
  work: UnitOfWork,
  orderId: MessageId,
  change: (row: OrderRecord | null) => OrderRecord | null,
): Promise<void> {
  const before = await rowIn(noting.vault, work, orderId);
  const row = change(before);
  if (row === null || row === before) return;
  work.overlay.set(overlaid(orderId), row);
  work.changes.push(putOrder(row, noting.self, noting.nowMs));
  work.afterwards.push(() => noting.onNoted(orderId));
}

/** Note what an accepted message says about orders. */
export async function noteOrder(
  noting: Noting,
  work: UnitOfWork,
  message: NotedMessage,
): Promise<void> {
  const { content, messageId } = message;
  const { conversationId } = work.record;
  if (content.kind === "order") {
    // An order that went out is no draft any more; a refused one still is.
    if (message.personId === noting.self) work.changes.push(...dropDraft(messageId));
    await changeOrder(noting, work, messageId, (row) => {
      const { seq, sentMs, personId: issuerId, headerHash } = message;
      // A message elsewhere, or of somebody else, that took this order's id changes nothing.
      const known = row?.facts ?? null;
      if (row !== null && row.conversationId !== conversationId) return row;
      if (known !== null && (known.issuerId !== issuerId || known.seq >= seq)) return row;
      const facts = { seq, issuerId, headerHash, content };
      return { ...(row ?? emptyOrder(messageId, conversationId)), issuedMs: sentMs, facts };
    });
  } else if (content.kind === "order_change") {
    await changeOrder(noting, work, content.orderId, (row) => {
      const known = row ?? emptyOrder(content.orderId, conversationId);
      if (known.conversationId !== conversationId) return row;
      if (known.changes.some((one) => one.messageId === messageId)) return row;
      const { seq, sentMs, personId, rights, headerHash } = message;
      const change = { messageId, seq, sentMs, personId, rights, headerHash, content };
      const changes = [...known.changes, change];
      return { ...known, changes: changes.sort((a, b) => a.seq - b.seq) };
    });
  }
}
