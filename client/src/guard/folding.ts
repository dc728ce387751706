/**
 * Folds a message into words, so that spellings of one word become alike.
 *
 * The steps are those of docs/guard-model.md, section Folding. They work on code points and use no
 * category of Unicode that differs between versions.
 */

/** Code points that are read from the beginning and from the end of a message. */
const MOST_START = 1_024;
const MOST_END = 256;

const LEET: Readonly<Record<string, string>> = {
  "0": "o",
  "1": "i",
  "3": "e",
  "4": "a",
  "5": "s",
  "7": "t",
};
const LEET_WORD = /^[a-z]+(?:[013457]{1,2}[a-z]+)+$/;
const URL = /(?:https?:\/\/|www\.)[^ \n\r\t]+/g;

type Ranges = readonly (readonly [number, number])[];

const DROPPED: Ranges = [
  [0xad, 0xad],
  [0x300, 0x36f],
  [0x610, 0x61a],
  [0x640, 0x640],
  [0x64b, 0x65f],
  [0x670, 0x670],
  [0x6d6, 0x6ed],
  [0x93c, 0x93c],
  [0x180b, 0x180f],
  [0x1ab0, 0x1aff],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x206f],
  [0x20d0, 0x20ff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0x1f3fb, 0x1f3ff],
  [0xe0000, 0xe01ef],
];
const EMOJI: Ranges = [
  [0x2190, 0x21ff],
  [0x2300, 0x23ff],
  [0x2600, 0x27bf],
  [0x2b00, 0x2bff],
  [0x1f000, 0x1faff],
];
const SPACES: Ranges = [
  [0x80, 0xbf],
  [0x60c, 0x60d],
  [0x61b, 0x61f],
  [0x66a, 0x66d],
  [0x6d4, 0x6d4],
  [0x964, 0x965],
  [0x970, 0x970],
  [0x2000, 0x206f],
  [0x20a0, 0x20cf],
  [0x2100, 0x218f],
  [0x2200, 0x22ff],
  [0x2400, 0x25ff],
  [0x2e00, 0x2e7f],
  [0x3000, 0x303f],
  [0xfe10, 0xfe6f],
];
const DIGITS: Ranges = [
  [0x660, 0x669],
  [0x6f0, 0x6f9],
  [0x966, 0x96f],
  [0xc66, 0xc6f],
];
const APOSTROPHES = "'’‘`´";
/** Consonants of every script by the Latin letter that they sound like; aspiration is dropped. */
const BONES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    b: "b\u092c\u092d\u0c2c\u0c2d\u0628",
    c: "c\u091a\u091b\u0c1a\u0c1b\u0686",
    d: "d\u0921\u0922\u0926\u0927\u0c21\u0c22\u0c26\u0c27\u062f\u0688",
    g: "g\u0917\u0918\u0c17\u0c18\u063a\u06af",
    j: "jz\u091c\u091d\u0c1c\u0c1d\u062c\u0630\u0632\u0636\u0638\u0698",
    k: "kqx\u0915\u0916\u0c15\u0c16\u062e\u0642\u0643\u06a9",
    l: "l\u0932\u0933\u0c32\u0c33\u0644",
    m: "m\u092e\u0c2e\u0645",
    n: "n\u0919\u091e\u0923\u0928\u0c19\u0c1e\u0c23\u0c28\u0646\u06ba",
    p: "pf\u092a\u092b\u0c2a\u0c2b\u067e\u0641",
    r: "r\u0930\u0c30\u0c31\u0631\u0691",
    s: "s\u0936\u0937\u0938\u0c36\u0c37\u0c38\u062b\u0633\u0634\u0635",
    t: "t\u091f\u0920\u0924\u0925\u0c1f\u0c20\u0c24\u0c25\u062a\u0637\u0679",
  }).flatMap(([bone, letters]) => Array.from(letters, (letter) => [letter, bone] as const)),
);
const ANUSVARAS = "\u0901\u0902\u0c02";
const VIRAMAS = "\u094d\u0c4d";

/** A message's words, and the counts of the text around them. */
export interface Folded {
  /** Without emojis, in order; every digit is 0, a run of a letter has at most two. */
  readonly words: readonly string[];
  readonly emojis: readonly string[];
  readonly urls: number;
  readonly questions: number;
  readonly exclamations: number;
  readonly colons: number;
  readonly newlines: number;
  readonly money: number;
}

