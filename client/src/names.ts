/** Names in the department's languages, and name plates of people. Pure. */
import type { PersonId, UnitId } from "./ids.ts";
import { LANGUAGES, type Names } from "./wire.ts";

/** A person as a name plate: enough for a bubble, a list row, a mention. */
export interface Plate {
  readonly personId: PersonId;
  readonly names: Names;
  /** As a card signs it; or a code, or an English name, of the data bank. */
  readonly rank: Names | string;
  readonly post: Names;
  readonly unitId: UnitId;
}

/** A name that is known in English alone. */
export function inEnglish(en: string): Names {
  return { en, te: "", ur: "", hi: "" };
}

/** The same of a rank that may be a code. */
export function rankSpellings(rank: Names | string): readonly string[] {
  return typeof rank === "string" ? [rank] : spellings(rank);
}

/** Whether two are spelt the same in every language. */
export function sameNames(one: Names, other: Names): boolean {
  return LANGUAGES.every((language) => one[language] === other[language]);
}

/** All languages' spellings that there are, English first. */
export function spellings(names: Names): readonly string[] {
  return LANGUAGES.map((language) => names[language]).filter((name) => name !== "");
}
