/** The words of the first screen. Words that other parts need of it too lie in first.json. */
import app from "./hi/app.json";
import chats from "./hi/chats.json";
import first from "./hi/first.json";

export const hi = { app, chats, ...first };
