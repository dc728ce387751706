import app from "./te/app.json";
import chats from "./te/chats.json";
import conversation from "./te/conversation.json";
import errors from "./te/errors.json";
import firstRun from "./te/firstRun.json";
import groups from "./te/groups.json";
import type { Texts } from "../keys.ts";

export const te = { app, chats, conversation, errors, firstRun, groups } satisfies Texts;
