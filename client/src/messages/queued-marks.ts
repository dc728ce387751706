/** This device's marks that are on their way, and what they change on its screens already. */
import type { Conversation } from "../conversation/conversation.ts";
import type { MessageId, PersonId } from "../ids.ts";
import { decodeContent } from "../kinds/content.ts";
import type { Mark, MarkContent } from "../kinds/mark.ts";
import type { OutgoingStore } from "./outgoing.ts";
import { pinnedBy } from "./pins.ts";
import type { Pinned } from "./pins.ts";

/** This device's marks that are on their way, the newest first. */
export function queuedMarks(
  outgoing: OutgoingStore,
  { id }: Conversation,
): readonly Pick<MarkContent, "messageId" | "what">[] {
  return outgoing
    .of(id)
    .toReversed()
    .flatMap(({ quiet, stage, content: bytes }) => {
      const content = quiet && stage !== "failed" ? decodeContent(bytes) : null;
      return content?.kind === "mark" ? [content] : [];
    });
}

/** Those of them on one message. */
export function queuedMarksOn(
  outgoing: OutgoingStore,
  conversation: Conversation,
  messageId: MessageId,
): readonly Mark[] {
  return queuedMarks(outgoing, conversation)
    .filter((one) => one.messageId === messageId)
    .map(({ what }) => what);
}

/** The pinned messages, with this device's own pins that are on their way. */
export function pinnedIn(
  outgoing: OutgoingStore,
  conversation: Conversation,
  personId: PersonId,
): readonly Pinned[] {
  const queued = queuedMarks(outgoing, conversation)
    .toReversed()
    .flatMap(({ messageId, what }) =>
      what.mark === "pin" ? [{ messageId, personId, pinned: what.pinned }] : [],
    );
  return pinnedBy([...conversation.record.pins, ...queued]);
}
