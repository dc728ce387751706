import { expect, it } from "vitest";
import type { PersonId, UnitId } from "../ids.ts";
import type { Called } from "./parts.ts";
import { callOf, type CalledAs } from "./called.ts";

const UNIT = "TG.HYD" as UnitId;
const SELF = { personId: "1".repeat(32) as PersonId, rank: "Inspector", post: "SHO", unitId: UNIT };
const BY_NAME = { personId: SELF.personId };
const BY_POST = { post: "SHO", unitId: UNIT };
const BY_POSTS = { post: "SHO", unitId: null };
const BY_RANK = { rank: "Inspector" };
const BY_ALL = { everybody: true } as const;

function call(...called: readonly Called[]): CalledAs | null {
  const mentions = called.map((one) => ({ ...one, start: 0, length: 1 }));
  return callOf({ kind: "text", text: "@", mentions, replyTo: null, forwards: 0 }, SELF);
}

it.each<[Called, CalledAs | null]>([
  [BY_NAME, "person"],
  [BY_POST, "post"],
  [BY_POSTS, "posts"],
  [BY_RANK, "rank"],
  [BY_ALL, "everybody"],
  [{ personId: "2".repeat(32) as PersonId }, null],
  [{ post: "SHO", unitId: "TG.WGL" as UnitId }, null],
  [{ post: "DSP", unitId: null }, null],
  [{ rank: "Constable" }, null],
])("M5 %o calls the reader by name, post or rank, or as everybody", (called, by) => {
  expect(call(called)).toBe(by);
});

it("M5 the most personal mention of several says how a message calls the reader", () => {
  expect(call(BY_ALL, BY_RANK, BY_POSTS, BY_POST, BY_NAME)).toBe("person");
  expect(call(BY_ALL, BY_RANK, BY_POSTS, BY_POST)).toBe("post");
  expect(call(BY_ALL, BY_RANK, BY_POSTS)).toBe("posts");
  expect(call(BY_ALL, { personId: "2".repeat(32) as PersonId }, BY_RANK)).toBe("rank");
  expect(call({ rank: "Constable" }, BY_ALL)).toBe("everybody");
  expect(call()).toBeNull();
});
