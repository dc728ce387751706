import { expect, it } from "vitest";
import { checkTranslations, flat } from "../../test/translations.ts";
import * as first from "./locales/en.ts";
import enOversee from "./locales/en/oversee.json";
import enReports from "./locales/en/reports.json";
import enTraining from "./locales/en/training.json";
import * as hi from "./locales/hi.ts";
import hiOversee from "./locales/hi/oversee.json";
import hiReports from "./locales/hi/reports.json";
import hiTraining from "./locales/hi/training.json";
import * as te from "./locales/te.ts";
import teOversee from "./locales/te/oversee.json";
import teReports from "./locales/te/reports.json";
import teTraining from "./locales/te/training.json";
import * as ur from "./locales/ur.ts";
import urOversee from "./locales/ur/oversee.json";
import urReports from "./locales/ur/reports.json";
import urTraining from "./locales/ur/training.json";

const en = { ...first.en, oversee: enOversee, reports: enReports, training: enTraining };

checkTranslations(
  en,
  {
    te: { ...te.te, oversee: teOversee, reports: teReports, training: teTraining },
    ur: { ...ur.ur, oversee: urOversee, reports: urReports, training: urTraining },
    hi: { ...hi.hi, oversee: hiOversee, reports: hiReports, training: hiTraining },
  },
  ["Cop Connect"],
);

it("has both plural forms wherever it has one", () => {
  const keys = [...flat(en).keys()];
  for (const key of keys) {
    if (key.endsWith("_one")) expect(keys).toContain(key.replace(/_one$/u, "_other"));
    if (key.endsWith("_other")) expect(keys).toContain(key.replace(/_other$/u, "_one"));
  }
});
