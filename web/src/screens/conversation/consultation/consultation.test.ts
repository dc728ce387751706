import { expect, it } from "vitest";
import { endOf, optionsOf, matchingQuestions } from "./consultation.ts";
import type { MessageItem } from "@copconnect/client/core";

it("sends options that differ, without those left empty", () => {
  expect(optionsOf([" Mon ", "", "Tue"])).toEqual(["Mon", "Tue"]);
  expect(optionsOf(["Mon", " "])).toBeNull();
  expect(optionsOf(["Mon", "Mon "])).toBeNull();
});

it("ends after the span that was chosen, or never", () => {
  expect(endOf("never", 5)).toBeNull();
  expect(endOf("shift", 5)).toBe(5 + 8 * 3_600_000);
});

function asked(text: string, answered: string | null): MessageItem {
  const preview = { kind: "text", text: answered ?? "" } as const;
  const answer = answered === null ? null : { messageId: "", sender: null, preview };
  const state = { mine: false, answerId: answered };
  const body = { kind: "question", text, mentions: [], state };
  return { body, answer } as unknown as MessageItem;
}

it("finds questions by words of theirs or of the accepted answer, or those still open", () => {
  const gate = asked("Which gate is open?", "The NORTH gate");
  const keys = asked("Who has the keys of the gate?", null);
  expect(matchingQuestions([gate, keys], "gate north", false)).toEqual([gate]);
  expect(matchingQuestions([gate, keys], "  Gate ", true)).toEqual([keys]);
  expect(matchingQuestions([gate, keys], "", false)).toHaveLength(2);
});
