/**
 * Messages as the rows of a list: day dividers, the unread line, notices, and messages that know
 * whether they begin or end a run of one sender. Notices about members and devices that follow each
 * other are one row, which opens into theirs. Pure; rows keep their key as long as what they stand
 * for exists, so that a virtual list keeps its place.
 */
import type { MessageId } from "@copconnect/client/wire";
import type { ConversationItem, MessageItem, Notice } from "@copconnect/client/core";

/** Messages of one sender with less than this between them are one run. */
const RUN_MS = 5 * 60_000;

interface NoticeRow {
  readonly kind: "notice";
  readonly key: string;
  readonly notice: Notice;
  readonly message: MessageItem;
}

export type MessageRow =
  /** Above everything that this device can read. */
  | { readonly kind: "start"; readonly key: "start" }
  | { readonly kind: "day"; readonly key: string; readonly ms: number }
  | { readonly kind: "unread"; readonly key: string }
  | NoticeRow
  /** Several changes of members and devices; open when their notices follow as rows. */
  | {
      readonly kind: "changes";
      readonly key: string;
      readonly ids: readonly MessageId[];
      /** The last of the changes. */
      readonly message: MessageItem;
      readonly open: boolean;
    }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly message: MessageItem;
      readonly first: boolean;
      readonly last: boolean;
      /** The sender's first message since another one wrote: rank and post stand above it. */
      readonly introduced: boolean;
    };

/**
 * Changes of members and devices. Every other notice is shown separately: warnings are never
 * folded.
 */
const FOLDED: ReadonlySet<Notice["kind"]> = new Set([
  "added",
  "registered",
  "removed",
  "left",
  "made_admin",
  "revoked_admin",
  "device_added",
  "device_removed",
] as const);

/** Whether it is cleared away. The core takes a notice at the last cleared position off, or it is a later one. */
export function isCleared(
  { clearedSeq, clearedMs }: Pick<ConversationItem, "clearedSeq" | "clearedMs">,
  { seq, sentMs, body }: MessageItem,
): boolean {
  if (sentMs > clearedMs) return false;
  return seq !== null && (body.kind === "notice" ? seq < clearedSeq : seq <= clearedSeq);
}

const NOTHING_OPEN: ReadonlySet<MessageId> = new Set();

function dayOf(ms: number): number {
  const day = new Date(ms);
  return day.getFullYear() * 10_000 + day.getMonth() * 100 + day.getDate();
}

function sameSender(a: MessageItem, b: MessageItem): boolean {
  return a.mine === b.mine && a.sender?.personId === b.sender?.personId;
}

function sameRun(a: MessageItem, b: MessageItem): boolean {
  return (
    a.body.kind !== "notice" &&
    b.body.kind !== "notice" &&
    sameSender(a, b) &&
    Math.abs(b.sentMs - a.sentMs) < RUN_MS
  );
}

/** Put a stretch of changes into the rows: a single one as its notice, several as one row. */
function fold(
  rows: MessageRow[],
  changes: readonly NoticeRow[],
  opened: ReadonlySet<MessageId>,
): void {
  const last = changes.at(-1);
  if (last === undefined) return;
  if (changes.length === 1) {
    rows.push(last);
    return;
  }
  const ids = changes.map(({ message }) => message.messageId);
  // One of them is enough: a stretch that grows stays open.
  const open = ids.some((one) => opened.has(one));
  rows.push({ kind: "changes", key: `changes:${ids[0]}`, ids, message: last.message, open });
  if (open) rows.push(...changes);
}

/**
 * `start`: a row before the first message says from when this device reads. `opened`: messages whose
 * stretch of changes is open.
 */
export function rowsOf(
  messages: readonly MessageItem[],
  firstUnread: MessageId | null,
  start = false,
  opened: ReadonlySet<MessageId> = NOTHING_OPEN,
): readonly MessageRow[] {
  const rows: MessageRow[] = start ? [{ kind: "start", key: "start" }] : [];
  let changes: NoticeRow[] = [];
  let day = 0;
  let run: MessageItem | null = null;
  let speaker: MessageItem | null = null;
  const endChanges = (): void => {
    fold(rows, changes, opened);
    changes = [];
  };
  for (const [index, message] of messages.entries()) {
    const today = dayOf(message.sentMs);
    if (today !== day) {
      endChanges();
      // Clocks differ, so a day may come up twice; the first message after it makes it unique.
      rows.push({ kind: "day", key: `day:${message.messageId}`, ms: message.sentMs });
      day = today;
      run = speaker = null;
    }
    if (message.messageId === firstUnread) {
      endChanges();
      rows.push({ kind: "unread", key: "unread" });
      run = speaker = null;
    }
    if (message.body.kind === "notice") {
      const { notice } = message.body;
      const row: NoticeRow = { kind: "notice", key: message.messageId, notice, message };
      if (FOLDED.has(notice.kind)) changes.push(row);
      else {
        endChanges();
        rows.push(row);
      }
      run = null;
      continue;
    }
    endChanges();
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
      introduced: speaker === null || !sameSender(speaker, message),
    });
    run = speaker = message;
  }
  endChanges();
  return rows;
}

/** The rows, each one that is as before the same object as before: a list draws it no second time. */
export function unchanged(
  former: readonly MessageRow[],
  rows: readonly MessageRow[],
): readonly MessageRow[] {
  const known = new Map(former.map((row) => [row.key, row]));
  return rows.map((row) => {
    const before = known.get(row.key);
    return before !== undefined && isSame(before, row) ? before : row;
  });
}

function isSame(a: MessageRow, b: MessageRow): boolean {
  const fields = Object.keys(b) as (keyof MessageRow)[];
  return a.kind === b.kind && fields.every((field) => a[field] === b[field]);
}

/** How many messages of others came after the last one that was on screen, from the newest back. */
export function unseen(messages: readonly MessageItem[], seenSeq: number): number {
  let count = 0;
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const message = messages[index];
    if (message === undefined || message.seq === null) continue;
    if (message.seq <= seenSeq) break;
    if (!message.mine && message.body.kind !== "notice") count += 1;
  }
  return count;
}

/** The seq up to which everything was read before this visit. */
export function readBefore(
  messages: readonly MessageItem[],
  firstUnread: MessageId | null,
): number {
  const first = messages.findIndex(({ messageId }) => messageId === firstUnread);
  const read = first < 0 ? messages : messages.slice(0, first);
  return read.findLast(({ seq }) => seq !== null)?.seq ?? 0;
}

/** Whether a message is the notice that says since when this device can read. */
export function saysSince(message: MessageItem | undefined): boolean {
  return message?.body.kind === "notice" && message.body.notice.kind === "history";
}
