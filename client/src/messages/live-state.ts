/** Until when a live position runs: by its time, eight hours at most, or until its sender ended it. */
import type { LiveState } from "../seam.ts";
import type { DeviceContext } from "../context.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { LONGEST_LIVE_MS, type LiveContent } from "../kinds/consultation.ts";
import type { MarksRecord } from "../mark-records.ts";
import type { MessageRecord } from "../records.ts";

export function liveUntil(
  content: LiveContent,
  message: MessageRecord,
  marks: Pick<MarksRecord, "closed"> | null,
): number {
  const ends = (marks?.closed ?? [])
    .filter(({ personId }) => personId === message.senderId)
    .map(({ sentMs }) => sentMs);
  return Math.min(content.untilMs, message.sentMs + LONGEST_LIVE_MS, ...ends);
}

export async function liveState(
  { time, now, identity }: DeviceContext,
  conversation: Conversation,
  message: MessageRecord,
  content: LiveContent,
): Promise<LiveState> {
  const marks = await conversation.marks.get(null, message.messageId);
  const untilMs = liveUntil(content, message, marks);
  const running = untilMs > (time.now() ?? now()) && conversation.record.state !== "left";
  return { running, untilMs, here: marks?.device === identity().device };
}
