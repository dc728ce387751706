/** The texts of a lesson in the editor. Pure. */
import type { LessonId, LessonTexts } from "@copconnect/client/wire";

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
