/** The words of every screen but the first: they come after it. */
import consult from "./hi/consult.json";
import conversation from "./hi/conversation.json";
import devices from "./hi/devices.json";
import errors from "./hi/errors.json";
import firstRun from "./hi/firstRun.json";
import groups from "./hi/groups.json";
import guard from "./hi/guard.json";
import lock from "./hi/lock.json";
import me from "./hi/me.json";
import media from "./hi/media.json";
import orders from "./hi/orders.json";
import people from "./hi/people.json";
import presence from "./hi/presence.json";

export const hiRest = {
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
