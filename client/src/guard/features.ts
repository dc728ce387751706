/**
 * Turns a folded message into hashed features in three blocks: docs/guard-model.md, section
 * Features. Training has them from here (client/bench/guard-features.ts).
 */
import { collapsed, pointOf, skeleton, type Folded } from "./folding.ts";

/** Code points of a character n-gram. */
const SHORTEST = 2;
const LONGEST = 5;

const PRIME = 16_777_619;
/** The value from which the hashes of each block begin. */
const CHARS = 0x811c9dc5;
const WORDS = 0x01234567;
const SHAPE = 0x89abcdef;

/** Distinct buckets of each block. */
export interface Features {
  readonly chars: ReadonlySet<number>;
  readonly words: ReadonlySet<number>;
  readonly shape: ReadonlySet<number>;
}

/** The features of a message; `buckets` is a power of two. */
export function features(folded: Folded, buckets: number): Features {
  const mask = buckets - 1;
  return {
    chars: charBuckets(folded.words, mask),
    words: new Set(wordNames(folded).map((name) => bucket(name, WORDS, mask))),
    shape: new Set(shapeNames(folded).map((name) => bucket(name, SHAPE, mask))),
  };
}

function charBuckets(words: readonly string[], mask: number): Set<number> {
  const found = new Set<number>();
  for (const word of words) {
    const points = [32, ...Array.from(word, pointOf), 32];
    for (let start = 0; start < points.length; start++) {
      let value = CHARS;
      const most = Math.min(LONGEST, points.length - start);
      for (let length = 1; length <= most; length++) {
        value = Math.imul(value ^ (points[start + length - 1] ?? 0), PRIME);
        if (length >= SHORTEST) found.add(mixed(value) & mask);
      }
    }
  }
  return found;
}

function wordNames(folded: Folded): string[] {
  const words = folded.words.map(collapsed);
  const bones = folded.words.map(skeleton);
  const names = words.map((word) => `w ${word}`);
  for (let at = 1; at < words.length; at++) {
    names.push(`b ${words[at - 1] ?? ""} ${words[at] ?? ""}`);
    const [one, two] = [bones[at - 1] ?? "", bones[at] ?? ""];
    if (one !== "" && two !== "") names.push(`l ${one} ${two}`);
  }
  for (const bone of bones) {
    if (bone !== "") names.push(`k ${bone}`);
    if (bone.length > 2) for (const piece of pieces(` ${bone} `)) names.push(`s ${piece}`);
  }
  const [first, last] = [words[0], words.at(-1)];
  if (first !== undefined && last !== undefined) names.push(`f ${first}`, `e ${last}`);
  for (const emoji of folded.emojis) names.push(`m ${emoji}`);
  return names;
}

/** Every four letters in a row. */
function pieces(text: string): string[] {
  return Array.from({ length: text.length - 3 }, (_, at) => text.slice(at, at + 4));
}

function shapeNames(folded: Folded): string[] {
  const { words, emojis } = folded;
  const digits = words.filter((word) => word.startsWith("0")).length;
  const numbers = words.filter((word) => word.startsWith("00")).length;
  const codes = words.filter((word) => word.includes("0") && !/^0+$/.test(word)).length;
  const scripts = [...new Set(words.map(script))].sort();
  return [
    `words ${step(words.length)}`,
    `emojis ${step(emojis.length)}`,
    `emojis of words ${step(Math.floor((8 * emojis.length) / (words.length + 1)))}`,
    `digits ${step(digits)}`,
    `numbers ${step(numbers)}`,
    `codes ${step(codes)}`,
    `urls ${step(folded.urls)}`,
    `questions ${step(folded.questions)}`,
    `exclamations ${step(folded.exclamations)}`,
    `colons ${step(folded.colons)}`,
    `lines ${step(folded.newlines)}`,
    `money ${step(folded.money)}`,
    `scripts ${scripts.join(" ")}`,
  ];
}

/** 0 to 3 for themselves, then one step more for about half as many again. */
function step(count: number): number {
  return [1, 2, 3, 4, 6, 9, 13, 20, 40, 80].filter((least) => count >= least).length;
}

function script(word: string): string {
  const point = pointOf(word);
  if (point < 0x250) return word.startsWith("0") ? "0" : "a";
  if (point >= 0x600 && point <= 0x8ff) return "u";
  if (point >= 0x900 && point <= 0x97f) return "h";
  if (point >= 0xc00 && point <= 0xc7f) return "t";
  return "x";
}

function bucket(name: string, start: number, mask: number): number {
  let value = start;
  for (const letter of name) value = Math.imul(value ^ pointOf(letter), PRIME);
  return mixed(value) & mask;
}

/** Spread all bits over the low ones (the end of MurmurHash3). */
function mixed(value: number): number {
  let spread = value ^ (value >>> 16);
  spread = Math.imul(spread, 0x85ebca6b);
  spread ^= spread >>> 13;
  spread = Math.imul(spread, 0xc2b2ae35);
  return (spread ^ (spread >>> 16)) >>> 0;
}
