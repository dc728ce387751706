/** Which deletions of a message count, and what they leave of it. */
import { describe, expect, it } from "vitest";
import { idOf, type ConversationId, type MessageId, type PersonId } from "../ids.ts";
import { encodeContent } from "../kinds/content.ts";
import type { DeletionRecord } from "../mark-records.ts";
import type { MessageRecord } from "../records.ts";
import { deletableUntil, isHidden, withDeletion } from "./deletions.ts";
import { notice } from "../conversation/messages.ts";

const [AUTHOR, ADMIN] = [1, 2].map((n) => idOf<PersonId>(new Uint8Array(16).fill(n)));
const SENT_MS = 1_800_000_000_000;
const TWO_DAYS_MS = 48 * 3_600_000;

const text = { text: "first", mentions: [], replyTo: null, forwards: 0 };
const message: MessageRecord = {
  messageId: idOf<MessageId>(new Uint8Array(16).fill(3)),
  conversationId: idOf<ConversationId>(new Uint8Array(16).fill(4)),
  ...{ order: 7, seq: 7, senderId: AUTHOR as PersonId, mine: false, sentMs: SENT_MS },
  content: encodeContent({ kind: "text", ...text }),
  ...{ notice: null, failure: null },
};

function deletion(change: Partial<DeletionRecord> = {}): DeletionRecord {
  const at = { position: 8, sentMs: SENT_MS + 1, signedMs: SENT_MS + 1 };
  return { ...at, personId: AUTHOR as PersonId, admin: false, ...change };
}

function takes(change: Partial<DeletionRecord>, of = message): boolean {
  return withDeletion(of, [deletion(change)]).deletion !== undefined;
}

describe("a deletion", () => {
  it("counts from the author for two days by both clocks, and from an admin at any time", () => {
    const last = SENT_MS + TWO_DAYS_MS;
    const personId = ADMIN as PersonId;
    expect(takes({ sentMs: last, signedMs: last })).toBe(true);
    expect(takes({ sentMs: last + 1 })).toBe(false);
    expect(takes({ signedMs: last + 1 })).toBe(false);
    expect(takes({ personId })).toBe(false);
    expect(takes({ personId, admin: true, sentMs: last + 1 })).toBe(true);
    expect(takes({ admin: true, sentMs: last + 1 })).toBe(true);
  });

  it("counts after its message in the log alone", () => {
    expect(takes({ position: 7 })).toBe(false);
    expect(takes({ position: 6, admin: true })).toBe(false);
    expect(takes({}, { ...message, seq: null })).toBe(false);
  });

  it("leaves neither words nor former ones, and the first that counts names its person", () => {
    const edit = { ...deletion(), markId: message.messageId, text: "second", mentions: [] };
    const forged = deletion({ personId: ADMIN as PersonId });
    const removed = deletion({ personId: ADMIN as PersonId, admin: true, position: 9 });
    const late = deletion({ position: 10 });
    const left = withDeletion({ ...message, edits: [edit] }, [late, removed, forged]);
    expect(left).toEqual({ ...message, content: null, deletion: removed });
    expect(withDeletion(left, [deletion()])).toBe(left);
  });

  it("takes no order, no change of one and no notice, but a message without its body", () => {
    const content = encodeContent({
      ...{ kind: "order_change", orderId: message.messageId, change: "withdrawn" },
      ...{ asksAgain: false, language: "en", title: "", text: "", translations: [] },
      ...{ reference: "", reason: "", attachments: [] },
    });
    expect(takes({ admin: true }, { ...message, content })).toBe(false);
    const told = { ...message, content: null, notice: notice("gap") };
    expect(takes({ admin: true }, told)).toBe(false);
    expect(takes({}, { ...message, content: null })).toBe(true);
  });

  it("for oneself hides every message and notice, and no order", () => {
    const oneself = { clears: () => false, isGone: () => true };
    const content = encodeContent({
      ...{ kind: "order_change", orderId: message.messageId, change: "withdrawn" },
      ...{ asksAgain: false, language: "en", title: "", text: "", translations: [] },
      ...{ reference: "", reason: "", attachments: [] },
    });
    const told = { ...message, content: null, notice: notice("gap") };
    for (const one of [message, told]) expect(isHidden(oneself, one)).toBe(true);
    const kept = { ...message, content: null, kept: true } as const;
    for (const one of [kept, { ...message, content }]) expect(isHidden(oneself, one)).toBe(false);
  });

  it("is offered to the author for two days, and to admins", () => {
    const own = { ...message, mine: true };
    expect(deletableUntil(own, false)).toBe(SENT_MS + TWO_DAYS_MS);
    expect(deletableUntil(message, false)).toBeNull();
    expect(deletableUntil(message, true)).toBe(Infinity);
    expect(deletableUntil({ ...own, seq: null }, true)).toBeNull();
    expect(deletableUntil(withDeletion(own, [deletion()]), true)).toBeNull();
  });
});
