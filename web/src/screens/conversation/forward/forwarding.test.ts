import type { ConnectedCore, MessageItem } from "@copconnect/client/core";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { useCore } from "#app/core.ts";
import { Forwarding } from "./forwarding.ts";

it("forwards each message under one id, however often the sheet sends", async () => {
  const sent: { messageId: MessageId; words: string; forwardId: MessageId | undefined }[] = [];
  let deleted = true;
  type Forward = ConnectedCore["forwarding"]["forward"];
  const forward: Forward = ({ messageId }, _, words, forwardId) => {
    if (deleted && messageId === "b") return Promise.reject(new Error("deleted"));
    sent.push({ messageId, words, forwardId });
    return Promise.resolve();
  };
  useCore({ forwarding: { forward } } as unknown as ConnectedCore);
  const conversationId = "from" as ConversationId;
  const chosen = ["a", "b", "c"].map((id) => ({ conversationId, messageId: id as MessageId }));
  const forwarding = new Forwarding(chosen as unknown as readonly MessageItem[]);
  const to = ["to" as ConversationId];
  await expect(forwarding.send(to, "see these")).rejects.toThrow();
  deleted = false;
  await forwarding.send(to, "see these");
  expect(sent.map(({ messageId }) => messageId)).toEqual(["a", "a", "b", "c"]);
  expect(sent.map(({ words }) => words)).toEqual(["", "", "", "see these"]);
  expect(sent[0]?.forwardId).toBeDefined();
  expect(sent[1]?.forwardId).toBe(sent[0]?.forwardId);
  expect(new Set(sent.map(({ forwardId }) => forwardId)).size).toBe(3);
});
