import { describe, expect, it } from "vitest";
import type { ActPreview, Person, PersonId } from "@copconnect/client/wire";
import { changedRows } from "./changed.ts";

const person = (text: string): Person => ({ personId: text as PersonId }) as Person;
const NONE: ActPreview = {
  ...{ effect: "0".repeat(64), people: 1, sample: [], paths: ["TG/A"], needsSecond: true },
  ...{ rights: [], policy: [], conversations: 0, approvers: [], approverCount: 0 },
};

describe("the rows of a preview that changed", () => {
  it("are none where it is the same, whoever may approve it now", () => {
    const later = { ...NONE, approvers: [person("x")], approverCount: 1 };
    expect(changedRows(NONE, later)).toEqual([]);
  });

  it("name people and units that come and go", () => {
    const then = { ...NONE, people: 2, sample: [person("a"), person("b")] };
    const now = { ...NONE, people: 2, sample: [person("b"), person("c")], paths: ["TG/B"] };
    expect(changedRows(then, now)).toEqual([
      { kind: "unit", path: "TG/B", added: true },
      { kind: "unit", path: "TG/A", added: false },
      { kind: "person", person: person("c"), added: true },
      { kind: "person", person: person("a"), added: false },
    ]);
  });

  it("name rights whose people changed, with equal counts too", () => {
    const enrol = { right: "enrol" as const, gain: 0, lose: 1, gaining: [] };
    const then = { ...NONE, rights: [{ ...enrol, losing: [person("a")] }] };
    const now = { ...NONE, rights: [{ ...enrol, losing: [person("b")] }] };
    expect(changedRows(then, now)).toEqual([{ kind: "right", right: "enrol", gain: 0, lose: 1 }]);
    expect(changedRows(then, NONE)).toEqual([{ kind: "right", right: "enrol", gain: 0, lose: 0 }]);
  });

  it("name groups and counts", () => {
    const change = { code: "x", title: {}, kind: "made" as const, groups: 3, people: 9 };
    const now = { ...NONE, people: 4, conversations: 7, policy: [change as never] };
    expect(changedRows(NONE, now)).toEqual([
      { kind: "people", then: 1, now: 4 },
      { kind: "conversations", then: 0, now: 7 },
      { kind: "group", change, added: true },
    ]);
  });
});
