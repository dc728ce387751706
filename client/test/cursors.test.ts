import type { ConversationId, MessageId } from "#core/ids.ts";
import { describe, expect, it } from "vitest";
import type { MessageItem } from "#core/core.ts";
import type { Fetch } from "#core/transport/http.ts";
import { Line } from "./support/line.ts";
import type { Officer } from "./support/officer.ts";
import { compareDigits } from "./support/scenarios.ts";
import { memoryWorld } from "./support/world.ts";

const w = memoryWorld();

async function pair(a: Officer, b: Officer): Promise<ConversationId> {
  const { conversationId } = await a.core.conversations.openDirect(b.person);
  await Promise.all([a, b].map((officer) => officer.ready(conversationId)));
  return conversationId;
}

/** The ticks that a screen shows, which hears of them by events only. */
function shown(officer: Officer, messageId: MessageId): string | null {
  const items = officer.events.flatMap((event): readonly MessageItem[] =>
    event.type === "messages" ? event.items : [],
  );
  return items.findLast((item) => item.messageId === messageId)?.status ?? null;
}

function sees(officer: Officer, messageId: MessageId, status: string): Promise<true> {
  const what = `${status} on screen`;
  return officer.until(what, async () => shown(officer, messageId) === status, 60_000);
}

describe("ticks", () => {
  it("change on screen for what was read while the sender was away", async () => {
    const line = new Line(w.server.WebSocket);
    const a = await w.join({ WebSocket: line.WebSocket });
    const b = await w.join();
    const other = await w.device(w.index);
    await compareDigits(b, other);
    const id = await pair(a, b);
    await other.ready(id);
    const { messageId } = await a.text(id, "are you there?");
    await b.receives(id, "are you there?");
    await sees(a, messageId, "delivered");
    line.cut();
    await b.core.messages.markRead(id, messageId);
    // The person's other device hears of it: the server has stored it.
    await other.until("read", async () => (await other.core.conversations.get(id)).unread === 0);
    expect(shown(a, messageId)).toBe("delivered");
    line.mend();
    await sees(a, messageId, "read");
  });

  it("are not taken back by an answer that receipts have overtaken", async () => {
    let held: Promise<void> | null = null;
    let holding = 0;
    const slow: Fetch = async (url, init) => {
      const answer = await w.fetch(url, init);
      if (held === null || !url.includes("/members")) return answer;
      const body = await answer.arrayBuffer();
      holding++;
      await held;
      return new Response(body, { status: answer.status });
    };
    const line = new Line(w.server.WebSocket);
    const a = await w.join({ WebSocket: line.WebSocket, fetch: slow });
    const b = await w.join();
    const other = await w.device(w.index - 1);
    await compareDigits(a, other);
    const id = await pair(a, b);
    await other.ready(id);
    const missed = await a.text(id, "missed");
    const { messageId } = await a.text(id, "overtaken");
    await b.receives(id, "overtaken");
    await sees(a, messageId, "delivered");
    let release = (): void => undefined;
    held = new Promise((resolve) => (release = resolve));
    line.cut();
    await b.core.messages.markRead(id, missed.messageId);
    await sees(other, missed.messageId, "read");
    line.mend();
    await a.until("asked who has come how far", async () => holding > 0, 60_000);
    await b.core.messages.markRead(id, messageId);
    await sees(a, messageId, "read");
    release();
    await a.until("caught up", async () => !(await a.core.app.state()).catchingUp);
    expect(shown(a, messageId)).toBe("read");
    expect(await a.status(messageId, id)).toBe("read");
  });

  it("come although a killed server had not stored how far the reader was", async () => {
    const line = new Line(w.server.WebSocket);
    const a = await w.join();
    const b = await w.join({ WebSocket: line.WebSocket });
    const id = await pair(a, b);
    const { messageId } = await a.text(id, "read and gone");
    await b.receives(id, "read and gone");
    line.cursors.length = 0;
    await b.core.messages.markRead(id, messageId);
    await b.until("told", async () => line.cursors.some(({ readSeq }) => readSeq > 0));
    await w.server.kill();
    await w.server.serve();
    await sees(a, messageId, "read");
  });
});

describe("cursors", () => {
  it("are not sent again once the server has stored them", async () => {
    const line = new Line(w.server.WebSocket);
    const a = await w.join();
    const b = await w.join({ WebSocket: line.WebSocket });
    const id = await pair(a, b);
    const { messageId } = await a.text(id, "stored");
    await b.receives(id, "stored");
    await b.core.messages.markRead(id, messageId);
    await sees(a, messageId, "read");
    line.cut();
    line.cursors.length = 0;
    await b.until("offline", async () => (await b.core.app.state()).connection !== "online");
    line.mend();
    await b.until("back", async () => {
      const { connection, catchingUp } = await b.core.app.state();
      return connection === "online" && !catchingUp;
    });
    const more = await a.text(id, "one more");
    await sees(a, more.messageId, "delivered");
    expect(line.cursors).toHaveLength(1);
  });
});
