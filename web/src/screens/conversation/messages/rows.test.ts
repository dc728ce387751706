import type { ConversationId, MessageId, PersonId, UnitId } from "@copconnect/client/wire";
import { inEnglish, type MessageItem } from "@copconnect/client/core";
import { describe, expect, it } from "vitest";
import { isCleared, rowsOf, unchanged, unseen } from "./rows.ts";

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
    answer: null,
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

it("shows a notice of a new device that came after Clear, at the last position cleared", () => {
  const at = (seq: number, notice: boolean) => ({ ...message("1", "a", 0, notice), seq });
  const all = [at(6, true), at(7, true), at(7, false), at(8, false)];
  const left = (clearedSeq: number, clearedMs: number) =>
    all.filter((one) => !isCleared({ clearedSeq, clearedMs }, one));
  expect(left(7, NOON)).toEqual([at(7, true), at(8, false)]);
  // Another device cannot have known of what came after it.
  expect(left(Number.MAX_SAFE_INTEGER, NOON - 1)).toEqual(all);
});

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

  it("introduces a sender once until somebody else writes, a day ends or the unread line", () => {
    const introduced = (
      messages: readonly MessageItem[],
      unread: MessageId | null = null,
    ): readonly boolean[] =>
      rowsOf(messages, unread)
        .filter((row) => row.kind === "message")
        .map((row) => row.introduced);
    // A pause and a notice begin a run; neither introduces anybody again.
    const long = [message("1", "a", 0), message("2", "a", 20), message("n", "b", 21, true)];
    expect(introduced([...long, message("3", "a", 22)])).toEqual([true, false, false]);
    expect(introduced([...long, message("3", "a", 22)], "3" as MessageId)).toEqual([
      true,
      false,
      true,
    ]);
    expect(introduced([...long, message("3", "b", 22), message("4", "a", 23)])).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(introduced([message("1", "a", 0), message("2", "a", 24 * 60)])).toEqual([true, true]);
  });

  it("folds changes that follow each other, and nothing that warns", () => {
    const change = (text: string, kind: "added" | "device_removed"): MessageItem => ({
      ...message(text, "a", 1),
      body: { kind: "notice", notice: { kind, people: [] } },
    });
    const messages = [
      message("1", "a", 0),
      change("c1", "added"),
      change("c2", "device_removed"),
      message("gap", "a", 1, true),
      change("c3", "added"),
      message("2", "a", 2),
      change("c4", "added"),
      change("c5", "added"),
    ];
    const keys = (opened: readonly string[]): readonly string[] =>
      rowsOf(messages, null, false, new Set(opened as MessageId[])).map((row) => row.key);
    expect(keys([])).toEqual(["day:1", "1", "changes:c1", "gap", "c3", "2", "changes:c4"]);
    expect(keys(["c2"])).toEqual([
      ...["day:1", "1", "changes:c1", "c1", "c2", "gap", "c3", "2", "changes:c4"],
    ]);
    // The unread line divides a stretch.
    const divided = rowsOf(messages, "c5" as MessageId).map((row) => row.key);
    expect(divided.slice(-3)).toEqual(["c4", "unread", "c5"]);
  });

  it("counts what others wrote since the last message on screen", () => {
    const messages = [
      { ...message("1", "a", 0), seq: 1 },
      { ...message("2", "a", 1), seq: 2 },
      { ...message("3", "me", 2), seq: 3 },
      { ...message("n", "a", 3, true), seq: 4 },
      { ...message("4", "b", 4), seq: 5 },
      { ...message("5", "me", 5), seq: null },
    ];
    expect([0, 1, 2, 5].map((seen) => unseen(messages, seen))).toEqual([3, 2, 1, 0]);
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

  it("gives a list the same rows again where nothing changed", () => {
    const before = rowsOf([message("1", "a", 0), message("2", "b", 1), message("3", "b", 2)], null);
    const messages = before.flatMap((row) => (row.kind === "message" ? [row.message] : []));
    const after = unchanged(before, rowsOf([...messages, message("4", "b", 3)], null));
    // The day and two messages; the third no longer ends its run.
    expect(after.map((row, index) => row === before[index])).toEqual([
      ...[true, true, true],
      ...[false, false],
    ]);
    expect(after.map(({ key }) => key).slice(1)).toEqual(["1", "2", "3", "4"]);
  });

  it("begins with the row that says from when this device reads, where it is asked for", () => {
    const rows = rowsOf([message("1", "a", 0)], null, true);
    expect(rows.map((row) => row.kind)).toEqual(["start", "day", "message"]);
  });
});
