import { inEnglish, type ConversationItem, type Plate } from "@copconnect/client/core";
import { expect, it } from "vitest";
import { isNameless } from "./talk.ts";

const names = inEnglish("Anjali Reddy");
const anjali: Plate = { personId: "p", names, rank: "SI", post: inEnglish(""), unitId: "u" };

function item(change: Partial<ConversationItem>): ConversationItem {
  return { direct: null, audience: null, title: null, some: [], ...change } as ConversationItem;
}

it("knows a conversation whose name has not come yet", () => {
  expect(isNameless(item({}))).toBe(true);
  expect(isNameless(item({ title: "" }))).toBe(true);
});

it("takes a title, a person, members or an audience for a name", () => {
  expect(isNameless(item({ title: "Beat 9" }))).toBe(false);
  expect(isNameless(item({ direct: anjali }))).toBe(false);
  expect(isNameless(item({ some: [anjali] }))).toBe(false);
  expect(isNameless(item({ audience: { everyone: true } as ConversationItem["audience"] }))).toBe(
    false,
  );
});
