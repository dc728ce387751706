import app from "./ur/app.json";
import chats from "./ur/chats.json";
import conversation from "./ur/conversation.json";
import errors from "./ur/errors.json";
import firstRun from "./ur/firstRun.json";
import groups from "./ur/groups.json";
import type { Texts } from "../keys.ts";

export const ur = { app, chats, conversation, errors, firstRun, groups } satisfies Texts;
