/** The console's words in Urdu. */
import type { en } from "./en.ts";
import acts from "./ur/acts.json";
import conduct from "./ur/conduct.json";
import console from "./ur/console.json";
import groups from "./ur/groups.json";
import guardPolicy from "./ur/guardPolicy.json";
import holds from "./ur/holds.json";
import imports from "./ur/imports.json";
import moves from "./ur/moves.json";
import pages from "./ur/pages.json";
import pictures from "./ur/pictures.json";
import policy from "./ur/policy.json";
import reports from "./ur/reports.json";
import rights from "./ur/rights.json";
import training from "./ur/training.json";
import units from "./ur/units.json";

export const ur: typeof en = {
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
