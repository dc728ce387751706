import type { ConductText, UnitId } from "@copconnect/client/wire";
import { expect, test } from "vitest";
import { rolledUp } from "./counts.ts";
import {
  draftOf,
  isSame,
  problemsOf,
  raised,
  textsOf,
  withOneMore,
  withRule,
  without,
} from "./drafts.ts";

const TEXTS: ConductText[] = (["en", "te", "ur", "hi"] as const).map((language) => ({
  language,
  title: `Code ${language}`,
  rules: [`one ${language}`, `two ${language}`],
}));

test("a rule is added, moved and removed in every language at once", () => {
  const draft = draftOf(TEXTS);
  expect(isSame(draft, TEXTS)).toBe(true);
  const more = withRule(withOneMore(draft), "te", 2, " three te ");
  expect(textsOf(more).map(({ rules }) => rules[2])).toEqual(["", "three te", "", ""]);
  expect(
    problemsOf(more).map(({ kind, language, number }) => `${kind} ${language} ${String(number)}`),
  ).toEqual(["rule en 3", "rule ur 3", "rule hi 3"]);
  expect(raised(more, 2).hi.rules).toEqual(["one hi", "", "two hi"]);
  expect(raised(draft, 0)).toBe(draft);
  expect(without(more, 2)).toEqual(draft);
  let full = draft;
  for (let many = 0; many < 1_000; many++) full = withOneMore(full);
  expect(full.en.rules.length).toBe(30);
});

test("a language that is missing begins empty, and long rules are named", () => {
  const draft = draftOf(TEXTS.slice(0, 3));
  expect(problemsOf(draft).map(({ kind }) => kind)).toEqual(["title", "rule", "rule"]);
  // 300 characters outside the BMP are 600 halves: the server counts 300.
  const whole = draftOf(TEXTS);
  expect(problemsOf(withRule(whole, "en", 0, "🚓".repeat(300)))).toEqual([]);
  expect(problemsOf(withRule(whole, "en", 0, "x".repeat(301)))).toEqual([
    { kind: "long", language: "en", number: 1 },
  ]);
});

test("counts of a unit hold those of all units below it", () => {
  const [state, zone, station, gone] = ["S", "Z", "P", "X"] as UnitId[];
  const units = [
    { unitId: state as UnitId, parentId: null },
    { unitId: zone as UnitId, parentId: state as UnitId },
    { unitId: station as UnitId, parentId: zone as UnitId },
  ];
  const own = [state, station, gone].map((unitId) => ({
    ...{ unitId: unitId as UnitId, people: 10, registered: 5, accepted: 4 },
  }));
  const found = rolledUp(units, own);
  expect(found.get(state as UnitId)).toEqual({ people: 20, registered: 10, accepted: 8 });
  expect(found.get(zone as UnitId)?.accepted).toBe(4);
  expect(found.has(gone as UnitId)).toBe(false);
});
