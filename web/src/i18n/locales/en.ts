import app from "./en/app.json";
import chats from "./en/chats.json";
import conversation from "./en/conversation.json";
import errors from "./en/errors.json";
import firstRun from "./en/firstRun.json";
import groups from "./en/groups.json";


export const en = { app, chats, conversation, errors, firstRun, groups };
