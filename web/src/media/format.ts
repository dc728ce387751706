/** Coordinates, addresses and file endings. Pure; sizes and times are in i18n/format.ts. */

/** Whole percent of a transfer, 0 to 100; 100 only when it is complete. */
export function percent(done: number, total: number): number {
  if (total <= 0) return 0;
  return Math.min(100, Math.max(0, Math.floor((done / total) * 100)));
}

/** Decimal degrees with five places (about a metre), as every map takes them. */
export function formatCoordinates(latitude: number, longitude: number): string {
  return `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
}

/** RFC 5870 address that the phone's own maps open; `u` is the accuracy in metres. */
export function geoUri(latitude: number, longitude: number, accuracyM: number | null): string {
  const uncertainty = accuracyM === null ? "" : `;u=${Math.max(1, Math.round(accuracyM))}`;
  return `geo:${latitude.toFixed(6)},${longitude.toFixed(6)}${uncertainty}`;
}

/** Whether a position from a message is one on this planet. */
export function isPosition(latitude: number, longitude: number): boolean {
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}

/** A file name in two: what it is called, and its ending with the dot (empty without one). */
export function splitName(name: string): { readonly stem: string; readonly ending: string } {
  const ending = /(?<=.)\.[^.\s]{1,16}$/u.exec(name)?.[0] ?? "";
  return { stem: name.slice(0, name.length - ending.length), ending };
}

/** The part of a file name after its last dot, short and upper case, for a type badge. */
export function extension(name: string): string {
  const dot = name.lastIndexOf(".");
  if (dot <= 0 || dot === name.length - 1) return "";
  const ending = name.slice(dot + 1);
  return /^[\p{L}\p{N}]{1,5}$/u.test(ending) ? ending.toUpperCase() : "";
}

/** A line may break after a space and after a hyphen; a longer word breaks anywhere. */
const WORDS = /(?<=[\s-])/u;
const clusters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** How many lines of a width a text takes, as a browser breaks them. `widthOf`: of one line, in pixels. */
export function linesOf(text: string, width: number, widthOf: (text: string) => number): number {
  let lines = 1;
  let line = "";
  for (const word of text.split(WORDS)) {
    if (widthOf((line + word).trimEnd()) <= width) {
      line += word;
      continue;
    }
    if (line !== "") lines += 1;
    line = "";
    for (const { segment } of clusters.segment(word)) {
      if (line !== "" && widthOf(line + segment) > width) {
        lines += 1;
        line = "";
      }
      line += segment;
    }
  }
  return lines;
}

/**
 * A file's name without its ending, shortened in the middle until it fits: a name's end says as much
 * as its beginning ("…, revised twice"). Whole letters only.
 */
export function cutMiddle(stem: string, fits: (stem: string) => boolean): string {
  if (fits(stem)) return stem;
  const letters = [...clusters.segment(stem)].map(({ segment }) => segment);
  const kept = (count: number): string => {
    const head = Math.ceil(count * 0.6);
    const tail = letters.slice(letters.length - (count - head));
    return `${letters.slice(0, head).join("").trimEnd()}…${tail.join("").trimStart()}`;
  };
  let low = 1;
  let high = letters.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(kept(middle))) low = middle;
    else high = middle - 1;
  }
  return kept(low);
}
