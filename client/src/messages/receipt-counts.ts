/** How many have a message of ours, in conversations of too many people for receipts. */
import type { Conversation } from "../conversation/conversation.ts";
import { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import type { ReceiptTotals } from "../seam.ts";
import { hasCode } from "../failure.ts";
import { loadMessage } from "../conversation/messages.ts";
import { STORES, type MessageRecord } from "../records.ts";
import type { ReceiptCount } from "../wire.ts";

/** A screen that follows a message asks no more often. */
const ASK_AGAIN_MS = 5_000;
const MOST_ASKED = 1_000;
/** Notices stand between the messages: so much lies around each seq. */
const NEAR = { limit: 4, within: 0.5 };

/** Keep counts with their messages. Inside the queue. */
export async function applyCounts(
  context: DeviceContext,
  conversation: Conversation,
  counts: readonly ReceiptCount[],
): Promise<void> {
  const work = new UnitOfWork(conversation);
  for (const { seq, people, phones, delivered, read } of counts) {
    const found = await context.vault.page<MessageRecord>({
      store: STORES.messages,
      group: conversation.id,
      above: seq - NEAR.within,
      below: seq + NEAR.within,
      limit: NEAR.limit,
      descending: false,
    });
    const message = found.find((one) => one.seq === seq && one.mine && one.notice === null);
    if (message === undefined) continue;
    const totals: ReceiptTotals = { people, phones, delivered, read };
    if (JSON.stringify(totals) !== JSON.stringify(message.counts))
      work.put({ ...message, counts: totals });
  }
  if (work.messages.length > 0) await conversation.store(work);
}

/** Ask for the counts of our newest messages here, or of the one with this seq. */
export async function askCounts(
  context: DeviceContext,
  conversation: Conversation,
  seq: number | null,
): Promise<void> {
  const { counts } = await context.api.receipts(conversation.id, { seq });
  await conversation.run(() => applyCounts(context, conversation, counts));
}

/** How many have a message; without network as far as was heard. */
export async function countsOf(
  context: DeviceContext,
  conversation: Conversation,
  { messageId, seq }: MessageRecord,
): Promise<ReceiptTotals | null> {
  const asked = conversation.countsAskedMs;
  try {
    if (seq !== null && context.now() - (asked.get(seq) ?? -Infinity) > ASK_AGAIN_MS) {
      if (asked.size > MOST_ASKED) asked.clear();
      asked.set(seq, context.now());
      await askCounts(context, conversation, seq);
    }
  } catch (error) {
    if (!hasCode(error, "network", "overloaded", "not_member", "not_found")) throw error;
  }
  return (await loadMessage(context.vault, conversation.id, messageId))?.counts ?? null;
}
