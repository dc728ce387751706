/** The words of the first screen. Words that other parts need of it too lie in first.json. */
import app from "./ur/app.json";
import chats from "./ur/chats.json";
import first from "./ur/first.json";

export const ur = { app, chats, ...first };
