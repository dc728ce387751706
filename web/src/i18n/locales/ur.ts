import app from "./ur/app.json";
import chats from "./ur/chats.json";
import consult from "./ur/consult.json";
import conversation from "./ur/conversation.json";
import devices from "./ur/devices.json";
import errors from "./ur/errors.json";
import firstRun from "./ur/firstRun.json";
import groups from "./ur/groups.json";
import guard from "./ur/guard.json";
import type { Texts } from "../keys.ts";
import media from "./ur/media.json";
import lock from "./ur/lock.json";
import orders from "./ur/orders.json";
import people from "./ur/people.json";
import me from "./ur/me.json";

export const ur = {
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
