/**
 * Messages as the rows of a list: day dividers, the unread line, notices, and messages that know
 * whether they begin or end a run of one sender. Pure; rows keep their key as long as what they
 * stand for exists, so that a virtual list keeps its place.
 */
import type { MessageId } from "@copconnect/client/wire";
import type { MessageItem, Notice } from "@copconnect/client/core";

/** Messages of one sender with less than this between them are one run. */
const RUN_MS = 5 * 60_000;

export type Row =
  /** Above everything that this device can read. */
  | { readonly kind: "start"; readonly key: "start" }
  | { readonly kind: "day"; readonly key: string; readonly ms: number }
  | { readonly kind: "unread"; readonly key: string }
  | {
      readonly kind: "notice";
      readonly key: string;
      readonly notice: Notice;
      readonly message: MessageItem;
    }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly message: MessageItem;
      readonly first: boolean;
      readonly last: boolean;
    };

function dayOf(ms: number): number {
  const day = new Date(ms);
  return day.getFullYear() * 10_000 + day.getMonth() * 100 + day.getDate();
}

function sameRun(a: MessageItem, b: MessageItem): boolean {
  return (
    a.body.kind !== "notice" &&
    b.body.kind !== "notice" &&
    a.mine === b.mine &&
    a.sender?.personId === b.sender?.personId &&
    Math.abs(b.sentMs - a.sentMs) < RUN_MS
  );
}

/** `start`: a row before the first message says from when this device reads. */
export function rowsOf(
  messages: readonly MessageItem[],
  firstUnread: MessageId | null,
  start = false,
): readonly Row[] {
  const rows: Row[] = start ? [{ kind: "start", key: "start" }] : [];
  let day = 0;
  let run: MessageItem | null = null;
  for (const [index, message] of messages.entries()) {
    const today = dayOf(message.sentMs);
    if (today !== day) {
      // Clocks differ, so a day may come up twice; the first message after it makes it unique.
      rows.push({ kind: "day", key: `day:${message.messageId}`, ms: message.sentMs });
      day = today;
      run = null;
    }
    if (message.messageId === firstUnread) {
      rows.push({ kind: "unread", key: "unread" });
      run = null;
    }
    if (message.body.kind === "notice") {
      rows.push({ kind: "notice", key: message.messageId, notice: message.body.notice, message });
      run = null;
      continue;
    }
    const next = messages[index + 1];
    rows.push({
      kind: "message",
      key: message.messageId,
      message,
      first: run === null || !sameRun(run, message),
      last:
        next === undefined ||
        next.messageId === firstUnread ||
        dayOf(next.sentMs) !== today ||
        !sameRun(message, next),
    });
    run = message;
  }
  return rows;
}
