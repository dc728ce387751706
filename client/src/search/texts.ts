/** A message's texts, the words in them, and its kinds, by which a search finds it. Pure. */
import { callOf, type CalledPerson } from "../kinds/called.ts";
import { foundAs, pointersOf, searchTexts, type Decoded } from "../kinds/content.ts";
import { wordsOf } from "../people/words.ts";
import { SEARCH_KINDS, type SearchKind } from "../kinds/kind.ts";

/** Letters of one word: also joiners and the vowel marks that folding drops (people/words.ts). */
const WORD = /[\p{L}\p{M}\p{N}\u200b-\u200d\u2060\ufeff]+/gu;
const LINK = /(?:https?:\/\/|www\.)\S/iu;
/** Longer words are cut. */
const LONGEST = 40;

/** A word where a text has it. */
export interface Placed {
  readonly start: number;
  readonly end: number;
  /** Folded: more than one where signs of it become spaces. */
  readonly words: readonly string[];
}

/** The texts of a message, the one that people wrote first, and the names of its files. */
export function textsOf(content: Decoded): readonly string[] {
  // Names as people gave them: a phone makes those of pictures and voice notes.
  const named = pointersOf(content).filter(({ kind }) => kind === "document" || kind === "audio");
  return [...searchTexts(content), ...named.map(({ name }) => name)];
}

/** The words of a text with their places. */
export function* placed(text: string): Generator<Placed, void> {
  for (const match of text.matchAll(WORD)) {
    const words = wordsOf(match[0]).map(cut);
    yield { start: match.index, end: match.index + match[0].length, words };
  }
}

/** A folded word as the index has it. */
export function cut(word: string): string {
  return word.slice(0, LONGEST);
}

/** Bits of the kinds of a message, for the person of this device. */
export function kindsOf(content: Decoded, me: CalledPerson): number {
  const kinds = new Set<SearchKind>();
  for (const { kind } of pointersOf(content)) {
    if (kind === "image" || kind === "video") kinds.add("media");
    else if (kind === "document") kinds.add("document");
    else kinds.add("audio");
  }
  const own = foundAs(content);
  if (own !== null) kinds.add(own);
  if (callOf(content, me) !== null) kinds.add("mention");
  if (searchTexts(content).some((text) => LINK.test(text))) kinds.add("link");
  return [...kinds].reduce((bits, kind) => bits | bitOf(kind), 0);
}

export function bitOf(kind: SearchKind): number {
  return 1 << SEARCH_KINDS.indexOf(kind);
}
