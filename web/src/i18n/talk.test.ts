import type { PersonId, UnitId } from "@copconnect/client/wire";
import {
  inEnglish,
  type AppState,
  type ConversationItem,
  type Plate,
} from "@copconnect/client/core";
import { afterEach, expect, it, vi } from "vitest";
import { adopt } from "#app/state/app.svelte.ts";
import { loadLater, speak } from "./index.svelte.ts";
import { isNameless, noticeText, previewText } from "./talk.ts";

afterEach(() => vi.unstubAllGlobals());

const names = inEnglish("Anjali Reddy");
const anjali: Plate = {
  ...{ personId: "p" as PersonId, unitId: "u" as UnitId },
  ...{ names, rank: "SI", post: inEnglish("") },
};

function item(change: Partial<ConversationItem>): ConversationItem {
  return {
    direct: null,
    standing: null,
    post: null,
    title: null,
    some: [],
    ...change,
  } as ConversationItem;
}

it("knows a conversation whose name has not come yet", () => {
  expect(isNameless(item({}))).toBe(true);
  expect(isNameless(item({ title: "" }))).toBe(true);
});

it("takes a title, a person, members or the department for a name", () => {
  expect(isNameless(item({ title: "Beat 9" }))).toBe(false);
  expect(isNameless(item({ direct: anjali }))).toBe(false);
  expect(isNameless(item({ some: [anjali] }))).toBe(false);
  const standing = { key: null, title: names, unitId: null, about: "unit", postId: null } as const;
  expect(isNameless(item({ standing }))).toBe(false);
});

it("previews an order in the reader's language", async () => {
  vi.stubGlobal("document", { documentElement: {} });
  await speak("te");
  await loadLater("rest");
  const preview = { kind: "order", priority: "urgent", language: "en", text: "Report" } as const;
  const translations = [{ language: "te", text: "హాజరు కండి" }] as const;
  expect(previewText({ ...preview, translations })).toContain("హాజరు కండి");
  expect(previewText({ ...preview, translations: [] })).toContain("Report");
});

it('says "you" in the middle of a notice, and "You" at its beginning', async () => {
  vi.stubGlobal("document", { documentElement: {} });
  await speak("en");
  adopt({ me: { personId: anjali.personId } } as AppState);
  expect(noticeText({ kind: "gap", by: anjali })).toMatch(/^A message from you is missing/u);
  expect(noticeText({ kind: "photo", by: anjali })).toMatch(/^You /u);
});

it("tells of a deletion that counts nowhere, with the message's words where it has some", async () => {
  vi.stubGlobal("document", { documentElement: {} });
  await speak("en");
  const kind = "deletion_refused";
  expect(noticeText({ kind, text: "Gate 2" })).toMatch(/^Your deletion .* “Gate 2”$/u);
  expect(noticeText({ kind, text: "" })).toMatch(/ask an admin to delete it\.$/u);
});
