/**
 * Contents of polls and live positions, from which parts beside the content make what the screens
 * show (kind.ts), and limits of polls and quick replies, which the screens hold too.
 */

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
