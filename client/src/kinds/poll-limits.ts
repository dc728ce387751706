/** Limits of polls; the screens hold the first three while somebody writes one. */
export const MAX_POLL_QUESTION = 300;
export const MAX_POLL_OPTIONS = 12;
export const MAX_POLL_OPTION = 120;
/** Fewer votes are not published: their totals name people. */
export const FEWEST_BALLOTS = 5;
/** Votes are messages to everybody: a poll is for conversations of at most so many people. */
export const MOST_POLLED = 256;
