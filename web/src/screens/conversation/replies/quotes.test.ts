import type { ReplyQuote } from "@copconnect/client/core";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { openQuote } from "./quotes.ts";

const messageId = "m" as MessageId;
const quote = (conversationId: ConversationId | null): ReplyQuote =>
  ({ messageId, conversationId }) as ReplyQuote;

it("shows a quoted message of this chat, and goes to another chat for one of that", () => {
  const shown: string[] = [];
  const gone: string[] = [];
  const open = (one: ReplyQuote): void =>
    openQuote(
      one,
      (id) => shown.push(id),
      (to) => gone.push(to),
    );
  open(quote(null));
  expect([shown, gone]).toEqual([["m"], []]);
  open(quote("announcements" as ConversationId));
  expect(shown).toEqual(["m"]);
  expect(gone.map((to) => to.replace(/^#?\/?/u, ""))).toEqual(["chats/announcements/at/m"]);
});
