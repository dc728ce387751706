/**
 * The words by which people are found on this device, as `finding/words.py` has them on the server.
 * Pure.
 */
import { isUrdu, keys, skeletons } from "./sounds.ts";

/** How well somebody is found: the name is what was searched for; spelled so; sounds so. */
export type Tier = 0 | 1 | 2;

export interface Said {
  /** Whole names, folded. */
  readonly names: ReadonlySet<string>;
  readonly spelled: readonly string[];
  /** Keys of sounds, and of consonants alone with a mark. */
  readonly heard: readonly string[];
}

const HEARD_LETTERS = 3;
const HEARD_WHOLE = 2;
const FEWEST_DIGITS = 4;
const LAST_DIGITS = 5;
/** The zero of each script's digits. */
const ZEROS = [0x0660, 0x06f0, 0x0966, 0x0c66];
/** Letters that a keyboard for Arabic has where one for Urdu has others; candrabindu. */
const TYPED: ReadonlyMap<string, string> = new Map(
  Object.entries({ ى: "ی", ي: "ی", ك: "ک", ة: "ہ", أ: "ا", إ: "ا", ٱ: "ا", "\u0901": "\u0902" }),
);
/** Joiners, the dots of Hindi and the vowel marks of Urdu, which not everybody types. */
const UNTYPED = new Set([
  ...[0x200b, 0x200c, 0x200d, 0x2060, 0xfeff, 0x093c, 0x0640, 0x0670],
  ...Array.from({ length: 11 }, (_, at) => 0x064b + at),
]);

/** Text as it is compared: one spelling of what keyboards type differently. */
export function fold(text: string): string {
  const letters = [...text.normalize("NFKC")].map((letter) => {
    const code = letter.codePointAt(0) ?? 0;
    if (UNTYPED.has(code)) return "";
    const zero = ZEROS.find((first) => code >= first && code < first + 10);
    return zero === undefined ? (TYPED.get(letter) ?? letter) : String(code - zero);
  });
  return letters.join("").toLowerCase().normalize("NFKC");
}

export function wordsOf(text: string): readonly string[] {
  return fold(text)
    .split(/[^\p{L}\p{M}\p{N}]+/u)
    .filter((word) => word !== "");
}

/** The words of a person: of the own names, and of other texts. `number` is E.164. */
export function said(names: readonly string[], others: readonly string[], number: string): Said {
  const digits = number.replace(/^\+/, "");
  const words = [...new Set([...names, ...others].flatMap(wordsOf))];
  return {
    names: new Set(names.map((name) => wordsOf(name).join(" "))),
    spelled: [...words, digits, digits.replace(/^91/, ""), digits.slice(-LAST_DIGITS)],
    heard: words.flatMap(heardOf),
  };
}

/** Keys of a word's sounds, and of its consonants alone with a mark. */
function heardOf(word: string): readonly string[] {
  if (word.length < HEARD_LETTERS) return [];
  return [...keys(word), ...skeletons(word).map((one) => `=${one}`)];
}

/** Return how a word finds another one: spelled so, sounds so, or not at all. Both are folded. */
export function searchWord(word: string): (other: string) => 1 | 2 | null {
  const bySound = soundsOf(word);
  // Urdu writes few vowels: consonants alone compare with it.
  const byConsonants = word.length < HEARD_LETTERS ? [] : consonantsOf(word);
  return (other) => {
    if (begins([other], word)) return 1;
    const sounds = isUrdu(other) ? byConsonants : bySound;
    if (sounds.length === 0) return null;
    const heard = heardOf(other);
    return sounds.some((key) => hears({ heard }, key)) ? 2 : null;
  };
}

/** Return how a text finds somebody; null: it does not. A text without words finds nobody. */
export function search(text: string): (one: Said) => Tier | null {
  const words = wordsOf(text);
  const name = words.join(" ");
  const digits = words.join("");
  const number = digits.length >= FEWEST_DIGITS && /^\d+$/.test(digits);
  const spelled = number ? [digits.replace(/^0+/, "") || digits] : words;
  const asked = spelled.map((word) => ({ word, sounds: number ? [] : soundsOf(word) }));
  return (one) => {
    if (words.length === 0) return null;
    if (one.names.has(name)) return 0;
    if (spelled.every((word) => begins(one.spelled, word))) return 1;
    const heard = asked.every(
      ({ word, sounds }) => begins(one.spelled, word) || sounds.some((key) => hears(one, key)),
    );
    return heard ? 2 : null;
  };
}

/** A single letter is an initial: a whole word. */
function begins(said: readonly string[], word: string): boolean {
  const whole = word.length === 1;
  return said.some((one) => (whole ? one === word : one.startsWith(word)));
}

function soundsOf(word: string): readonly string[] {
  if (word.length < HEARD_LETTERS) return [];
  if (isUrdu(word)) return consonantsOf(word);
  return keys(word).filter((key) => lengthOf(key) >= HEARD_WHOLE);
}

function consonantsOf(word: string): readonly string[] {
  const found = skeletons(word).map((one) => `=${one}`);
  return found.filter((key) => lengthOf(key) >= HEARD_WHOLE);
}

function hears({ heard }: Pick<Said, "heard">, key: string): boolean {
  const whole = lengthOf(key) === HEARD_WHOLE;
  return heard.some((one) => (whole ? one === key : one.startsWith(key)));
}

function lengthOf(key: string): number {
  return key.replace("=", "").length;
}
