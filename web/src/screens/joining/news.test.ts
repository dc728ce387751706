import type {
  ConnectedCore,
  ConversationItem,
  JoiningView,
  JoinRequestView,
} from "@copconnect/client/core";
import { inEnglish } from "@copconnect/client/core";
import type { ConversationId, PersonId } from "@copconnect/client/wire";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { useCore } from "#app/core.ts";
import { adoptConversation } from "#app/state/conversations.svelte.ts";
import { clearToasts, toasts } from "#app/state/toasts.svelte.ts";
import { loadLater } from "#i18n/index.svelte.ts";
import { tellJoining } from "./news.ts";

const conversationId = "c" as ConversationId;
let answer: JoiningView;
let reads = 0;

const request = (name: string, askedMs: number): JoinRequestView =>
  ({
    ...{ conversationId, askedMs, reason: "x" },
    person: { personId: name as PersonId, names: inEnglish(name) },
  }) as JoinRequestView;

async function told(...requests: readonly JoinRequestView[]): Promise<number> {
  answer = { groups: [], requests };
  clearToasts();
  for (let event = 0; event < 5; event++) tellJoining();
  await vi.advanceTimersByTimeAsync(1000);
  return toasts.notes.length;
}

beforeEach(async () => {
  // Texts that come with the first use.
  await loadLater("rest");
  vi.useFakeTimers();
  adoptConversation({
    conversationId,
    kind: "group",
    title: "Cyber cell",
    direct: null,
    standing: null,
  } as ConversationItem);
  const joining = {
    current: () => {
      reads += 1;
      return Promise.resolve(answer);
    },
  };
  useCore({ joining } as unknown as ConnectedCore);
});

afterEach(() => {
  vi.useRealTimers();
  clearToasts();
});

it("tells each request once, those of a second together, whatever the phone's clock says", async () => {
  const [asha, ravi, padma] = [request("Asha", 1), request("Ravi", 2), request("Padma", 3)];
  expect(await told(asha)).toBe(1);
  expect(reads).toBe(1);
  expect(await told(asha)).toBe(0);
  expect(await told(asha, ravi, padma)).toBe(1);
  expect(await told(padma)).toBe(0);
  expect(await told(request("Asha", 4))).toBe(1);
});
