/** Replies to one message: noted beside its marks, so that the message says how many it has. */
import type { Conversation } from "../conversation/conversation.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import type { MessageId } from "../ids.ts";
import { replyOf } from "../kinds/content.ts";
import type { MessageRecord } from "../records.ts";
import { markedIn } from "./marks.ts";
import { decodedOf, storedMessages } from "./messages.ts";
import { NO_MARKS } from "./poll-count.ts";

/** Replies to one message that are noted. */
const MOST_REPLIES = 500;

/** Note a message of the log as a reply, if it is one. Safe to do again, also at another position. */
export async function noteReply(
  { vault }: Pick<DeviceContext, "vault">,
  conversation: Conversation,
  work: UnitOfWork,
  reply: MessageRecord,
): Promise<void> {
  const answered = answeredBy(reply);
  const { messageId, seq: position } = reply;
  if (answered === null || position === null) return;
  const before = (await conversation.marks.get(work, answered)) ?? {
    messageId: answered,
    ...NO_MARKS,
  };
  const others = before.replies.filter((one) => one.messageId !== messageId);
  if (others.length >= MOST_REPLIES) return;
  const marked = await markedIn(vault, conversation, work, answered);
  if (marked?.deletion !== undefined) return;
  const replies = [...others, { messageId, position }];
  conversation.marks.put(work, answered, { ...before, replies }, position);
  if (marked !== null) work.messages.push(marked);
}

/** The replies on this device, in the order of the log, and at their end those `queued`. */
export async function repliesTo(
  { vault }: Pick<DeviceContext, "vault">,
  queued: readonly MessageId[],
  conversation: Conversation,
  messageId: MessageId,
): Promise<readonly MessageRecord[]> {
  const marks = await conversation.marks.get(null, messageId);
  const ids = new Set([...(marks?.replies ?? []).map((one) => one.messageId), ...queued]);
  const found = await storedMessages(vault, conversation.id, [...ids]);
  return [...found.values()]
    .filter((one) => one.deletion !== undefined || answeredBy(one) === messageId)
    .sort((a, b) => a.order - b.order);
}

/** The message of the same conversation that a message answers. */
function answeredBy(message: MessageRecord): MessageId | null {
  if (message.content === null) return null;
  const reply = replyOf(decodedOf(message));
  return reply === null || reply.conversationId !== undefined ? null : reply.messageId;
}
