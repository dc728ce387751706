/** Messages between the service worker and pages about notifications. Pure. */
import type { ConversationId, MessageId } from "@copconnect/client/wire";

/** The tag under which a browser without pushes lets the worker look for messages now and then. */
export const LOOKING = "copconnect-look";

/** Open a conversation; `text`: a reply that was not sent, to be filled in. */
export interface Filled {
  readonly type: "open-conversation";
  readonly conversationId: ConversationId;
  readonly text: string | null;
}

export function fillingOf(conversationId: ConversationId, text: string | null): Filled {
  return { type: "open-conversation", conversationId, text };
}

export function isFilled(data: unknown): data is Filled {
  return (
    typeof data === "object" &&
    data !== null &&
    "type" in data &&
    data.type === "open-conversation" &&
    "conversationId" in data
  );
}

/** Open an order's page. */
export interface OpenOrder {
  readonly type: "open-order";
  readonly orderId: MessageId;
}

/** Open the courses. */
export const OPEN_LESSONS = { type: "open-lessons" } as const;

export function isOpenLessons(data: unknown): boolean {
  return (
    typeof data === "object" && data !== null && "type" in data && data.type === OPEN_LESSONS.type
  );
}

export function isOpenOrder(data: unknown): data is OpenOrder {
  return (
    typeof data === "object" &&
    data !== null &&
    "type" in data &&
    data.type === "open-order" &&
    "orderId" in data
  );
}

/** A page asks for the reply that was kept for it. */
export const TAKE_FILLED = { type: "take-filled" } as const;

export function isTakeFilled(data: unknown): boolean {
  return (
    typeof data === "object" && data !== null && "type" in data && data.type === TAKE_FILLED.type
  );
}
