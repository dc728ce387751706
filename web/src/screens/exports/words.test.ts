import { inEnglish, type ProvenPerson, type VerifiedExport } from "@copconnect/client/core";
import type { PersonId } from "@copconnect/client/wire";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { loadLater, speak } from "#i18n/index.svelte.ts";
import { limitsOf, problemText, verdictOf } from "./words.ts";

beforeAll(async () => {
  vi.stubGlobal("document", { documentElement: {} });
  await speak("en");
  await loadLater("exports");
});
afterAll(() => {
  vi.unstubAllGlobals();
});

const none = inEnglish("");
const officer = (personId: PersonId): ProvenPerson =>
  ({ personId, names: inEnglish(personId), rank: none, post: none, unit: none }) as ProvenPerson;
const [a, b] = [officer("a" as PersonId), officer("b" as PersonId)];
const witnesses = [a, b].map((person) => ({ person, upTo: 9 }));

function found(more: Partial<VerifiedExport>): VerifiedExport {
  return {
    ...{ sha256: "", bytes: 1, conversationId: "c", title: "", exporter: a, madeMs: 0 },
    ...{ first: 1, last: 9, messages: [], gaps: [], witnesses, problems: [] },
    ...more,
  } as VerifiedExport;
}

it("calls a file genuine as a whole where two people confirm the order", () => {
  expect(verdictOf(found({}))).toEqual({ verdict: "holds", doubts: [] });
  for (const fewer of [[], witnesses.slice(0, 1), witnesses.slice(1)])
    expect(verdictOf(found({ witnesses: fewer })).verdict).toBe("partly");
});

it("counts files without a signed hash in the verdict and among the limits", () => {
  const files = [{ state: "unsigned" }, { state: "proven" }];
  const unsigned = found({ messages: [{ files }] as unknown as VerifiedExport["messages"] });
  const { verdict, doubts } = verdictOf(unsigned);
  expect(verdict).toBe("partly");
  expect(doubts).toHaveLength(1);
  expect(limitsOf(unsigned)).toContain(doubts[0]);
});

it("calls a file with a problem wrong, whoever confirms it", () => {
  const problems = [{ at: 1, rule: "R3", reason: "" }];
  expect(verdictOf(found({ problems })).verdict).toBe("wrong");
});

it.each([
  ["E0", "the sender was confirmed"],
  ["R2", "the sender was confirmed"],
  ["R3", "not as its sender signed it"],
  ["R5", "missing, moved or repeated"],
  ["R7", "the words are the sender's"],
  ["file", "not the one that the sender signed"],
  ["M1", "not genuine"],
])("says what the rule %s is about, then the rule and its reason", (rule, words) => {
  const text = problemText({ at: 2, rule, reason: "a reason" });
  expect(text).toMatch(/^No\. 2: /u);
  expect(text).toContain(words);
  expect(text).toContain(`${rule}, a reason`);
});

it("says of the file as a whole that a part of it was changed", () => {
  expect(problemText({ at: null, rule: "file", reason: "a reason" })).toBe(
    "A part of the export was changed or added. For specialists: a reason",
  );
});
