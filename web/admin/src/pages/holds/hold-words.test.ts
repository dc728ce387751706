import type { WaitingView } from "@copconnect/client/core";
import type { ConversationId, HoldId, LegalHold, LegalHolds } from "@copconnect/client/wire";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { speak } from "#i18n/index.svelte.ts";
import { loadWords } from "#console/words.ts";
import { askedOf, endOf } from "./hold-words.ts";

beforeAll(async () => {
  vi.stubGlobal("document", { documentElement: {} });
  loadWords();
  await speak("en");
});
afterAll(() => {
  vi.unstubAllGlobals();
});

it("ends a hold with its last day in India, wherever the console is", () => {
  expect(endOf("2026-12-01")).toBe(Date.UTC(2026, 11, 1, 18, 30));
  expect(endOf("")).toBeNull();
});

it("names a group to an approver who manages no groups, and says nothing of an act that it cannot show", () => {
  const conversationId = "c".repeat(32) as ConversationId;
  const holdId = "1".repeat(32) as HoldId;
  const title = { en: "Task force", te: "", hi: "", ur: "" };
  const asks = { conversationId, personId: null, caseNumber: "WP 1", reason: "Order" };
  const hold: WaitingView["act"] = { act: "hold_messages", holdId, ...asks, untilMs: null };
  const nobody = (): string => "";
  const list: LegalHolds = { holds: [], groups: [{ conversationId, title }] };
  expect(askedOf(hold, list, nobody)?.title).toContain("Task force");
  const lift: WaitingView["act"] = { act: "lift_hold", holdId, reason: "Over" };
  expect(askedOf(lift, list, nobody)).toBeNull();
  const set = { holdId, conversationId, title, person: null, caseNumber: "WP 1", untilMs: null };
  const lifted = askedOf(lift, { ...list, holds: [set as LegalHold] }, nobody);
  expect(lifted).toMatchObject({ caseNumber: "WP 1", reason: "Over", untilMs: null });
  expect(lifted?.title).toContain("Task force");
});
