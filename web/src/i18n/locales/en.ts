import app from "./en/app.json";
import chats from "./en/chats.json";
import consult from "./en/consult.json";
import conversation from "./en/conversation.json";
import devices from "./en/devices.json";
import errors from "./en/errors.json";
import firstRun from "./en/firstRun.json";
import groups from "./en/groups.json";
import guard from "./en/guard.json";

import media from "./en/media.json";
import lock from "./en/lock.json";
import orders from "./en/orders.json";
import people from "./en/people.json";
import me from "./en/me.json";

export const en = {
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
};
