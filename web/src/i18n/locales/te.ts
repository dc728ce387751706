/** The words of the first screen. Words that other parts need of it too lie in first.json. */
import app from "./te/app.json";
import chats from "./te/chats.json";
import first from "./te/first.json";

export const te = { app, chats, ...first };
