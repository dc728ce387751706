/** M1: messages that take reactions. */
import { expect, it } from "vitest";
import type { Conversation } from "../conversation/conversation.ts";
import { idOf, newId, type ConversationId, type MessageId, type PersonId } from "../ids.ts";
import { encodeContent, type Content } from "../kinds/content.ts";
import type { MessageRecord } from "../records.ts";
import { takesReactions } from "./reactions.ts";

const text: Content = { kind: "text", text: "Go", mentions: [], replyTo: null, forwards: 0 };
const withdrawal: Content = {
  ...{ kind: "order_change", orderId: newId<MessageId>(), change: "withdrawn", asksAgain: false },
  ...{ language: "en", title: "", text: "", translations: [] },
  ...{ reference: "", reason: "Over.", attachments: [] },
};

function takes(content: Content, change: object = {}, sent = true): boolean {
  const message: MessageRecord = {
    messageId: idOf<MessageId>(new Uint8Array(16).fill(3)),
    conversationId: idOf<ConversationId>(new Uint8Array(16).fill(4)),
    ...{ order: 7, seq: sent ? 7 : null, mine: false, sentMs: 0 },
    senderId: idOf<PersonId>(new Uint8Array(16).fill(1)),
    content: encodeContent(content),
    ...{ notice: null, failure: null },
  };
  const record = { members: 256, whoMaySend: "everyone", ...change };
  return takesReactions({ record } as unknown as Conversation, message);
}

it("are sent texts in conversations of at most 256 people who may all write, and no orders", () => {
  expect(takes(text)).toBe(true);
  expect(takes(text, {}, false)).toBe(false);
  expect(takes(text, { members: 257 })).toBe(false);
  expect(takes(text, { whoMaySend: "admins" })).toBe(false);
  expect(takes(withdrawal)).toBe(false);
});
