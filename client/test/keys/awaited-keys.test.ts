import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { DeviceContext } from "#core/context.ts";
import type { Conversation } from "#core/conversation/conversation.ts";
import type { ConversationId, KeyId } from "#core/ids.ts";
import { SecretRequests } from "#core/secrets/asking.ts";
import type { ShareReference } from "#core/wire.ts";

const id = "11".repeat(16) as ConversationId;
const key = "22".repeat(32) as KeyId;
const other = "33".repeat(32) as KeyId;
const conversation = { id, record: { state: "ready" } } as unknown as Conversation;
const over = { id, record: { state: "left" } } as unknown as Conversation;
let asked: string[];
let done: string[];
let asking: SecretRequests;

beforeEach(() => {
  vi.useFakeTimers();
  [asked, done] = [[], []];
  const note = (to: string[]) => (_: ConversationId, body: { references: ShareReference[] }) => {
    to.push(...body.references.map(({ reference }) => reference));
    return Promise.resolve();
  };
  asking = new SecretRequests(
    {
      ...{ now: () => Date.now(), random: () => 0.5, signal: new AbortController().signal },
      api: { requestShares: note(asked), sharesDone: note(done) },
    } as unknown as DeviceContext,
    () => Promise.resolve(),
  );
  asking.reconnected([]);
});

afterEach(() => {
  vi.useRealTimers();
});

it("S9: nobody is asked for an awaited key before its time, and its cursor waits", async () => {
  await vi.advanceTimersByTimeAsync(10_000);
  asking.hold(conversation, key, 30_000);
  asking.conversationKeys(conversation, [key]);
  await vi.advanceTimersByTimeAsync(29_000);
  expect(asked).toEqual([]);
  expect(asking.underWay(conversation)).not.toBeNull();
  // Another key is asked for meanwhile.
  asking.conversationKeys(conversation, [other]);
  await vi.advanceTimersByTimeAsync(500);
  expect(asked).toEqual([other.slice(0, 32)]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toEqual([other.slice(0, 32), key.slice(0, 32)]);
  expect(asking.underWay(conversation)).toBeNull();
});

it("S9: a device that starts asks nobody for a key that is to be sealed to its cell", async () => {
  await vi.advanceTimersByTimeAsync(10_000);
  asking.begins(conversation, { asked: [], awaited: [key] });
  asking.conversationKeys(conversation, [key, other]);
  await vi.advanceTimersByTimeAsync(44_000);
  expect(asked).toEqual([other.slice(0, 32)]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(asked).toEqual([other.slice(0, 32), key.slice(0, 32)]);
});

it("S9: a key that came while it was awaited costs no request", async () => {
  await vi.advanceTimersByTimeAsync(10_000);
  asking.hold(conversation, key, 30_000);
  asking.conversationKeys(conversation, [key]);
  await vi.advanceTimersByTimeAsync(2_000);
  asking.forget(conversation, [key], true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([asked, done]).toEqual([[], []]);
  expect(asking.underWay(conversation)).toBeNull();
});

it("S9: a device that has just connected, as one that a push woke, asks at once", async () => {
  asking.hold(conversation, key, 30_000);
  asking.conversationKeys(conversation, [key]);
  await vi.advanceTimersByTimeAsync(500);
  expect(asked).toEqual([key.slice(0, 32)]);
});

it("asks nobody for keys of a conversation that this person has left", async () => {
  asking.conversationKeys(conversation, [key]);
  await vi.advanceTimersByTimeAsync(500);
  asking.left(over);
  asking.conversationKeys(over, [other]);
  asking.reconnected([over]);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(asked).toEqual([key.slice(0, 32)]);
  // After a return, as before.
  asking.left(conversation);
  asking.conversationKeys(conversation, [other]);
  await vi.advanceTimersByTimeAsync(500);
  expect(asked).toEqual([key.slice(0, 32), other.slice(0, 32)]);
});
