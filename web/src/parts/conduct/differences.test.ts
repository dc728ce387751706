import { expect, test } from "vitest";
import { differences } from "./differences.ts";

const shown = (former: readonly string[], current: readonly string[]): readonly string[] =>
  differences(former, current).map(
    ({ change, number, rule, before }) =>
      `${change} ${String(number)} ${rule}${before === null ? "" : ` < ${before}`}`,
  );

test("rules are new, changed, removed or the same", () => {
  const former = ["Be brief.", "No greetings, no jokes.", "Keep it locked.", "Report a loss."];
  const current = [
    "Be brief.",
    "No greetings, no jokes, no forwards.",
    "Report a loss.",
    "Be kind.",
  ];
  expect(shown(former, current)).toEqual([
    "same 1 Be brief.",
    "changed 2 No greetings, no jokes, no forwards. < No greetings, no jokes.",
    "removed null Keep it locked.",
    "same 3 Report a loss.",
    "added 4 Be kind.",
  ]);
});

test("a rule that moved is there once, and equal lists differ in nothing", () => {
  expect(shown(["a", "b", "c"], ["c", "a", "b"])).toEqual([
    "added 1 c",
    "same 2 a",
    "same 3 b",
    "removed null c",
  ]);
  expect(differences(["x", "x"], ["x", "x"]).every(({ change }) => change === "same")).toBe(true);
  expect(shown([], ["a"])).toEqual(["added 1 a"]);
  expect(shown(["a"], [])).toEqual(["removed null a"]);
});

test("Telugu and Urdu rules that share their words are changed ones", () => {
  const te = differences(["కాప్ కనెక్ట్‌ను విధులకు వాడండి."], ["కాప్ కనెక్ట్‌ను విధులకు మాత్రమే వాడండి."]);
  expect(te.map(({ change }) => change)).toEqual(["changed"]);
  const ur = differences(["فون لاک رکھیں۔"], ["اپنا فون لاک رکھیں۔"]);
  expect(ur.map(({ change }) => change)).toEqual(["changed"]);
});
