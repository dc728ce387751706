import type { ConversationId, MessageId } from "@copconnect/client/wire";
import type { ConnectedCore, ConversationItem, MessageItem } from "@copconnect/client/core";
import { describe, expect, it } from "vitest";
import { useCore } from "#app/core.ts";
import { adoptConversation } from "#app/state/conversations.svelte.ts";
import {
  merge,
  openConversation,
  OpenConversation,
  precedingOf,
  reachesBack,
  requoted,
} from "./open.svelte.ts";

function message(text: string, seq: number | null, sentMs = seq ?? 100): MessageItem {
  return {
    messageId: text as MessageId,
    conversationId: "c" as ConversationId,
    seq,
    sender: null,
    mine: false,
    sentMs,
    body: { kind: "text", text, mentions: [] },
    preview: { kind: "text", text },
    replyTo: null,
    answer: null,
    status: null,
    failure: null,
  };
}
const ids = (messages: readonly MessageItem[]): string =>
  messages.map((one) => one.messageId).join();

describe("merge", () => {
  it("keeps the order of seq, with queued messages last in the order they were written", () => {
    const start = [message("a", 1), message("q", null, 100)];
    expect(ids(merge(start, [message("b", 2), message("r", null, 101)], false))).toBe("a,b,q,r");
  });

  it("moves a queued message into its place when it gets a seq", () => {
    const start = [message("a", 1), message("c", 3), message("q", null)];
    expect(ids(merge(start, [message("q", 2)], false))).toBe("a,q,c");
  });

  it("makes no hole: older than the loaded part is left out, but updated where present", () => {
    const start = [message("e", 5), message("f", 6)];
    expect(ids(merge(start, [message("b", 2)], true))).toBe("e,f");
    expect(ids(merge(start, [message("b", 2)], false))).toBe("b,e,f");
    const changed = { ...message("e", 5), status: "read" as const };
    expect(merge(start, [changed], true)[0]?.status).toBe("read");
  });

  it("makes no hole at the end either, while later messages are not loaded", () => {
    const start = [message("b", 2), message("c", 3)];
    expect(ids(merge(start, [message("f", 6), message("q", null)], true, true))).toBe("b,c");
    expect(ids(merge(start, [{ ...message("c", 3) }], true, true))).toBe("b,c");
    expect(ids(merge(start, [message("f", 6)], true, false))).toBe("b,c,f");
  });
});

describe("a conversation that is opened again", () => {
  const conversationId = "c" as ConversationId;
  const has = (unread: number): void =>
    adoptConversation({ conversationId, unread, members: [] } as unknown as ConversationItem);

  it("shows the place where it was left, and its first unread message after new ones came", async () => {
    const page = () =>
      Promise.resolve({ messages: [message("new", 9)], more: true, firstUnread: "new" });
    useCore({ messages: { page } } as unknown as ConnectedCore);
    has(0);
    const first = openConversation(conversationId);
    first.place = { key: "old", offset: 12 };
    expect(openConversation(conversationId)).toBe(first);
    has(1);
    const again = openConversation(conversationId);
    expect(again.place).toBeNull();
    await expect.poll(() => again.firstUnread).toBe("new");
  });
});

describe("words of this person", () => {
  const opened = (): OpenConversation => {
    const page = () => Promise.resolve({ messages: [], more: false, firstUnread: null });
    useCore({ messages: { page } } as unknown as ConnectedCore);
    return new OpenConversation("c" as ConversationId);
  };
  const words = { messageId: "m" as MessageId, text: "At the gate", mentions: [] };

  it("are drawn before the core has them, until it has", () => {
    const open = opened();
    const erase = open.draw({ ...words, replyTo: null });
    const [drawn] = open.messages;
    expect(drawn).toMatchObject({ mine: true, seq: null, status: "queued" });
    expect(drawn?.body).toEqual({ kind: "text", text: "At the gate", mentions: [] });
    open.messages = merge(open.messages, [{ ...message("m", null), mine: true }], false);
    erase();
    expect(ids(open.messages)).toBe("m");
  });

  it("go where the core does not get them", () => {
    const open = opened();
    open.draw({ ...words, replyTo: null })();
    expect(open.messages).toEqual([]);
  });

  it("quote what they answer, and the conversation where that is another one", () => {
    const open = opened();
    open.draw({ ...words, replyTo: message("q", 1) });
    expect(open.messages[0]?.replyTo).toMatchObject({ messageId: "q", conversationId: null });
    const elsewhere = { ...message("q", 1), conversationId: "d" as ConversationId };
    open.draw({ ...words, replyTo: elsewhere });
    expect(open.messages[0]?.replyTo?.conversationId).toBe("d");
  });
});

describe("requoted", () => {
  it("gives quotes the words that the quoted message has now, and touches nothing else", () => {
    const quote = (from: string | null): MessageItem["replyTo"] => ({
      ...{ messageId: "a" as MessageId, conversationId: from as ConversationId | null },
      ...{ sender: null, preview: { kind: "text", text: "Gate 2" } },
    });
    const other = message("b", 2);
    const here = { ...message("c", 3), replyTo: quote(null) };
    const elsewhere = { ...message("d", 4), replyTo: quote("other") };
    const edited = { ...message("a", 1), preview: { kind: "text", text: "Gate 3" } as const };
    const changed = requoted([other, here, elsewhere], "c" as ConversationId, [edited]);
    expect(changed[0]).toBe(other);
    expect(changed[1]?.replyTo?.preview).toEqual({ kind: "text", text: "Gate 3" });
    expect(changed[2]).toBe(elsewhere);
    const there = requoted([here, elsewhere], "other" as ConversationId, [edited]);
    expect(there[0]).toBe(here);
    expect(there[1]?.replyTo?.preview).toEqual({ kind: "text", text: "Gate 3" });
  });
});

describe("reachesBack", () => {
  it("says whether something is older than everything that is loaded", () => {
    const loaded = [message("b", 5), message("c", 6)];
    expect(reachesBack(loaded, [message("a", 4)])).toBe(true);
    expect(reachesBack(loaded, [message("b", 5), message("d", 7), message("q", null)])).toBe(false);
    expect(reachesBack([], [message("a", 4)])).toBe(false);
  });
});

describe("precedingOf", () => {
  const plate = { personId: "p" } as NonNullable<MessageItem["sender"]>;
  const said = (text: string, seq: number | null): MessageItem => ({
    ...message(text, seq),
    sender: plate,
  });

  it("takes the five before a message, without notices and what the server has not taken", () => {
    const all = ["a", "b", "c", "d", "e", "f"].map((text, at) => said(text, at + 1));
    const reported = said("x", 9);
    const before = [...all, message("notice", 7), said("queued", null), reported, said("y", 10)];
    expect(ids(precedingOf(before, reported))).toBe("b,c,d,e,f");
    expect(precedingOf(before, all[0] as MessageItem)).toEqual([]);
    expect(precedingOf(before, said("elsewhere", 3))).toEqual([]);
  });
});
