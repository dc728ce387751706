import { readFileSync } from "node:fs";
import type { GuardPolicy } from "@copconnect/client/core";
import { expect, test } from "vitest";
import { actOn, isSame, isWhole, policyText, withAct, withForwarding } from "./drafts.ts";

const SHIPPED: unknown = JSON.parse(
  readFileSync(
    new URL("../../../../../src/copconnect/conduct/guard/policy.json", import.meta.url),
    "utf-8",
  ),
);
const POLICY: GuardPolicy = {
  number: 1,
  largeFrom: 100,
  hours: [0, 24],
  exemptRanks: [],
  forwarding: { chats: 5, often: 5, oftenChats: 1, large: false, announcement: false },
  places: (SHIPPED as GuardPolicy).places,
};

test("the JSON has the fields that every device reads", () => {
  expect(JSON.parse(policyText(POLICY))).toEqual(SHIPPED);
});

test("a class is insisted on, asked about or let go in one place alone", () => {
  const asked = withAct(POLICY, "greeting", "large", "nudge");
  expect([actOn(POLICY, "greeting", "large"), actOn(asked, "greeting", "large")]).toEqual([
    "insist",
    "nudge",
  ]);
  expect(actOn(asked, "greeting", "announcement")).toBe("insist");
  const free = withAct(asked, "greeting", "large", "fine");
  expect(actOn(free, "greeting", "large")).toBe("fine");
  expect(isSame(free, POLICY)).toBe(false);
  expect(isSame({ ...POLICY, number: 9 }, POLICY)).toBe(true);
});

test("numbers that the server refuses are not asked for", () => {
  expect(isWhole(POLICY)).toBe(true);
  expect(isWhole({ ...POLICY, largeFrom: 1 })).toBe(false);
  expect(isWhole({ ...POLICY, hours: [0, 25] })).toBe(false);
  expect(isWhole(withForwarding(POLICY, { chats: 0 }))).toBe(false);
  expect(isWhole(withForwarding(POLICY, { chats: 0, oftenChats: 0 }))).toBe(true);
  expect(isWhole(withForwarding(POLICY, { often: Number.NaN }))).toBe(false);
});
