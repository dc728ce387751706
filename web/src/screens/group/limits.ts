/** Longest name of a group, in characters: two lines on a phone. */
export const MAX_TITLE = 80;

export { MOST_DESCRIPTION } from "@copconnect/client/core";

/** The core keeps all members of conversations of so many people; of larger ones they are asked for. */
export { RECEIPT_PEOPLE as WHOLE } from "@copconnect/client/wire";

/** Up to so many devices the core knows every leaf of a conversation's roster. */
export { KNOWN_DEVICES } from "@copconnect/client/wire";
