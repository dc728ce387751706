import type { Lesson, LessonBlock } from "@copconnect/client/core";
import { expect, it } from "vitest";
import { answers, isSolved, nextTry, rightOf, screens, type Quiz } from "./flow.ts";

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
    screens({ practice, screens: blocks }, [0, 1])
      .map(({ kind }) => kind)
      .join(" ");
  expect(kinds("order", [[text], [text, quiz], [quiz]])).toBe("text text practice quiz quiz");
  expect(kinds("order", [[text]])).toBe("text practice");
  expect(kinds(null, [[text], [quiz], [text]])).toBe("text text quiz");
});

it("asks other questions at the next try, and the same ones in another order where it must", () => {
  const of = (questions: number): Pick<Lesson, "screens" | "asked"> => ({
    screens: Array.from({ length: questions }, () => [text, quiz]),
    asked: 2,
  });
  const first = nextTry(of(4), [], Math.random);
  const second = nextTry(of(4), first, Math.random);
  expect([...first, ...second].toSorted()).toEqual([0, 1, 2, 3]);
  expect(nextTry(of(3), [0, 2], Math.random)).toEqual([1, 2]);
  expect(nextTry(of(2), [0, 1], Math.random)).toEqual([1, 0]);
  const falling = [3, 2, 1, 0];
  expect(nextTry(of(4), [], () => falling.pop() ?? 0)).toEqual([0, 1]);
  const rising = [0, 1, 2, 3];
  expect(nextTry(of(4), [], () => rising.pop() ?? 0)).toEqual([3, 2]);
});

it("counts the first choice alone, and lets nobody go on with a wrong answer", () => {
  const given = answers([4, 1], { 1: [0, 1], 4: [1] });
  expect(given).toEqual([
    { question: 4, option: 1 },
    { question: 1, option: 0 },
  ]);
  expect(rightOf({ screens: [[text], [quiz, quiz], [quiz, quiz, quiz]] }, given)).toBe(1);
  expect(isSolved(quiz, [0])).toBe(false);
  expect(isSolved(quiz, [0, 1])).toBe(true);
});
