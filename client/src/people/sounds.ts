/**
 * How names sound, whatever script they are written in. Pure.
 *
 * The same keys as `src/copconnect/directory/finding/sounds.py`, which says how they are made and
 * why; `spec/sounds.json` has words for both.
 */
function offsets(from: number, sounds: string): readonly (readonly [number, string])[] {
  return [...sounds].map((sound, at) => [from + at, sound] as const);
}

const CONSONANTS: ReadonlyMap<number, string> = new Map([
  ...offsets(0x15, "kkggnccjjnttddnttddnnppbbmyrrlllvsssh"),
  ...offsets(0x58, "kkgjddpy"),
]);
const TELUGU_LATER: ReadonlyMap<number, string> = new Map(offsets(0x58, "cjr"));
const VOWELS: ReadonlyMap<number, string> = new Map([
  ...offsets(0x05, "aaiiuu"),
  [0x0b, "ri"],
  ...offsets(0x0d, "eeeEuuuu"),
]);
const SIGNS: ReadonlyMap<number, string> = new Map([
  ...offsets(0x3e, "aiiuu"),
  [0x43, "ri"],
  [0x44, "ri"],
  ...offsets(0x45, "eeeEuuuu"),
]);
const VIRAMA = 0x4d;
const NUKTA = 0x3c;

/** Latin letters, the longest match first. */
const LATIN: ReadonlyMap<string, string> = new Map(
  [
    ...(["khw:k", "chh:c", "ksh:ks", "sch:s", "ch:c", "ck:k", "sh:s", "zh:j", "jh:j"] as const),
    ...(["gh:g", "kh:k", "ph:p", "th:t", "dh:d", "bh:b", "wh:v", "vh:v", "rh:r"] as const),
    ...(["aa:a", "ee:i", "ii:i", "ea:i", "ie:i", "oo:u", "uu:u", "ao:av", "ou:u", "au:u"] as const),
    ...(["ai:E", "ei:E", "a:a", "b:b", "c:k", "d:d", "e:e", "f:p", "g:g", "h:h", "i:i"] as const),
    ...(["j:j", "k:k", "l:l", "m:m", "n:n", "o:u", "p:p", "q:k", "r:r", "s:s", "t:t"] as const),
    ...(["u:u", "v:v", "w:v", "x:ks", "y:y", "z:j"] as const),
  ].map((one) => one.split(":") as [string, string]),
);
const LATIN_LETTERS = new RegExp(
  "(?<s>c(?=[eiy]))|(?<k>qu(?=[aeiou]))|(?<E>[ae]y(?![aeiou]))|(?<u>[ao]w(?![aeiou]|$))|" +
    `(?<U>u(?=[mn](?:[^aeiouy]|$)))|${[...LATIN.keys()].join("|")}`,
  "g",
);

const ARABIC: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ b: "ب", p: "پف", t: "تٹطة", s: "ثسصش", j: "جذزژضظ", c: "چ", h: "حہه", k: "خقکك" },
    ...{ d: "دڈڑ", r: "ر", g: "غگ", l: "ل", m: "م", n: "نں", V: "وؤ", "": "اآأإعیيےئىءھ" },
  }).flatMap(([sound, letters]) => [...letters].map((letter) => [letter, sound] as const)),
);
const ARABIC_FIRST = "اآأإعیيےئىء";
const WAYS: Readonly<Record<string, readonly string[]>> = {
  ...{ E: ["i", "e"], U: ["u", "e"], N: ["m", "n"] },
};
const MOST = 8;

/** How a folded word sounds; nothing for one with digits or in another script. */
export function keys(word: string): readonly string[] {
  return sorted(soundsOf(word).map(keyOf));
}

/** The consonants of a folded word of any of the four scripts, a first vowel as `a`. */
export function skeletons(word: string): readonly string[] {
  const arabic = word !== "" && [...word].every((letter) => ARABIC.has(letter));
  return sorted((arabic ? arabicWays(word) : keys(word)).map(consonantsOf));
}

/** Whether a word has letters of the Arabic script. */
export function isUrdu(word: string): boolean {
  return /[\u0600-\u06ff]/u.test(word);
}

