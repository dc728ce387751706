/** Initials and tint of somebody or something without a photo; both depend on nothing else. */
const TINTS = 6;

/** Up to two letters, whole clusters, so that Telugu and Hindi vowel signs stay with their letter. */
export function initials(name: string): string {
  const words = name
    .split(/[\s.,/()-]+/u)
    .filter((word) => /\p{L}/u.test(word))
    .slice(0, 2);
  const clusters = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return words
    .map((word) => {
      const first = clusters.segment(word)[Symbol.iterator]().next();
      return first.done === true ? "" : first.value.segment.toLocaleUpperCase();
    })
    .join("");
}

export function tint(seed: string): number {
  let sum = 0;
  for (const character of seed) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return sum % TINTS;
}
