/** Where the list of chats was scrolled to when it was left, for as long as the page lives. */
export const listPlace = { offset: 0 };
