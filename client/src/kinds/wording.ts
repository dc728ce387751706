/**
 * An order in several languages. All texts are in the one signed message: each reader sees the text in
 * the reader's language, or the first, and may look at the others. Pure.
 */
import { LANGUAGES, type Language } from "../wire.ts";
import { MAX_TEXT, Misshapen, isFields, list, string } from "./fields.ts";

/** Longest title of an order, in UTF-16 units. */
export const ORDER_TITLE = 160;

/** The words of an order, or of a correction, in one language. */
export interface TitledText {
  readonly language: Language;
  readonly title: string;
  readonly text: string;
}

/** The first words, and the same in other languages: no language twice. */
export type Translated<W extends { readonly language: Language }> = W & {
  readonly translations: readonly W[];
};

/** All words, the first language's first. */
export function wordingsOf<W extends { readonly language: Language }>(
  words: Translated<W>,
): readonly W[] {
  return [words, ...words.translations];
}

/** The words in a language; the first where there are none. */
export function wordingIn<W extends { readonly language: Language }>(
  words: Translated<W>,
  language: Language,
): W {
  return wordingsOf(words).find((one) => one.language === language) ?? words;
}

/** The titles and texts of all languages. */
export function textsOf(words: Translated<TitledText>): readonly string[] {
  return wordingsOf(words).flatMap(({ title, text }) => [title, text]);
}

/** The words of an order, or of a correction: choices and checklist in an order alone, a reason in a change. */
type AllWords = Translated<
  TitledText & { readonly choices?: readonly string[]; readonly items?: readonly string[] }
> & { readonly reference: string; readonly reason?: string };

/** All that a person wrote in an order or in a change of one, in every language, as the guard and moderators judge it. */
export function allWordsOf(words: AllWords): readonly string[] {
  const said = wordingsOf(words).flatMap(({ title, text, choices = [], items = [] }) => [
    ...[title, text],
    ...choices,
    ...items,
  ]);
  return [...said, words.reference, words.reason ?? ""].filter((one) => one !== "");
}

/** Whether titles and texts fit: each title for itself, all texts together. */
export function fitsTogether(words: Translated<TitledText>): boolean {
  const all = wordingsOf(words);
  const length = all.reduce((sum, { text }) => sum + text.length, 0);
  const languages = new Set(all.map(({ language }) => language));
  return (
    length <= MAX_TEXT &&
    languages.size === all.length &&
    all.every(({ title }) => title.length <= ORDER_TITLE)
  );
}

function isLanguage(value: unknown): value is Language {
  return LANGUAGES.some((one) => one === value);
}

/** A text with its language, from the fields of a message. */
export function titledText(value: unknown): TitledText {
  if (!isFields(value) || !isLanguage(value["language"])) throw new Misshapen();
  return {
    language: value["language"],
    title: string(value["title"], ORDER_TITLE),
    text: string(value["text"], MAX_TEXT),
  };
}

/** All words of a message, each read by `readOne`. */
export function translated<W extends TitledText>(
  value: unknown,
  readOne: (value: unknown) => W,
): Translated<W> {
  const translations = isFields(value) ? value["translations"] : null;
  const words = {
    ...readOne(value),
    translations: list(translations, LANGUAGES.length - 1, readOne),
  };
  if (!fitsTogether(words)) throw new Misshapen();
  return words;
}
