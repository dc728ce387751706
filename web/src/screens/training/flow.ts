/** The screens of a lesson in their order, the questions of a try, and whether it passes. Pure. */
import type { Lesson, LessonBlock } from "@copconnect/client/core";
import type { QuizAnswer } from "@copconnect/client/wire";
import { PRACTICES, type PracticeName } from "#practice/bridge.ts";
import { STEPS } from "#practice/steps.ts";

export type Quiz = Extract<LessonBlock, { type: "quiz" }>;
export type TextBlock = Exclude<LessonBlock, Quiz>;

export type Screen =
  | { readonly kind: "text"; readonly blocks: readonly TextBlock[] }
  | { readonly kind: "practice"; readonly name: PracticeName }
  /** `question`: its place among the lesson's. */
  | { readonly kind: "quiz"; readonly quiz: Quiz; readonly question: number };

/** The words of a screen, as they are read aloud. */
export function spoken(blocks: readonly TextBlock[]): string {
  const lines = blocks.flatMap((block) => {
    if (block.type === "list") return block.items;
    return block.type === "image" ? [] : [block.line];
  });
  return lines.map((line) => line.map(({ text }) => text).join("")).join("\n");
}

const isQuiz = (block: LessonBlock): block is Quiz => block.type === "quiz";

/** The questions of a lesson. */
export function quizzes({ screens: read }: Pick<Lesson, "screens">): readonly Quiz[] {
  return read.flat().filter(isQuiz);
}

/**
 * The places of the questions that the next try asks: the questions that the try `before` left out come
 * first, by chance, then its own in reverse.
 */
export function nextTry(
  lesson: Pick<Lesson, "screens" | "asked">,
  before: readonly number[],
  random: () => number,
): readonly number[] {
  const others = [...quizzes(lesson).keys()]
    .filter((at) => !before.includes(at))
    .map((at) => [random(), at] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, at]) => at);
  return [...others, ...before.toReversed()].slice(0, lesson.asked);
}

/** The screens of the texts, the practice, then the questions of this try. */
export function screens(
  lesson: Pick<Lesson, "screens" | "practice">,
  trying: readonly number[],
): readonly Screen[] {
  const read = lesson.screens
    .map((blocks) => blocks.filter((block): block is TextBlock => !isQuiz(block)))
    .filter((blocks) => blocks.length > 0)
    .map((blocks): Screen => ({ kind: "text", blocks }));
  const name = PRACTICES.find((one) => one === lesson.practice && STEPS[one].length > 0);
  const practice: readonly Screen[] = name === undefined ? [] : [{ kind: "practice", name }];
  const all = quizzes(lesson);
  const questions = trying.flatMap((question): readonly Screen[] => {
    const quiz = all[question];
    return quiz === undefined ? [] : [{ kind: "quiz", quiz, question }];
  });
  return [...read, ...practice, ...questions];
}

/** The options that were chosen in each quiz, by the question's place. */
export type Chosen = Readonly<Record<number, readonly number[]>>;

export function isSolved(quiz: Quiz, chosen: readonly number[]): boolean {
  return chosen.some((at) => quiz.options[at]?.right === true);
}

/** The first choices of a try, which alone count. */
export function answers(trying: readonly number[], chosen: Chosen): readonly QuizAnswer[] {
  return trying.flatMap((question) => {
    const option = chosen[question]?.[0];
    return option === undefined ? [] : [{ question, option }];
  });
}

/** How many of a try's answers are right. */
export function rightOf(lesson: Pick<Lesson, "screens">, given: readonly QuizAnswer[]): number {
  const all = quizzes(lesson);
  return given.filter(({ question, option }) => all[question]?.options[option]?.right === true)
    .length;
}
