import type { SanctionView } from "@copconnect/client/core";
import type { ReportId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { closing, strictest } from "./sanctions.svelte.ts";

const sanction = (kind: SanctionView["kind"], untilMs: number): SanctionView => ({
  ...{
    id: `${kind}${String(untilMs)}` as ReportId,
    kind,
    fromMs: 0,
    untilMs,
    clause: 1,
    reason: "r",
  },
  ...{ appeal: "none", appealReason: null, mayAppeal: true, acknowledged: false, over: false },
});
const [warned, muted, suspended] = [
  sanction("warning", 0),
  sanction("muted", 9),
  sanction("suspended", 5),
];
const place = (
  kind: "direct" | "group" | "unit" | "announcement",
  members: number,
  whoMayPost: "everyone" | "admins" = "everyone",
): Parameters<typeof closing>[1] => ({ kind, members, whoMayPost });

it("closes what the server refuses, and nothing else", () => {
  const all = [warned, muted, suspended];
  expect(closing(all, place("direct", 2), 100)).toEqual([]);
  expect(closing(all, place("group", 99), 100)).toEqual([suspended]);
  expect(closing(all, place("unit", 100), 100)).toEqual([muted, suspended]);
  expect(closing([muted], place("announcement", 12), 100)).toEqual([muted]);
  expect(closing([muted], place("group", 12, "admins"), 100)).toEqual([muted]);
  expect(closing([muted], place("group", 5000), Infinity)).toEqual([]);
});

it("names the strictest, and of that kind the one that lasts longest", () => {
  expect(strictest([warned, muted, suspended])).toBe(suspended);
  expect(strictest([muted, warned, sanction("muted", 7)])).toBe(muted);
  expect(strictest([])).toBeNull();
});
