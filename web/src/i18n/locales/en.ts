/** The words of the first screen. Words that other parts need of it too lie in first.json. */
import app from "./en/app.json";
import chats from "./en/chats.json";
import first from "./en/first.json";

export const en = { app, chats, ...first };
