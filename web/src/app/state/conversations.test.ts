import type {
  AppState,
  ConnectedCore,
  ConversationItem,
  CoreListener,
} from "@copconnect/client/core";
import type { ConversationId } from "@copconnect/client/wire";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { useCore } from "../core.ts";
import { followCore } from "./app.svelte.ts";
import { conversations, followConversations } from "./conversations.svelte.ts";

const [a, b] = ["a" as ConversationId, "b" as ConversationId];
const item = (id: ConversationId, unread = 0): ConversationItem =>
  ({
    conversationId: id,
    kind: "group",
    createdMs: 1,
    unread,
  }) as ConversationItem;

let lists: ((answer: readonly ConversationItem[] | Error) => void)[];
let tell: CoreListener;
let forget: () => void;

beforeEach(async () => {
  lists = [];
  useCore({
    subscribe: (listener: CoreListener) => (tell = listener),
    app: { start: () => Promise.resolve({ phase: "ready" } as AppState) },
    conversations: {
      list: () =>
        new Promise((resolve, reject) =>
          lists.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer))),
        ),
    },
  } as unknown as ConnectedCore);
  await followCore();
  forget = followConversations();
});

afterEach(() => forget());

const answered = async (answer: readonly ConversationItem[] | Error): Promise<void> => {
  lists.at(-1)?.(answer);
  await vi.waitFor(() => expect(conversations.loaded || conversations.error !== null).toBe(true));
};

it("asks once for the list, whose screen comes later, and keeps what happens before it is there", async () => {
  await answered([item(a), item(b)]);
  tell({ type: "conversation", item: item(a, 3) });
  tell({ type: "conversation_gone", conversationId: b });
  forget = followConversations();
  expect(lists).toHaveLength(1);
  expect(conversations.sorted).toEqual([item(a, 3)]);
});

it("asks again where the app was locked when the list was asked for", async () => {
  await answered(new Error("locked"));
  forget = followConversations();
  expect(conversations.error).toBeNull();
  await answered([item(a)]);
  expect([lists.length, conversations.sorted.length]).toEqual([2, 1]);
});

it("forgets the list when the app is locked, also where no screen showed it", async () => {
  await answered([item(a)]);
  tell({ type: "app", state: { phase: "locked" } as AppState });
  expect([conversations.sorted, conversations.loaded]).toEqual([[], false]);
  forget = followConversations();
  await answered([item(b)]);
  expect(conversations.sorted).toEqual([item(b)]);
});

it("keeps nothing of a list that answers after the app was locked", async () => {
  tell({ type: "app", state: { phase: "locked" } as AppState });
  lists.at(-1)?.([item(a)]);
  await new Promise((resolve) => setTimeout(resolve));
  expect([conversations.sorted, conversations.loaded]).toEqual([[], false]);
});
