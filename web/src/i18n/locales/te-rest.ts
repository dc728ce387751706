/** The words of every screen but the first: they come after it. */
import consult from "./te/consult.json";
import conversation from "./te/conversation.json";
import devices from "./te/devices.json";
import errors from "./te/errors.json";
import firstRun from "./te/firstRun.json";
import groups from "./te/groups.json";
import guard from "./te/guard.json";
import lock from "./te/lock.json";
import me from "./te/me.json";
import media from "./te/media.json";
import orders from "./te/orders.json";
import people from "./te/people.json";
import presence from "./te/presence.json";

export const teRest = {
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
