import { expect, it } from "vitest";
import { checkTranslations, flat } from "../../test/translations.ts";
import { en } from "./locales/en.ts";
import { hi } from "./locales/hi.ts";
import { te } from "./locales/te.ts";
import { ur } from "./locales/ur.ts";

checkTranslations(en, { te, ur, hi }, ["Cop Connect"]);

it("has both plural forms wherever it has one", () => {
  const keys = [...flat(en).keys()];
  for (const key of keys) {
    if (key.endsWith("_one")) expect(keys).toContain(key.replace(/_one$/u, "_other"));
    if (key.endsWith("_other")) expect(keys).toContain(key.replace(/_other$/u, "_one"));
  }
});
