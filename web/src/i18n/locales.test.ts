import { expect, it } from "vitest";
import { checkTranslations, flat } from "../../test/translations.ts";
import { byName } from "./by-name.ts";
import { en } from "./locales/en.ts";
import { enRest } from "./locales/en-rest.ts";
import enExports from "./locales/en/exports.json";
import enOversee from "./locales/en/oversee.json";
import enReports from "./locales/en/reports.json";
import enTraining from "./locales/en/training.json";
import { hi } from "./locales/hi.ts";
import { hiRest } from "./locales/hi-rest.ts";
import hiExports from "./locales/hi/exports.json";
import hiOversee from "./locales/hi/oversee.json";
import hiReports from "./locales/hi/reports.json";
import hiTraining from "./locales/hi/training.json";
import { te } from "./locales/te.ts";
import { teRest } from "./locales/te-rest.ts";
import teExports from "./locales/te/exports.json";
import teOversee from "./locales/te/oversee.json";
import teReports from "./locales/te/reports.json";
import teTraining from "./locales/te/training.json";
import { ur } from "./locales/ur.ts";
import { urRest } from "./locales/ur-rest.ts";
import urExports from "./locales/ur/exports.json";
import urOversee from "./locales/ur/oversee.json";
import urReports from "./locales/ur/reports.json";
import urTraining from "./locales/ur/training.json";

// Compared file by file, so that a text is in the same file in every language.
const english = {
  ...{ first: en, rest: enRest },
  ...{ exports: enExports, oversee: enOversee, reports: enReports, training: enTraining },
};

checkTranslations(
  english,
  {
    te: {
      ...{ first: te, rest: byName(teRest), exports: teExports, oversee: teOversee },
      ...{ reports: teReports, training: teTraining },
    },
    ur: {
      ...{ first: ur, rest: byName(urRest), exports: urExports, oversee: urOversee },
      ...{ reports: urReports, training: urTraining },
    },
    hi: {
      ...{ first: hi, rest: byName(hiRest), exports: hiExports, oversee: hiOversee },
      ...{ reports: hiReports, training: hiTraining },
    },
  },
  ["Cop Connect"],
);

it("has both plural forms wherever it has one", () => {
  const keys = [...flat(english).keys()];
  for (const key of keys) {
    if (key.endsWith("_one")) expect(keys).toContain(key.replace(/_one$/u, "_other"));
    if (key.endsWith("_other")) expect(keys).toContain(key.replace(/_other$/u, "_one"));
  }
});

it("says nothing both on the first screen and with the rest", () => {
  const rest = flat(enRest);
  expect([...flat(en).keys()].filter((key) => rest.has(key))).toEqual([]);
});
