/** The language of a text that people wrote, by its script. Pure. */
import type { Language } from "@copconnect/client/wire";

const SCRIPTS: readonly (readonly [RegExp, Language])[] = [
  [/\p{Script=Telugu}/gu, "te"],
  [/\p{Script=Arabic}/gu, "ur"],
  [/\p{Script=Devanagari}/gu, "hi"],
  [/\p{Script=Latin}/gu, "en"],
];

/** The language of a text by the script of most of its letters. */
export function languageOf(text: string): Language {
  const counted = SCRIPTS.map(([script, language]) => ({
    language,
    letters: text.match(script)?.length ?? 0,
  }));
  counted.sort((a, b) => b.letters - a.letters);
  const [first] = counted;
  return first === undefined || first.letters === 0 ? "en" : first.language;
}

/** Attributes of an element that shows such a text: direction, font and line height follow its script. */
export function written(text: string): { readonly dir: "auto"; readonly lang: Language } {
  return { dir: "auto", lang: languageOf(text) };
}
