import type {
  AppState,
  ConnectedCore,
  ConversationItem,
  PeopleQuery,
} from "@copconnect/client/core";
import { expect, it, vi } from "vitest";
import { useCore } from "#app/core.ts";
import { followCore } from "#app/state/app.svelte.ts";
import { conversations, followConversations } from "#app/state/conversations.svelte.ts";
import { peopleFound } from "./found.ts";

it("asks for those one writes with before others", async () => {
  const asked: unknown[] = [];
  const item = {
    ...{ conversationId: "c", kind: "direct", createdMs: 1, unread: 0 },
    ...{ direct: { personId: "rakesh" }, last: { sentMs: 2 } },
  } as unknown as ConversationItem;
  useCore({
    subscribe: () => undefined,
    app: { start: () => Promise.resolve({ phase: "ready" } as AppState) },
    conversations: { list: () => Promise.resolve([item]) },
    people: {
      search: (query: PeopleQuery) => {
        asked.push(query);
        return Promise.resolve({
          people: Array.from({ length: 9 }, (_, at) => ({ personId: at })),
        });
      },
    },
  } as unknown as ConnectedCore);
  await followCore();
  const forget = followConversations();
  await vi.waitFor(() => expect(conversations.loaded).toBe(true));
  expect(await peopleFound("ra")).toHaveLength(5);
  expect(asked).toEqual([{ text: "ra", first: ["rakesh"] }]);
  forget();
});
