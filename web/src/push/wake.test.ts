/** The worker's answer to a push, with Chromium's list of notifications: it lacks what is just being shown. */
import type { AppState, ConnectedCore, CoreListener, MessageItem } from "@copconnect/client/core";
import { expect, it, vi } from "vitest";
import { onPush } from "./wake.ts";

const item = {
  conversationId: "c".repeat(32),
  messageId: "d".repeat(32),
  sender: { names: { en: "Asha Rao", te: "", ur: "", hi: "" } },
  body: { kind: "text", text: "At the gate.", mentions: [] },
} as unknown as MessageItem;
const state = { phase: "ready", connection: "online", catchingUp: false } as AppState;
let news = true;

vi.mock("@copconnect/client/host/visit", () => ({
  visitCore: async (work: (core: ConnectedCore) => Promise<unknown>, listen: CoreListener) => {
    const start = async (): Promise<AppState> => {
      if (news) listen({ type: "notify", conversationId: item.conversationId, item } as never);
      return state;
    };
    const app = { start, state: async () => state, networkChanged: async () => undefined };
    const orders = { page: async () => ({ orders: [] }) };
    const training = { courses: async () => ({ remind: false }) };
    return work({ app, orders, training, conversations: { get: async () => null } } as never);
  },
}));

async function pushed(before: readonly string[]): Promise<{ shown: string[]; closed: string[] }> {
  const [shown, closed] = [[] as string[], [] as string[]];
  const registration = {
    getNotifications: async () => before.map((tag) => ({ tag, close: () => closed.push(tag) })),
    showNotification: async (_: string, { tag }: NotificationOptions) => shown.push(tag ?? ""),
  };
  await onPush({ registration, clients: { matchAll: async () => [] } } as never);
  return { shown, closed };
}

it("shows what is new and no second notification, in place of an earlier one without words", async () => {
  news = true;
  expect(await pushed([])).toEqual({ shown: [item.conversationId], closed: [] });
  expect(await pushed(["new", "x"])).toEqual({ shown: [item.conversationId], closed: ["new"] });
});

it("says that something is new where it found nothing and nothing is shown", async () => {
  news = false;
  expect(await pushed([])).toEqual({ shown: ["new"], closed: [] });
  expect(await pushed(["x"])).toEqual({ shown: [], closed: [] });
});
