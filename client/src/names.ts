/** Names in the department's languages. Pure. */
import { LANGUAGES, type Names } from "./wire.ts";

/** A name that is known in English alone. */
export function inEnglish(en: string): Names {
  return { en, te: "", ur: "", hi: "" };
}

/** All languages' spellings that there are, English first. */
export function spellings(names: Names): readonly string[] {
  return LANGUAGES.map((language) => names[language]).filter((name) => name !== "");
}
