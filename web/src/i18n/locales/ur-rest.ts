/** The words of every screen but the first: they come after it. */
import consult from "./ur/consult.json";
import conversation from "./ur/conversation.json";
import devices from "./ur/devices.json";
import errors from "./ur/errors.json";
import firstRun from "./ur/firstRun.json";
import groups from "./ur/groups.json";
import guard from "./ur/guard.json";
import lock from "./ur/lock.json";
import me from "./ur/me.json";
import media from "./ur/media.json";
import orders from "./ur/orders.json";
import people from "./ur/people.json";
import presence from "./ur/presence.json";

export const urRest = {
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
