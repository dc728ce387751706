/**
 * Judges messages by the rights that their senders' signed leaves bear. Every received message
 * passes here before anything else is done with its content, so that nothing later can take it for more:
 * an order without the right to issue it is a plain message (O3), and a mention of everybody, of a rank or
 * of a post in all units is plain words without the right to it (M5). The server writes these rights
 * into the leaves (src/copconnect/orders/issuing.py).
 */
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import { withoutCallsToMany } from "../kinds/called.ts";
import { decodeContent, encodeContent, type Content, type Decoded } from "../kinds/content.ts";
import { MAX_TEXT } from "../kinds/fields.ts";
import type { OrderChangeContent } from "../kinds/order-change.ts";
import type { OrderContent } from "../kinds/order.ts";
import { textsOf } from "../kinds/wording.ts";
import { mayAdminister, mayIssue, type Leaf } from "../keys/roster/leaf.ts";
import { EVERYBODY_DEVICES } from "../limits.ts";
import { equalBytes } from "../octets.ts";
import type { MessageRecord } from "../records.ts";
import type { MessageId } from "../ids.ts";
import { loadMessage } from "../conversation/messages.ts";
import type { Vault } from "../vault/vault.ts";
import { rowIn } from "./noting.ts";
import { mayChange } from "./record.ts";

/** A message's content as it counts. `notOrder`: it was written as an order, or as a change of one. */
export interface Rightful {
  readonly content: Decoded;
  /** The content as its sender wrote it. */
  readonly written: Decoded;
  /** The content as it is stored. */
  readonly bytes: Uint8Array;
  readonly notOrder: boolean;
}

export async function rightful(
  vault: Vault,
  work: UnitOfWork,
  bytes: Uint8Array,
  leaf: Leaf,
  devices: number,
): Promise<Rightful> {
  const written = decodeContent(bytes);
  const content = mayCallMany(leaf, devices) ? written : withoutCallsToMany(written);
  const counts =
    content.kind === "order"
      ? mayIssue(leaf, content.priority)
      : content.kind !== "order_change" || (await changes(vault, work, content, leaf));
  if (counts || (content.kind !== "order" && content.kind !== "order_change"))
    return { content, written, bytes: reencoded(written, content, bytes), notOrder: false };
  const instead = plain(content);
  return { content: instead, written, bytes: encodeContent(instead), notOrder: true };
}

function mayCallMany(leaf: Leaf, devices: number): boolean {
  return mayAdminister(leaf) || devices <= EVERYBODY_DEVICES;
}

/** The bytes of `content`, into which `written` was changed. */
function reencoded(written: Decoded, content: Decoded, bytes: Uint8Array): Uint8Array {
  return content === written || content.kind === "unsupported" ? bytes : encodeContent(content);
}

/**
 * Whether a message says what is held under its id. A right may have begun or ended between the two:
 * then the plain words are compared.
 */
export function saysTheSame(
  held: Pick<MessageRecord, "content" | "notOrder">,
  { bytes, notOrder }: Rightful,
): boolean {
  if (held.content === null) return true;
  if ((held.notOrder === true) === notOrder) return equalBytes(toFew(held.content), toFew(bytes));
  return equalBytes(plainBytes(held.content), plainBytes(bytes));
}

function toFew(bytes: Uint8Array): Uint8Array {
  const content = decodeContent(bytes);
  return reencoded(content, withoutCallsToMany(content), bytes);
}

function plainBytes(bytes: Uint8Array): Uint8Array {
  const content = decodeContent(bytes);
  const order = content.kind === "order" || content.kind === "order_change";
  return order ? encodeContent(plain(content)) : bytes;
}

/** A change before its order, where the log is read backwards, is judged by {@link judgeEarlier}. */
async function changes(
  vault: Vault,
  work: UnitOfWork,
  content: OrderChangeContent,
  { person: personId, rights }: Leaf,
): Promise<boolean> {
  const row = await rowIn(vault, work, content.orderId);
  return row?.facts == null || mayChange(row, { personId, rights, content });
}

/**
 * An order is noted: changes that were read before it and do not count with it are plain messages from
 * now on. `known`: messages of this transaction.
 */
export async function judgeEarlier(
  vault: Vault,
  work: UnitOfWork,
  known: Map<MessageId, MessageRecord>,
  orderId: MessageId,
): Promise<void> {
  const row = await rowIn(vault, work, orderId);
  const { conversationId } = work.record;
  if (row?.facts == null || row.conversationId !== conversationId) return;
  for (const change of row.changes) {
    if (mayChange(row, change)) continue;
    const { messageId } = change;
    const held = known.get(messageId) ?? (await loadMessage(vault, conversationId, messageId));
    if (held === null || held.notOrder === true) continue;
    const content = encodeContent(plain(change.content));
    const message: MessageRecord = { ...held, content, notOrder: true };
    work.put(message);
    known.set(messageId, message);
  }
}

/** The words of an order that is none, or of a change, as a plain message. */
export function plain(content: OrderContent | OrderChangeContent): Content {
  const { reference, attachments } = content;
  const reason = content.kind === "order_change" ? content.reason : "";
  const parts = [...textsOf(content), reference, reason].filter((one) => one !== "");
  const said = {
    text: parts.join("\n").slice(0, MAX_TEXT),
    mentions: [],
    replyTo: null,
    forwards: 0,
  };
  return attachments.length === 0
    ? { kind: "text", ...said }
    : { kind: "attachments", ...said, attachments, evidence: null };
}
