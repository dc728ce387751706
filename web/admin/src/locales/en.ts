/** The console's words in English. */
import acts from "./en/acts.json";
import conduct from "./en/conduct.json";
import console from "./en/console.json";
import groups from "./en/groups.json";
import guardPolicy from "./en/guardPolicy.json";
import holds from "./en/holds.json";
import imports from "./en/imports.json";
import moves from "./en/moves.json";
import pages from "./en/pages.json";
import pictures from "./en/pictures.json";
import policy from "./en/policy.json";
import reports from "./en/reports.json";
import rights from "./en/rights.json";
import training from "./en/training.json";
import units from "./en/units.json";

export const en = {
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