function sorted(found: readonly string[]): readonly string[] {
  return [...new Set(found)].filter((one) => one !== "").sort();
}

function soundsOf(word: string): readonly string[] {
  const block = (word.codePointAt(0) ?? 0) & ~0x7f;
  if (block === 0x0900 || block === 0x0c00) return indicWays(word, block);
  const latin = word.normalize("NFKD").replace(/\p{M}/gu, "");
  if (!/^[A-Za-z]+$/.test(latin)) return [];
  const sounds = [...latin.matchAll(LATIN_LETTERS)].map((match) => {
    const named = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined);
    return named?.[0] ?? LATIN.get(match[0]) ?? "";
  });
  return readings(sounds.join(""));
}

function indicWays(word: string, block: number): readonly string[] {
  const letters = [...word].map((letter) => (letter.codePointAt(0) ?? 0) - block);
  let out = "";
  for (const [at, offset] of letters.entries()) {
    if (offset < 0 || offset >= 0x80 || (offset >= 0x66 && offset <= 0x6f)) return [];
    const following = letters[at + 1] === NUKTA ? letters[at + 2] : letters[at + 1];
    const consonant =
      (block === 0x0c00 ? TELUGU_LATER.get(offset) : undefined) ?? CONSONANTS.get(offset);
    if (consonant !== undefined) {
      const spoken = following !== undefined && (SIGNS.has(following) || following === VIRAMA);
      out += spoken ? consonant : `${consonant}a`;
    } else if (offset === 0x01 || offset === 0x02) {
      const stop = following === undefined ? undefined : CONSONANTS.get(following);
      out += stop === undefined ? "N" : "yrlv".includes(stop) ? "m" : "n";
    } else out += VOWELS.get(offset) ?? SIGNS.get(offset) ?? "";
  }
  const found = readings(out);
  const shortU = word.endsWith("ు") && letters.length > 2;
  return shortU ? [...found, ...found.map((one) => one.slice(0, -1))] : found;
}

function readings(sounds: string): readonly string[] {
  const begun = sounds.startsWith("E") ? `ai${sounds.slice(1)}` : sounds;
  return product([...begun].map((sound) => WAYS[sound] ?? [sound]));
}

/** The first strings that take one of each, in the order in which the last one changes fastest. */
function product(ways: readonly (readonly string[])[]): readonly string[] {
  let found = [""];
  for (const [at, way] of ways.entries()) {
    // Later choices change faster, so that the first strings come of the first of these.
    const left = ways.slice(at + 1).reduce((count, other) => count * other.length, 1);
    found = found.flatMap((one) => way.map((sound) => one + sound));
    found = found.slice(0, Math.ceil(MOST / left));
  }
  return found.slice(0, MOST);
}

function keyOf(sounds: string): string {
  const said = sounds
    .replace(/([^aeiuy])\1+/g, "$1")
    .replace(/m(?=[pbsh])/g, "n")
    .replace(/u(?=h[aeiuy])/g, "a")
    .replace(/(?<!^)h$/, "")
    .replace(/^e/, "i")
    .replace(/y/g, "i");
  return (said.slice(0, 1) + said.slice(1).replace(/[ae]/g, "")).replace(/([iu])[iu]+/g, "$1");
}

function consonantsOf(key: string): string {
  return key.slice(0, 1).replace(/[iu]/, "a") + key.slice(1).replace(/[aiu]/g, "");
}

function arabicWays(word: string): readonly string[] {
  const letters = [...word];
  const first = ARABIC_FIRST.includes(letters[0] ?? "") ? "a" : "";
  const last = letters.at(-1) ?? "";
  const body = letters.length > 1 && "ہهةھ".includes(last) ? letters.slice(0, -1) : letters;
  const sounds = first + body.map((letter) => ARABIC.get(letter) ?? "").join("");
  const ways = [...sounds].map((sound, at) => (sound === "V" && at > 0 ? ["v", ""] : [sound]));
  return product(ways)
    .flatMap((one) => [one, one.replace(/m(?=[sh])/g, "n")])
    .map((one) => one.replace(/V/g, "v").replace(/m(?=[pb])/g, "n"));
}
