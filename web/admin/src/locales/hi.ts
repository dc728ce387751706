/** The console's words in Hindi. */
import type { en } from "./en.ts";
import acts from "./hi/acts.json";
import conduct from "./hi/conduct.json";
import console from "./hi/console.json";
import groups from "./hi/groups.json";
import guardPolicy from "./hi/guardPolicy.json";
import holds from "./hi/holds.json";
import imports from "./hi/imports.json";
import moves from "./hi/moves.json";
import pages from "./hi/pages.json";
import pictures from "./hi/pictures.json";
import policy from "./hi/policy.json";
import reports from "./hi/reports.json";
import rights from "./hi/rights.json";
import training from "./hi/training.json";
import units from "./hi/units.json";

export const hi: typeof en = {
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
