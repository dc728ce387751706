/** The words of every screen but the first: they come after it. */
import consult from "./en/consult.json";
import conversation from "./en/conversation.json";
import devices from "./en/devices.json";
import errors from "./en/errors.json";
import firstRun from "./en/firstRun.json";
import groups from "./en/groups.json";
import guard from "./en/guard.json";
import lock from "./en/lock.json";
import me from "./en/me.json";
import media from "./en/media.json";
import orders from "./en/orders.json";
import people from "./en/people.json";
import presence from "./en/presence.json";

export const enRest = {
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
  presence,
};
