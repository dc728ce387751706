import type { MemberItem } from "@copconnect/client/core";
import { expect, it } from "vitest";
import { checkedDevices } from "./certificates.ts";

const NOW = 1_000;

const member = (personId: string, ...ends: readonly number[]): MemberItem => ({
  plate: {
    personId,
    names: { en: "Anjali Reddy", te: "" },
    rank: "SI",
    post: { en: "", te: "" },
    unitId: "u",
  },
  admin: false,
  me: false,
  deliveredSeq: 0,
  readSeq: 0,
  clients: ends.map((expiresMs, index) => ({ clientId: String(index), expiresMs })),
});

it("counts the devices whose certificate runs, and those whose has run out", () => {
  const members = [member("me", 9_000), member("they", 5_000, 3_000, NOW)];
  expect(checkedDevices(members, "they", NOW)).toEqual({ valid: 2, expired: 1, untilMs: 3_000 });
});

it("knows nothing of who has no device in the conversation, or is not in it", () => {
  expect(checkedDevices([member("they")], "they", NOW)).toBeNull();
  expect(checkedDevices([member("me", 9_000)], "they", NOW)).toBeNull();
});
