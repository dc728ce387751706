import acts from "./en/acts.json";
import console from "./en/console.json";
import imports from "./en/imports.json";
import pages from "./en/pages.json";
import rights from "./en/rights.json";
import units from "./en/units.json";

export const en = { ...console, ...pages, acts, imports, rights, units };
