/**
 * Contents of polls and live positions, what parts beside the content make of them for the screens
 * (kind.ts), and limits of polls and quick replies, which the screens hold too.
 */
import type { MessageId } from "../ids.ts";
import type { Plate } from "../names.ts";

/** The place of a device. */
export interface GeoPosition {
  readonly latitude: number;
  readonly longitude: number;
  readonly accuracyM: number | null;
  readonly takenMs: number;
}

export interface PollContent {
  readonly kind: "poll";
  readonly question: string;
  readonly options: readonly string[];
  /** Several options may be chosen. */
  readonly multiple: boolean;
  readonly anonymous: boolean;
  /** No vote signed or accepted later counts; null: until its author closes it. */
  readonly endsMs: number | null;
}

export interface LiveContent extends GeoPosition {
  readonly kind: "live";
  readonly untilMs: number;
}

/**
 * Why a poll takes no vote here: `ended` by its time, `closed` by its author, `queued`: it has not
 * been sent yet, `left`: this person writes nothing in the conversation any more.
 */
export type PollShut = "ended" | "closed" | "queued" | "left";

export interface PollOption {
  /** Null: not known here, in an anonymous poll before its totals. */
  readonly votes: number | null;
  /** The people who chose it, newest last; empty in an anonymous poll. */
  readonly people: readonly Plate[];
}

export interface PollState {
  readonly options: readonly PollOption[];
  /** People whose vote counts. */
  readonly voters: number;
  /** Ballots in the counts of an anonymous poll that shows some; fewer where some are unreadable. */
  readonly counted: number | null;
  /** This person's newest choice; empty: nothing. Null: voted, sealed by another device. */
  readonly own: readonly number[] | null;
  readonly mine: boolean;
  readonly shut: PollShut | null;
  /**
   * The counts of an anonymous poll. `count`: this device is its author's and counts the ballots;
   * `published`: the author's totals; `hidden`: they follow after the end; `few`: it ended with
   * too few votes (FEWEST_BALLOTS), and totals would tell who chose what.
   */
  readonly totals: "count" | "published" | "hidden" | "few" | null;
}

export interface QuestionState {
  readonly mine: boolean;
  /** The reply that the asker has accepted as the answer. */
  readonly answerId: MessageId | null;
}

export interface LiveState {
  readonly running: boolean;
  /** When it ends, or has ended. */
  readonly untilMs: number;
  /** This device shares it, and can stop it. */
  readonly here: boolean;
}

export const MAX_POLL_QUESTION = 300;
export const MAX_POLL_OPTIONS = 12;
export const MAX_POLL_OPTION = 120;
/** Fewer votes are not published: their totals name people. */
export const FEWEST_BALLOTS = 5;
/** Marks are messages to everybody: polls and reactions are for conversations of at most so many people. */
export const MOST_MARKING = 256;

export const MAX_QUICK_REPLIES = 12;
export const MAX_QUICK_REPLY = 120;
/** A live position ends at its time. */
export const LONGEST_LIVE_MS = 8 * 3_600_000;