/** The words of a text, in a time that {@link MOST_START} and {@link MOST_END} bound. */
export function fold(text: string, lookalikes: ReadonlyMap<string, string>): Folded {
  let points = Array.from(text);
  if (points.length > MOST_START + MOST_END)
    points = [...points.slice(0, MOST_START), " ", ...points.slice(-MOST_END)];
  let urls = 0;
  const without = points
    .map((one) => one.toLowerCase())
    .join("")
    .replace(URL, () => {
      urls += 1;
      return " ";
    });
  const emojis: string[] = [];
  let plain = "";
  for (const raw of without.normalize("NFKD"))
    for (const letter of raw.toLowerCase()) {
      const point = pointOf(letter);
      if (APOSTROPHES.includes(letter) || within(point, DROPPED)) continue;
      if (within(point, EMOJI)) {
        emojis.push(letter);
        plain += " ";
      } else {
        plain += digit(point) ?? lookalikes.get(letter) ?? letter;
      }
    }
  return {
    words: joined(plain).map(spelt),
    emojis,
    urls,
    questions: count(plain, "?") + count(plain, "؟"),
    exclamations: count(plain, "!"),
    colons: count(plain, ":"),
    newlines: count(plain, "\n"),
    money: count(plain, "₹") + count(plain, "%"),
  };
}

/** A word with each run of a letter as one. */
export function collapsed(word: string): string {
  return word.replace(/(.)\1+/gsu, "$1");
}

/**
 * A word's consonants in Latin letters, alike in every script and spelling: `shubhodayam`,
 * `subodayam` and its Telugu letters give `sbdm`. Empty for fewer than two.
 */
export function skeleton(word: string): string {
  const letters = Array.from(word);
  const bones = letters.map((letter, at) => {
    const next = letters[at + 1] ?? "";
    if (letter === "c" && next !== "h") return "k";
    if (ANUSVARAS.includes(letter)) return "pbm".includes(BONES.get(next) ?? "m") ? "m" : "n";
    return BONES.get(letter) ?? "";
  });
  const short = collapsed(bones.join(""));
  return short.length > 1 ? short : "";
}

export function pointOf(letter: string): number {
  return letter.codePointAt(0) ?? 0;
}

function within(point: number, ranges: Ranges): boolean {
  return point >= 0x80 && ranges.some(([first, last]) => first <= point && point <= last);
}

function digit(point: number): string | null {
  const range = DIGITS.find(([first, last]) => first <= point && point <= last);
  return range === undefined ? null : String(point - range[0]);
}

function count(text: string, letter: string): number {
  return text.split(letter).length - 1;
}

function isLetter(letter: string): boolean {
  const point = pointOf(letter);
  return point < 0x80 ? /^[A-Za-z0-9]$/.test(letter) : !within(point, SPACES);
}

/** A vowel sign or the like of Devanagari or Telugu. */
function isMark(point: number): boolean {
  return (
    (point >= 0x900 && point <= 0x903) ||
    (point >= 0x93a && point <= 0x94f) ||
    (point >= 0x955 && point <= 0x957) ||
    (point >= 0xc00 && point <= 0xc04) ||
    (point >= 0xc3c && point <= 0xc56)
  );
}

/**
 * Split into words, joining three or more letters that stand one by one: `g o o d  d a y` has two
 * words. Two spaces or a line's end part two words.
 */
function joined(plain: string): string[] {
  const words: string[] = [];
  let single: string[] = [];
  let gap = 0;
  let word = "";
  const flush = (): void => {
    if (single.length >= 3) words.push(single.join(""));
    else words.push(...single);
    single = [];
  };
  const close = (): void => {
    if (word === "") return;
    if (isSingle(word)) {
      single.push(word);
    } else {
      flush();
      words.push(word);
    }
    word = "";
  };
  for (const letter of plain) {
    if (isLetter(letter)) {
      if (word === "" && gap >= 2) flush();
      word += letter;
      gap = 0;
    } else {
      close();
      gap += letter === "\n" ? 2 : 1;
    }
  }
  close();
  flush();
  return words;
}

/** Whether a word is one letter with its signs, or letters that a virama joins. */
function isSingle(word: string): boolean {
  const letters = Array.from(word);
  return (
    !/^[0-9]/.test(word) &&
    letters.every(
      (letter, at) =>
        at === 0 || isMark(pointOf(letter)) || VIRAMAS.includes(letters[at - 1] ?? " "),
    )
  );
}

function spelt(word: string): string {
  const plain = LEET_WORD.test(word) ? word.replace(/[013457]/g, (one) => LEET[one] ?? one) : word;
  return plain.replace(/[0-9]/g, "0").replace(/(.)\1{2,}/gsu, "$1$1");
}
