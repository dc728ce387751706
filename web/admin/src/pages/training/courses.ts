/** The courses in their order, their figures, and the texts of lessons in the editor. Pure. */
import type { CourseName } from "@copconnect/client/core";
import type { UnitId, LessonId, LessonTexts } from "@copconnect/client/wire";

export const COURSES: readonly CourseName[] = ["officer", "head", "admin", "moderator"];

/** The unit that a path as cards write it ends in. */
export function unitOf(path: string): UnitId {
  return path.slice(path.lastIndexOf("/") + 1) as UnitId;
}

/** Whole percent: 100 only where nobody is missing, 0 only where nobody has done it. */
export function percentOf(done: number, people: number): number {
  if (people === 0) return 0;
  if (done === 0 || done === people) return done === 0 ? 0 : 100;
  return Math.min(99, Math.max(1, Math.round((100 * done) / people)));
}

export function emptyTexts(): LessonTexts {
  return { en: "", te: "", ur: "", hi: "" };
}

/** The first text of a new lesson, which shows what one may write. */
export function starter(lessonId: LessonId): string {
  const words = lessonId.slice(lessonId.indexOf(".") + 1).replaceAll("-", " ");
  const title = words.slice(0, 1).toUpperCase() + words.slice(1);
  return [
    ...[
      "---",
      `title: ${title}`,
      "minutes: 2",
      "version: 1",
      "---",
      "",
      "Two or three sentences.",
      "",
    ],
    ...["- One thing to do.", "- **One** more.", "", "```quiz", "question: What is right?"],
    ...["options:", "  - text: This", "    right: true", "    why: Because it is so."],
    ...["  - text: That", "    why: Because it is not so.", "```", ""],
  ].join("\n");
}

/** The place of a line in a text, from 1; the last line for one that is not there. */
export function lineAt(text: string, line: number): { readonly from: number; readonly to: number } {
  const lines = text.split("\n");
  const at = Math.min(Math.max(line, 1), lines.length) - 1;
  const from = lines.slice(0, at).reduce((sum, one) => sum + one.length + 1, 0);
  return { from, to: from + (lines[at]?.length ?? 0) };
}
