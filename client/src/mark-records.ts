/** The vault's rows about marks that people set on messages: votes, ends, answers, totals, reactions, edits, pins, deletions. */
import type { Mention } from "./kinds/parts.ts";
import type { DeviceId, MessageId, PersonId } from "./ids.ts";

/** The person who set a mark, and its place in the log. */
export interface MarkFact {
  readonly personId: PersonId;
  readonly position: number;
  /** When the server accepted it. */
  readonly sentMs: number;
  /** The time that its sender signed. */
  readonly signedMs: number;
}

/** Sorts facts in the order of the log. */
export function byPosition(a: MarkFact, b: MarkFact): number {
  return a.position - b.position;
}

export interface VoteRecord extends MarkFact {
  /** Null: sealed to others. */
  readonly choices: readonly number[] | null;
  readonly sealed: boolean;
}

export interface AcceptedAnswer extends MarkFact {
  readonly answerId: MessageId | null;
}

export interface TotalsRecord extends MarkFact {
  readonly counts: readonly number[];
  readonly ballots: number;
}

/** A question of a conversation. Group: the conversation; order: the message's. */
export interface QuestionRecord {
  readonly messageId: MessageId;
}

export interface ReactionRecord extends MarkFact {
  /** Null: taken back. */
  readonly emoji: string | null;
}

export interface EditRecord extends MarkFact {
  /** The message that carries the mark. */
  readonly markId: MessageId;
  /** Null: its body is missing (R11). */
  readonly text: string | null;
  readonly mentions: readonly Mention[];
}

export interface PinRecord extends MarkFact {
  readonly messageId: MessageId;
  /** False: it was taken down. */
  readonly pinned: boolean;
  /** The device that signed it, and the epoch of its header. */
  readonly device: DeviceId;
  readonly epoch: number;
}

export interface DeletionRecord extends MarkFact {
  /** The leaf of its sender had the admin right (R2). */
  readonly admin: boolean;
}

/** A message that answers another one, with its place in the log. */
export interface ReplyRecord {
  readonly messageId: MessageId;
  readonly position: number;
  readonly personId: PersonId | null;
}

/** Marks on one message (kinds/mark.ts). Group: the conversation; order: the newest's position. */
export interface MarksRecord {
  readonly messageId: MessageId;
  readonly votes: readonly VoteRecord[];
  readonly closed: readonly MarkFact[];
  readonly totals: readonly TotalsRecord[];
  readonly accepted: readonly AcceptedAnswer[];
  readonly reactions: readonly ReactionRecord[];
  readonly edits: readonly EditRecord[];
  readonly deletions: readonly DeletionRecord[];
  /** Messages that answer it (messages/replies.ts). */
  readonly replies: readonly ReplyRecord[];
  /** The device that began a live position by this message; null: the message is none. */
  readonly device: DeviceId | null;
}
