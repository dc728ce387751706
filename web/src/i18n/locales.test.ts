import { expect, it } from "vitest";
import { checkTranslations, flat } from "../../test/translations.ts";
import * as first from "./locales/en.ts";
import enLater from "./locales/en/oversee.json";
import enTraining from "./locales/en/training.json";
import * as hi from "./locales/hi.ts";
import hiLater from "./locales/hi/oversee.json";
import hiTraining from "./locales/hi/training.json";
import * as te from "./locales/te.ts";
import teLater from "./locales/te/oversee.json";
import teTraining from "./locales/te/training.json";
import * as ur from "./locales/ur.ts";
import urLater from "./locales/ur/oversee.json";
import urTraining from "./locales/ur/training.json";

const en = { ...first.en, oversee: enLater, training: enTraining };

checkTranslations(
  en,
  {
    te: { ...te.te, oversee: teLater, training: teTraining },
    ur: { ...ur.ur, oversee: urLater, training: urTraining },
    hi: { ...hi.hi, oversee: hiLater, training: hiTraining },
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
