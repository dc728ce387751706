import app from "./te/app.json";
import chats from "./te/chats.json";
import consult from "./te/consult.json";
import conversation from "./te/conversation.json";
import devices from "./te/devices.json";
import errors from "./te/errors.json";
import firstRun from "./te/firstRun.json";
import groups from "./te/groups.json";
import guard from "./te/guard.json";
import type { Texts } from "../keys.ts";
import media from "./te/media.json";
import lock from "./te/lock.json";
import orders from "./te/orders.json";
import people from "./te/people.json";
import me from "./te/me.json";

export const te = {
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
