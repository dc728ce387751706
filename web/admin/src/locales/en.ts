import acts from "./en/acts.json";
import console from "./en/console.json";
import groups from "./en/groups.json";
import imports from "./en/imports.json";
import moves from "./en/moves.json";
import pages from "./en/pages.json";
import policy from "./en/policy.json";
import reports from "./en/reports.json";
import rights from "./en/rights.json";
import units from "./en/units.json";

export const en = {
  ...console,
  ...pages,
  acts,
  groups,
  imports,
  moves,
  policy,
  reports,
  rights,
  units,
};
