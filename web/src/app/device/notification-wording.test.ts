import type { ConversationId, MessageId, PersonId, UnitId } from "@copconnect/client/wire";
import { inEnglish, type MessageItem } from "@copconnect/client/core";
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
const name = (names: { readonly en: string }): string => names.en;

it("says nothing of who and what unless it may", () => {
  expect(wording(item, false, "New message", name)).toEqual({
    title: "Cop Connect",
    body: "New message",
  });
});

it("says who and what when it may, cut to a few lines", () => {
  expect(wording(item, true, "New message", name)).toEqual({
    title: "Ravi Kumar",
    body: "Raid at 5",
  });
  const long = { ...item, body: { ...item.body, text: "x".repeat(999) } } as MessageItem;
  expect(wording(long, true, "New message", name).body).toHaveLength(200);
});

it("never says where somebody is", () => {
  const place: MessageItem = {
    ...item,
    body: { kind: "location", latitude: 17.4, longitude: 78.5, accuracyM: 5, takenMs: 0 },
  };
  expect(wording(place, true, "New message", name).body).toBe("New message");
});
