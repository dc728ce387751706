import { expect, it } from "vitest";
import type { PersonId, UnitId } from "../ids.ts";
import type { Called } from "./parts.ts";
import { callOf, type Call } from "./called.ts";

const SELF = "1".repeat(32) as PersonId;
const UNIT = "TG.HYD" as UnitId;

it.each<[Called, Call]>([
  [{ personId: SELF }, "name"],
  [{ post: "SHO", unitId: UNIT }, "name"],
  [{ post: "SHO", unitId: null }, "everybody"],
  [{ rank: "Inspector" }, "everybody"],
  [{ everybody: true }, "everybody"],
  [{ rank: "Constable" }, null],
  [{ post: "SHO", unitId: "TG.WGL" as UnitId }, null],
])("M5 %o calls the reader as one of many, or by name", (called, call) => {
  const mentions = [{ ...called, start: 0, length: 1 }];
  const content = { kind: "text", text: "@", mentions, replyTo: null, forwards: 0 } as const;
  const self = { personId: SELF, rank: "Inspector", post: "SHO", unitId: UNIT };
  expect(callOf(content, self)).toBe(call);
});
