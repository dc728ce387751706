import app from "./hi/app.json";
import chats from "./hi/chats.json";
import consult from "./hi/consult.json";
import conversation from "./hi/conversation.json";
import devices from "./hi/devices.json";
import errors from "./hi/errors.json";
import firstRun from "./hi/firstRun.json";
import groups from "./hi/groups.json";
import guard from "./hi/guard.json";
import type { Texts } from "../keys.ts";
import media from "./hi/media.json";
import lock from "./hi/lock.json";
import orders from "./hi/orders.json";
import people from "./hi/people.json";
import me from "./hi/me.json";

export const hi = {
  app,
  chats,
  consult,
  conversation,
  devices,
  errors,
  firstRun,
  groups,
  guard,
  lock,
  me,
  media,
  orders,
  people,
} satisfies Texts;
