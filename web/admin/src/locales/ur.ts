import type { en } from "./en.ts";
import acts from "./ur/acts.json";
import console from "./ur/console.json";
import imports from "./ur/imports.json";
import pages from "./ur/pages.json";
import rights from "./ur/rights.json";
import units from "./ur/units.json";

export const ur: typeof en = { ...console, ...pages, acts, imports, rights, units };
