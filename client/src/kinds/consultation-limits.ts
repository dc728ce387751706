/** Limits of polls and quick replies, which the screens hold too. */
export const MAX_POLL_QUESTION = 300;
export const MAX_POLL_OPTIONS = 12;
export const MAX_POLL_OPTION = 120;
/** Fewer votes are not published: their totals name people. */
export const FEWEST_BALLOTS = 5;
/** Votes are messages to everybody: a poll is for conversations of at most so many people. */
export const MOST_POLLED = 256;

export const MAX_QUICK_REPLIES = 12;
export const MAX_QUICK_REPLY = 120;
/** A live position ends by itself. */
export const LONGEST_LIVE_MS = 8 * 3_600_000;
