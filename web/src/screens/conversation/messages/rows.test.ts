import type { ConversationId, MessageId, PersonId, UnitId } from "@copconnect/client/wire";
import { inEnglish, type MessageItem } from "@copconnect/client/core";
import { describe, expect, it } from "vitest";
import { rowsOf } from "./rows.ts";

const NOON = new Date(2026, 10, 20, 12).getTime();

function message(text: string, sender: string, minutes: number, notice = false): MessageItem {
  const plate = {
    personId: sender as PersonId,
    names: inEnglish(sender),
    rank: "PC",
    post: inEnglish(""),
    unitId: "u" as UnitId,
  };
  return {
    messageId: text as MessageId,
    conversationId: "c" as ConversationId,
    seq: 1,
    sender: plate,
    mine: sender === "me",
    sentMs: NOON + minutes * 60_000,
    body: notice
      ? { kind: "notice", notice: { kind: "gap", by: null } }
      : { kind: "text", text, mentions: [] },
    preview: { kind: "text", text },
    replyTo: null,
    status: null,
    failure: null,
  };
}

function shape(
  messages: readonly MessageItem[],
  unread: MessageId | null = null,
): readonly string[] {
  return rowsOf(messages, unread).map((row) =>
    row.kind === "message"
      ? `${row.key}${row.first ? " first" : ""}${row.last ? " last" : ""}`
      : row.kind,
  );
}

describe("rowsOf", () => {
  it("joins runs of one sender and breaks them after five minutes", () => {
    expect(
      shape([
        message("1", "a", 0),
        message("2", "a", 1),
        message("3", "b", 2),
        message("4", "b", 8),
      ]),
    ).toEqual(["day", "1 first", "2 last", "3 first last", "4 first last"]);
  });

  it("breaks runs at the unread line and at notices", () => {
    expect(
      shape(
        [
          message("1", "a", 0),
          message("2", "a", 1),
          message("n", "a", 1, true),
          message("3", "a", 2),
        ],
        "2" as MessageId,
      ),
    ).toEqual(["day", "1 first last", "unread", "2 first last", "notice", "3 first last"]);
  });

  it("puts a divider before each day, with keys that stay when older messages arrive", () => {
    const today = [message("2", "a", 0), message("3", "a", 1)];
    const older = [message("1", "a", -24 * 60)];
    expect(shape([...older, ...today])).toEqual([
      "day",
      "1 first last",
      "day",
      "2 first",
      "3 last",
    ]);
    const before = rowsOf(today, null).map((row) => row.key);
    const after = rowsOf([...older, ...today], null).map((row) => row.key);
    expect(after.slice(-before.length)).toEqual(before);
    expect(new Set(after).size).toBe(after.length);
  });

  it("begins with the row that says from when this device reads, where it is asked for", () => {
    const rows = rowsOf([message("1", "a", 0)], null, true);
    expect(rows.map((row) => row.kind)).toEqual(["start", "day", "message"]);
  });
});
