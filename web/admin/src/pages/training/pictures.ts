/** Pictures in the Markdown of a lesson: their lines, and the words for people who cannot see them. Pure. */
import { LANGUAGES, type LessonTexts } from "@copconnect/client/wire";

const PICTURE = /!\[([^\]]*)\]\(([^()\s]+)\)/gu;
const ENDINGS: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
};

/** The words of a text for a picture; null: the text does not show it. */
export function altOf(text: string, name: string): string | null {
  for (const [, alt = "", shown] of text.matchAll(PICTURE)) if (shown === name) return alt;
  return null;
}

/** The names of the pictures that any of the texts shows. */
export function shownIn(texts: LessonTexts): ReadonlySet<string> {
  const all = LANGUAGES.flatMap((one) => [...texts[one].matchAll(PICTURE)]);
  return new Set(all.map(([, , name = ""]) => name));
}

/** Brackets and lines would end the words early. */
export function withAlt(text: string, name: string, alt: string): string {
  const words = alt.replace(/[[\]\\]|\s+/gu, " ");
  return changed(text, name, () => `![${words}](${name})`);
}

export function withName(text: string, from: string, to: string): string {
  return changed(text, from, (alt) => `![${alt}](${to})`);
}

export function without(text: string, name: string): string {
  // With the empty line above it.
  const lines = changed(text, name, () => "\0").replace(/\n?\n?\0[ \t]*(?=\n|$)/gu, "");
  return lines.replaceAll("\0", "");
}

function changed(text: string, name: string, to: (alt: string) => string): string {
  return text.replace(PICTURE, (whole: string, alt: string, shown: string) =>
    shown === name ? to(alt) : whole,
  );
}

/** The last line of each block, from 0: the front matter, and what empty lines part; a quiz is one. */
function blockEnds(lines: readonly string[]): readonly number[] {
  const ends: number[] = [];
  let open: "front" | "quiz" | null = null;
  for (const [at, line] of lines.entries()) {
    if (open === null && at === 0 && line.trim() === "---") open = "front";
    else if (open === "front" && line.trim() === "---") open = null;
    else if (open !== "front" && line.startsWith("```")) open = open === "quiz" ? null : "quiz";
    const next = lines[at + 1];
    if (open === null && line.trim() !== "" && (next === undefined || next.trim() === ""))
      ends.push(at);
  }
  return ends;
}

/** The block that a place of a text is in or after, from 0. */
export function blockAt(text: string, place: number): number {
  const line = text.slice(0, place).split("\n").length - 1;
  const found = blockEnds(text.split("\n")).findIndex((end) => end >= line);
  return found < 0 ? Number.MAX_SAFE_INTEGER : found;
}

/** Put a picture below a block, or below the last one, without words as yet. */
export function withPicture(text: string, name: string, block: number): string {
  const lines = text.split("\n");
  const ends = blockEnds(lines);
  const end = ends[Math.min(block, ends.length - 1)] ?? lines.length - 1;
  return lines.toSpliced(end + 1, 0, "", `![](${name})`).join("\n");
}

/** A name for a picture of a file, which no other picture of the lesson has. */
export function nameFor(file: string, type: string, taken: ReadonlySet<string>): string {
  const dot = file.lastIndexOf(".");
  const stem = (dot > 0 ? file.slice(0, dot) : file)
    .toLowerCase()
    .replace(/[^a-z0-9]+/gu, "-")
    .replace(/^-+|-+$/gu, "")
    .slice(0, 40);
  const ending = ENDINGS[type] ?? "png";
  for (let number = 1; ; number++) {
    const name = `${stem === "" ? "picture" : stem}${number === 1 ? "" : `-${number}`}.${ending}`;
    if (!taken.has(name)) return name;
  }
}
