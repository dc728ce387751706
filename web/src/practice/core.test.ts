/** The core of a practice: what its steps count, and what it refuses. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { MessageItem } from "@copconnect/client/core";
import { practiceCore } from "./core.ts";
import { DISTRICT_TALK } from "./scene.ts";

const text = { kind: "text", text: "At the gate.", mentions: [] } as const;
const deeds: string[] = [];

beforeEach(() => {
  deeds.length = 0;
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function started(withOrder = false) {
  return practiceCore(withOrder, (deed) => void deeds.push(deed));
}

async function messagesOf(core: ReturnType<typeof started>): Promise<readonly MessageItem[]> {
  return (await core.messages.page(DISTRICT_TALK, null, 100)).messages;
}

describe("a practice", () => {
  it("counts a message once somebody has read it, and a colleague answers", async () => {
    const core = started();
    const before = (await messagesOf(core)).length;
    await core.messages.send(DISTRICT_TALK, text, null);
    expect(deeds).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(deeds).toEqual(["sent"]);
    const [sent, answer, ...others] = (await messagesOf(core)).slice(before);
    expect(sent).toMatchObject({ mine: true, status: "read", body: text });
    expect(answer).toMatchObject({ mine: false });
    expect(others).toEqual([]);
  });

  it("counts a reply as one", async () => {
    const core = started();
    const [first] = await messagesOf(core);
    const replyTo = first?.messageId ?? null;
    const reply = await core.messages.send(DISTRICT_TALK, text, replyTo);
    expect(reply.replyTo?.messageId).toBe(replyTo);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(deeds).toEqual(["replied"]);
  });

  it("forwards a message with the words beside it, and counts nothing else", async () => {
    const core = started();
    const [first] = await messagesOf(core);
    const messageId = first?.messageId as MessageItem["messageId"];
    await core.forwarding.forward(
      { conversationId: DISTRICT_TALK, messageId },
      [DISTRICT_TALK],
      "See.",
    );
    await vi.advanceTimersByTimeAsync(5_000);
    expect((await messagesOf(core)).slice(-2)).toMatchObject([
      { body: first?.body, forwarded: "some", status: "delivered" },
      { body: { kind: "text", text: "See." }, status: "delivered" },
    ]);
    expect(deeds).toEqual(["forwarded"]);
  });

  it("has an order to acknowledge, once", async () => {
    const core = started(true);
    const [order] = (await core.orders.page({ box: "open" })).orders;
    expect(order).toMatchObject({ owed: true });
    const orderId = order?.orderId as MessageItem["messageId"];
    await core.orders.acknowledge(orderId, { choice: 0, done: 0, answer: null });
    expect((await core.orders.page({ box: "open" })).orders).toEqual([]);
    expect((await core.orders.page({ box: "all" })).orders).toHaveLength(1);
    expect(deeds).toEqual(["acknowledged"]);
  });

  it("refuses in words what belongs to the rest of the app", async () => {
    const core = started();
    const refused = { code: "practice_only" };
    const poll = { kind: "poll", question: "?", options: ["a", "b"] } as unknown as typeof text;
    await expect(core.conversations.leave(DISTRICT_TALK)).rejects.toMatchObject(refused);
    await expect(core.reports.myReports()).rejects.toMatchObject(refused);
    await expect(core.admin.overview()).rejects.toMatchObject(refused);
    await expect(core.messages.send(DISTRICT_TALK, poll, null)).rejects.toMatchObject(refused);
  });
});
