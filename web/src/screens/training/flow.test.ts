import type { LessonBlock } from "@copconnect/client/core";
import { expect, it } from "vitest";
import { isSolved, score, screens, type Quiz } from "./flow.ts";

const text: LessonBlock = { type: "paragraph", line: [{ text: "a", bold: false, italic: false }] };
const quiz: Quiz = {
  type: "quiz",
  question: "?",
  options: [
    { text: "no", right: false, why: "" },
    { text: "yes", right: true, why: "" },
  ],
};

it("puts the practice between what is read and what is asked", () => {
  const kinds = (practice: "order" | null, blocks: readonly (readonly LessonBlock[])[]): string =>
    screens({ practice, screens: blocks })
      .map(({ kind }) => kind)
      .join(" ");
  expect(kinds("order", [[text], [text, quiz], [quiz]])).toBe("text text practice quiz quiz");
  expect(kinds("order", [[text]])).toBe("text practice");
  expect(kinds(null, [[text], [quiz]])).toBe("text quiz");
});

it("counts what was right at the first try, and lets nobody pass with a wrong answer", () => {
  const all = screens({ practice: null, screens: [[text], [quiz], [quiz]] });
  expect(score(all, { 1: [1], 2: [0, 1] })).toEqual({ right: 1, asked: 2 });
  expect(score(all, {})).toEqual({ right: 0, asked: 2 });
  expect(isSolved(quiz, [0])).toBe(false);
  expect(isSolved(quiz, [0, 1])).toBe(true);
});
