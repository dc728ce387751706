/** The console's words in Telugu. */
import type { en } from "./en.ts";
import acts from "./te/acts.json";
import conduct from "./te/conduct.json";
import console from "./te/console.json";
import groups from "./te/groups.json";
import guardPolicy from "./te/guardPolicy.json";
import holds from "./te/holds.json";
import imports from "./te/imports.json";
import moves from "./te/moves.json";
import pages from "./te/pages.json";
import pictures from "./te/pictures.json";
import policy from "./te/policy.json";
import reports from "./te/reports.json";
import rights from "./te/rights.json";
import training from "./te/training.json";
import units from "./te/units.json";

export const te: typeof en = {
  ...console,
  ...pages,
  acts,
  conduct,
  guardPolicy,
  groups,
  holds,
  imports,
  moves,
  pictures,
  policy,
  reports,
  rights,
  training,
  units,
};
