/** Reading and receipts: what changes when somebody, here or elsewhere, has come further. */
import type { ConversationId, MessageId } from "../ids.ts";
import { calledPerson } from "../conversation/called-people.ts";
import { isUnread } from "../conversation/record.ts";
import { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { callOf } from "../kinds/called.ts";
import { isShown } from "../kinds/content.ts";
import { decodedOf, loadMessage, messagesAbove } from "../conversation/messages.ts";
import { lowestMoved, withReceipts, withVersion } from "./receipts.ts";
import type { MembersRecord } from "../records.ts";
import type { Receipts } from "../wire.ts";

/** When a cursor advances, the screens get at most this many of the newest messages again. */
const TOLD = 200;

/** This person has read up to a seq, on this device or another. Inside the queue. */
export async function readUpTo(
  context: DeviceContext,
  conversation: Conversation,
  seq: number,
): Promise<boolean> {
  const { record } = conversation;
  if (seq <= record.readSeq) return false;
  const { personId } = context.identity();
  const work = new UnitOfWork(conversation);
  let unread = 0;
  let mentions = 0;
  const reader = await calledPerson(context, personId);
  const newest = record.last?.seq ?? 0;
  if (record.unread > 0 && seq < Math.max(newest, record.log?.cursor ?? 0)) {
    const later = await messagesAbove(context.vault, conversation.id, seq, 1_000);
    for (const message of later) {
      const { seq: at, sentMs, mine, notice } = message;
      if (at === null || mine || notice !== null) continue;
      if (!isUnread({ ...record, readSeq: seq }, { seq: at, sentMs })) continue;
      const content = decodedOf(message);
      if (!isShown(content)) continue;
      unread++;
      mentions += Number(callOf(content, reader) !== null);
    }
  }
  work.set({ readSeq: seq, unread, mentions });
  await conversation.store(work);
  return true;
}

/**
 * This person has a message before their eyes on this device, and all that is above it: also
 * messages that waited for their key, when they are shown above a message read before. Inside the
 * queue.
 */
export async function readHere(
  context: DeviceContext,
  conversation: Conversation,
  seq: number,
): Promise<boolean> {
  if (await readUpTo(context, conversation, seq)) return true;
  const { unread, last } = conversation.record;
  if (unread > 0 && seq >= (last?.seq ?? 0)) {
    const work = new UnitOfWork(conversation);
    work.set({ unread: 0, mentions: 0 });
    await conversation.store(work);
  }
  return false;
}

/** Receipts of a conversation's members. Inside the queue. */
export async function applyReceipts(
  context: DeviceContext,
  conversation: Conversation,
  { receipts, receiptsVersion }: Receipts,
): Promise<void> {
  const { personId } = context.identity();
  const own = receipts.find((receipt) => receipt.personId === personId);
  if (own !== undefined) await readUpTo(context, conversation, own.readSeq);
  const members = withVersion(
    withReceipts(conversation.members, receipts),
    conversation.earlyReceipts,
    receiptsVersion,
  );
  if (members === conversation.members) return;
  const work = new UnitOfWork(conversation);
  await putMembers(context, work, members);
  await conversation.store(work);
}

/** Put members into `work`, with the messages of one's own whose ticks they may change. */
export async function putMembers(
  context: DeviceContext,
  work: UnitOfWork,
  members: MembersRecord,
): Promise<void> {
  const from = lowestMoved(work.members, members);
  work.members = members;
  if (from < Infinity) {
    const told = await messagesAbove(context.vault, work.record.conversationId, from, TOLD);
    work.messages.push(...told.filter(({ mine, seq }) => mine && seq !== null));
  }
  // The list shows the newest message's ticks.
  if (work.record.last?.mine === true) work.set({});
}

/** The seq of a message, for marking it read; null for what is not in the log. */
export async function seqOf(
  context: DeviceContext,
  conversationId: ConversationId,
  messageId: MessageId,
): Promise<number | null> {
  const message = await loadMessage(context.vault, conversationId, messageId);
  return message?.seq ?? null;
}
