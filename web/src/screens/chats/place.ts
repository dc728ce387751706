/** The scroll position of the list of chats when it was left, for as long as the page lives. */
export const listPlace = { offset: 0 };
