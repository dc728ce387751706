import type { PersonId } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import { onlyEmoji, piecesOf } from "./text.ts";

describe("piecesOf", () => {
  it("finds links without the punctuation after them", () => {
    expect(piecesOf("See https://tspolice.gov.in/duty?id=4. Now", [])).toEqual([
      { kind: "plain", text: "See " },
      {
        kind: "link",
        text: "https://tspolice.gov.in/duty?id=4",
        href: "https://tspolice.gov.in/duty?id=4",
      },
      { kind: "plain", text: ". Now" },
    ]);
  });

  it("makes no link of other schemes", () => {
    for (const text of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"]) {
      expect(piecesOf(text, [])).toEqual([{ kind: "plain", text }]);
    }
  });

  it("cuts out mentions and ignores those outside the text or overlapping", () => {
    expect(
      piecesOf("hi @Ravi!", [
        { personId: "a" as PersonId, start: 3, length: 5 },
        { personId: "b" as PersonId, start: 4, length: 2 },
        { personId: "c" as PersonId, start: 8, length: 50 },
        { personId: "d" as PersonId, start: -3, length: 2 },
      ]),
    ).toEqual([
      { kind: "plain", text: "hi " },
      { kind: "mention", text: "@Ravi", personId: "a" },
      { kind: "plain", text: "!" },
    ]);
  });
});

describe("onlyEmoji", () => {
  it("knows a few emoji from text", () => {
    expect(onlyEmoji("👍")).toBe(true);
    expect(onlyEmoji("👮🏽‍♀️ 👍")).toBe(false);
    expect(onlyEmoji("👮🏽‍♀️👍")).toBe(true);
    expect(onlyEmoji("12")).toBe(false);
    expect(onlyEmoji("ok 👍")).toBe(false);
  });
});
