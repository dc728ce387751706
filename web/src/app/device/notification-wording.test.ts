import type { ConversationId, MessageId, PersonId, UnitId } from "@copconnect/client/wire";
import { inEnglish, type MessageItem } from "@copconnect/client/core";
import { PLAIN } from "#push/settings.ts";
import { expect, it } from "vitest";
import { wording } from "./notification-wording.ts";

const item: MessageItem = {
  messageId: "1" as MessageId,
  conversationId: "2" as ConversationId,
  seq: 1,
  sender: {
    personId: "3" as PersonId,
    names: { ...inEnglish("Ravi Kumar"), te: "రవి కుమార్" },
    rank: "SI",
    post: inEnglish(""),
    unitId: "4" as UnitId,
  },
  mine: false,
  sentMs: 0,
  body: { kind: "text", text: "Raid at 5", mentions: [] },
  preview: { kind: "text", text: "Raid at 5" },
  replyTo: null,
  answer: null,
  status: null,
  failure: null,
};
const texts = { plain: "New message", called: PLAIN.words.called };
const name = (names: { readonly en: string }): string => names.en;

it("says nothing of who and what unless it may", () => {
  expect(wording(item, false, texts, name, "en")).toEqual({
    title: "Cop Connect",
    body: "New message",
  });
});

it("says who and what when it may, cut to a few lines", () => {
  expect(wording(item, true, texts, name, "en")).toEqual({
    title: "Ravi Kumar",
    body: "Raid at 5",
  });
  const long = { ...item, body: { ...item.body, text: "x".repeat(999) } } as MessageItem;
  expect(wording(long, true, texts, name, "en").body).toHaveLength(200);
  const mention = wording({ ...long, called: "everybody" }, true, texts, name, "en").body;
  expect(mention).toBe(`Mentions everybody: ${"x".repeat(200)}`);
});

it("says an order's title in the language of the notices", () => {
  const order = {
    ...item,
    body: {
      ...{ kind: "order", language: "en", title: "Report at 06:00", text: "" },
      translations: [
        { language: "te", title: "06:00 కి హాజరు కండి", text: "", choices: [], items: [] },
      ],
    },
  } as unknown as MessageItem;
  expect(wording(order, true, texts, name, "te").body).toBe("06:00 కి హాజరు కండి");
  expect(wording(order, true, texts, name, "ur").body).toBe("Report at 06:00");
});

it("says a correction's title in that language, and why an order was withdrawn", () => {
  const words = { language: "te", title: "05:30 కి హాజరు కండి", text: "" };
  const corrected = { language: "en", title: "Report at 05:30", text: "Come", reason: "" };
  const change = (body: object) =>
    ({ ...item, body: { kind: "order_change", ...body } }) as unknown as MessageItem;
  const said = (one: MessageItem, language: "te" | "ur") =>
    wording(one, true, texts, name, language).body;
  const both = change({ ...corrected, translations: [words] });
  expect([said(both, "te"), said(both, "ur")]).toEqual([words.title, corrected.title]);
  const over = change({
    ...corrected,
    title: "",
    text: "",
    reason: "Called off",
    translations: [],
  });
  expect(said(over, "te")).toBe("Called off");
});

it("never says where somebody is", () => {
  const place: MessageItem = {
    ...item,
    body: { kind: "location", latitude: 17.4, longitude: 78.5, accuracyM: 5, takenMs: 0 },
  };
  expect(wording(place, true, texts, name, "en").body).toBe("New message");
});
