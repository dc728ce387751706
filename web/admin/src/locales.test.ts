import { checkTranslations } from "../../test/translations.ts";
import { en } from "./locales/en.ts";
import { hi } from "./locales/hi.ts";
import { te } from "./locales/te.ts";
import { ur } from "./locales/ur.ts";
import { textsOf } from "./words.ts";

checkTranslations(en, { te: textsOf(te), ur: textsOf(ur), hi: textsOf(hi) });
