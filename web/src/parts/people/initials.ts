/** Initials and tint of somebody or something without a photo; both depend on nothing else. */
const TINTS = 6;

const LATIN = /^\P{L}*\p{Script=Latin}/u;

/**
 * Two letters in Latin script. In any other one grapheme cluster: two joined syllables of Telugu,
 * Urdu or Hindi are words, some of them rude.
 */
export function initials(name: string): string {
  const words = name.split(/[\s.,/()-]+/u).filter((word) => /\p{L}/u.test(word));
  const [first, second] = words;
  if (first === undefined) return "";
  const two = second !== undefined && LATIN.test(first) && LATIN.test(second);
  return two ? cluster(first) + cluster(second) : cluster(first);
}

/** The first whole cluster, so that vowel signs stay with their letter. */
function cluster(word: string): string {
  const clusters = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  const first = clusters.segment(word)[Symbol.iterator]().next();
  return first.done === true ? "" : first.value.segment.toLocaleUpperCase();
}

export function tint(seed: string): number {
  let sum = 0;
  for (const character of seed) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return sum % TINTS;
}
