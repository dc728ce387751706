/** Which edits of a message count, and what becomes of its words. */
import { describe, expect, it } from "vitest";
import { idOf, type ConversationId, type MessageId, type PersonId } from "../ids.ts";
import { encodeContent } from "../kinds/content.ts";
import type { EditRecord } from "../mark-records.ts";
import type { MessageRecord } from "../records.ts";
import { withEdits } from "./edits.ts";
import { decodedOf } from "../conversation/messages.ts";

const [AUTHOR, OTHER] = [1, 2].map((n) => idOf<PersonId>(new Uint8Array(16).fill(n)));
const SENT_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

const message: MessageRecord = {
  messageId: idOf<MessageId>(new Uint8Array(16).fill(3)),
  conversationId: idOf<ConversationId>(new Uint8Array(16).fill(4)),
  ...{ order: 7, seq: 7, senderId: AUTHOR as PersonId, mine: false, sentMs: SENT_MS },
  content: encodeContent({ kind: "text", text: "first", mentions: [], replyTo: null, forwards: 0 }),
  ...{ notice: null, failure: null },
};

function edit(text: string, change: Partial<EditRecord> = {}): EditRecord {
  const at = { position: 8, sentMs: SENT_MS + 1, signedMs: SENT_MS + 1 };
  const by = { personId: AUTHOR as PersonId, markId: message.messageId };
  return { ...at, ...by, text, mentions: [], ...change };
}

function words(...edits: readonly EditRecord[]): string {
  const content = decodedOf(withEdits(message, edits));
  return content.kind === "text" ? content.text : content.kind;
}

describe("an edit", () => {
  it("counts from the author alone, after the message, for an hour by both clocks", () => {
    expect(words(edit("second"))).toBe("second");
    expect(words(edit("forged", { personId: OTHER as PersonId }))).toBe("first");
    expect(words(edit("before", { position: 6 }))).toBe("first");
    const last = SENT_MS + HOUR_MS;
    expect(words(edit("in time", { sentMs: last, signedMs: last }))).toBe("in time");
    expect(words(edit("accepted late", { sentMs: last + 1 }))).toBe("first");
    expect(words(edit("signed late", { signedMs: last + 1 }))).toBe("first");
  });

  it("gives the words by the order of the log, however it was received", () => {
    const [second, third] = [edit("second"), edit("third", { position: 9 })];
    expect(words(second, third)).toBe("third");
    expect(words(third, second)).toBe("third");
    expect(withEdits(withEdits(message, [second]), []).edits).toEqual([]);
  });

  it("counts for the first four that change the words", () => {
    const five = [1, 2, 3, 4, 5].map((n) => edit(`words ${String(n)}`, { position: 8 + n }));
    expect(words(...five)).toBe("words 4");
    const empty = [1, 2, 3, 4].map((n) => edit(" ", { position: 8 + n }));
    expect(words(...empty, edit("second", { position: 20 }))).toBe("second");
    const late = [1, 2, 3, 4].map((n) =>
      edit("late", { position: 8 + n, signedMs: SENT_MS + HOUR_MS + 1 }),
    );
    expect(words(...late, edit("second", { position: 20 }))).toBe("second");
  });

  it("leaves a text that it would empty, and what has no words", () => {
    expect(words(edit("  "))).toBe("first");
    const place = encodeContent({
      ...{ kind: "location", latitude: 17, longitude: 78, accuracyM: null, label: "" },
      ...{ takenMs: SENT_MS, replyTo: null, forwards: 0 },
    });
    expect(decodedOf(withEdits({ ...message, content: place }, [edit("x")])).kind).toBe("location");
  });
});
