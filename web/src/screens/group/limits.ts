/** Longest name of a group, in characters: two lines on a phone. */
export const MAX_TITLE = 80;
