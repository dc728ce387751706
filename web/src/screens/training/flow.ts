/** The screens of a lesson in their order, and how its quiz is counted. Pure. */
import type { Lesson, LessonBlock } from "@copconnect/client/core";
import { PRACTICES, type PracticeName } from "#practice/bridge.ts";
import { STEPS } from "#practice/steps.ts";

export type Quiz = Extract<LessonBlock, { type: "quiz" }>;
export type TextBlock = Exclude<LessonBlock, Quiz>;

export type Screen =
  | { readonly kind: "text"; readonly blocks: readonly TextBlock[] }
  | { readonly kind: "practice"; readonly name: PracticeName }
  | { readonly kind: "quiz"; readonly quiz: Quiz };

/** The words of a screen, as they are read aloud. */
export function spoken(blocks: readonly TextBlock[]): string {
  const lines = blocks.flatMap((block) => {
    if (block.type === "list") return block.items;
    return block.type === "image" ? [] : [block.line];
  });
  return lines.map((line) => line.map(({ text }) => text).join("")).join("\n");
}

const isQuiz = (block: LessonBlock): block is Quiz => block.type === "quiz";

function screensOf(blocks: readonly LessonBlock[]): readonly Screen[] {
  const shown = blocks.filter((block): block is TextBlock => !isQuiz(block));
  const text: readonly Screen[] = shown.length === 0 ? [] : [{ kind: "text", blocks: shown }];
  return [...text, ...blocks.filter(isQuiz).map((quiz) => ({ kind: "quiz", quiz }) as const)];
}

/** A practice comes after the text and before the questions. */
export function screens(lesson: Pick<Lesson, "screens" | "practice">): readonly Screen[] {
  const read = lesson.screens.flatMap(screensOf);
  const name = PRACTICES.find((one) => one === lesson.practice && STEPS[one].length > 0);
  if (name === undefined) return read;
  const asked = read.findIndex(({ kind }) => kind === "quiz");
  return read.toSpliced(asked < 0 ? read.length : asked, 0, { kind: "practice", name });
}

/** The options that were chosen in each quiz, by the place of its screen. */
export type Chosen = Readonly<Record<number, readonly number[]>>;

export function isSolved(quiz: Quiz, chosen: readonly number[]): boolean {
  return chosen.some((at) => quiz.options[at]?.right === true);
}

export function score(
  all: readonly Screen[],
  chosen: Chosen,
): { readonly right: number; readonly asked: number } {
  let [right, asked] = [0, 0];
  for (const [at, screen] of all.entries()) {
    if (screen.kind !== "quiz") continue;
    asked += 1;
    if (screen.quiz.options[chosen[at]?.[0] ?? -1]?.right === true) right += 1;
  }
  return { right, asked };
}
