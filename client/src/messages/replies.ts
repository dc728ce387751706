/** Replies to one message: noted beside its marks, so that the message says how many it has. */
import type { Conversation } from "../conversation/conversation.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import type { MessageId, PersonId } from "../ids.ts";
import type { ReplyRecord } from "../mark-records.ts";
import type { MessageRecord } from "../records.ts";
import { markedIn } from "./marks.ts";
import { answeredBy, storedMessages } from "../conversation/messages.ts";
import { NO_MARKS } from "./poll-count.ts";

/** Replies to one message that are noted: the newest, and of the person with most the fewest. */
export const MOST_REPLIES = 500;

/** Note a message of the log as a reply, if it is one. Safe to do again, also at another position. */
export async function noteReply(
  { vault }: Pick<DeviceContext, "vault">,
  conversation: Conversation,
  work: UnitOfWork,
  reply: MessageRecord,
): Promise<void> {
  const answered = answeredBy(reply);
  const { messageId, seq: position, senderId: personId } = reply;
  if (answered === null || position === null) return;
  const before = (await conversation.marks.get(work, answered)) ?? {
    messageId: answered,
    ...NO_MARKS,
  };
  const marked = await markedIn(vault, conversation, work, answered);
  if (marked?.deletion !== undefined) return;
  const replies = withReply(before.replies, { messageId, position, personId });
  conversation.marks.put(work, answered, { ...before, replies }, position);
  if (marked !== null) work.messages.push(marked);
}

/** If there are too many replies, the person with most loses the oldest: nobody takes all places. */
export function withReply(
  before: readonly ReplyRecord[],
  reply: ReplyRecord,
): readonly ReplyRecord[] {
  const replies = [...before.filter(({ messageId }) => messageId !== reply.messageId), reply];
  if (replies.length <= MOST_REPLIES) return replies;
  const counts = new Map<PersonId | null, number>();
  for (const { personId } of replies) counts.set(personId, (counts.get(personId) ?? 0) + 1);
  const most = Math.max(...counts.values());
  const theirs = replies.filter(({ personId }) => counts.get(personId) === most);
  const oldest = theirs.reduce((a, b) => (b.position < a.position ? b : a));
  return replies.filter((one) => one !== oldest);
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
    .filter((one) => answeredBy(one) === messageId)
    .sort((a, b) => a.order - b.order);
}
