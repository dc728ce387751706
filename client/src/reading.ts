/** Reading and receipts: what changes when somebody, here or elsewhere, has come further. */
import { Work } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import type { DeviceContext } from "./context.ts";
import { counts, decodedOf, loadMessage, mentions, messagesAbove } from "./messages.ts";
import { floors, withReceipts } from "./receipts.ts";
import type { Receipt } from "./wire.ts";

/** At most so many messages are told anew when receipts come in. */
const TOLD = 200;

/** This person has read up to a seq, on this device or another. Inside the queue. */
export async function readUpTo(
  context: DeviceContext,
  conversation: Conversation,
  seq: number,
): Promise<boolean> {
  const { record } = conversation;
  if (seq <= record.readSeq) return false;
  const { personId } = context.account();
  const work = new Work(conversation);
  let unread = 0;
  let mentioned = false;
  const newest = record.last?.seq ?? 0;
  if (record.unread > 0 && seq < Math.max(newest, record.cursor)) {
    const later = await messagesAbove(context.vault, conversation.id, seq, 1_000);
    for (const message of later) {
      if (message.seq === null || message.mine || message.notice !== null) continue;
      const content = decodedOf(message);
      if (!counts(content)) continue;
      unread++;
      mentioned ||= mentions(content, personId);
    }
  }
  work.set({ readSeq: seq, unread, mentioned });
  await conversation.store(work);
  return true;
}

/** Receipts of a conversation's members. Inside the queue. */
export async function applyReceipts(
  context: DeviceContext,
  conversation: Conversation,
  receipts: readonly Receipt[],
): Promise<void> {
  const { personId } = context.account();
  const own = receipts.find((receipt) => receipt.personId === personId);
  if (own !== undefined) await readUpTo(context, conversation, own.readSeq);
  const before = conversation.members;
  const members = withReceipts(before, receipts);
  if (members === before) return;
  const work = new Work(conversation);
  work.members = members;
  const [was, is] = [floors(before, personId), floors(members, personId)];
  const from = Math.min(was.delivered, was.read);
  if (Math.max(is.delivered, is.read) > from) {
    const told = await messagesAbove(context.vault, conversation.id, from, TOLD);
    work.messages.push(...told.filter(({ mine, seq }) => mine && seq !== null));
  }
  // The list shows the newest message's ticks.
  if (work.record.last?.mine === true) work.set({});
  await conversation.store(work);
}

/** The seq of a message, for marking it read; null for what is not in the log. */
export async function seqOf(
  context: DeviceContext,
  conversationId: string,
  messageId: string,
): Promise<number | null> {
  const message = await loadMessage(context.vault, conversationId, messageId);
  return message?.seq ?? null;
}
