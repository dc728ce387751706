/** Ticks in conversations too large for receipts by person: how many people have a message. */
import { describe, expect, it } from "vitest";
import { statusOf, withVersion } from "#core/messages/receipts.ts";
import type { MembersRecord } from "#core/records.ts";
import type { Conversation, ReceiptCount } from "#core/wire.ts";
import { Line } from "./support/line.ts";
import { Network } from "./support/network.ts";
import { memoryWorld } from "./support/world.ts";

const NOBODY: MembersRecord = { members: [], infoVersion: null, receiptsVersion: 0 };

describe("counts", () => {
  it("tick a message when everybody with a phone has it", () => {
    const status = (delivered: number, read: number, phones = 300) => {
      const counts = { people: phones + 7, phones, delivered, read };
      return statusOf(NOBODY, "me", { seq: 4, sentMs: 0, counts });
    };
    expect(status(299, 0)).toBe("sent");
    expect(status(300, 299)).toBe("delivered");
    expect(status(300, 300)).toBe("read");
    expect(status(0, 0, 0)).toBe("sent");
  });
});

describe("the version of receipts", () => {
  const held = (members: MembersRecord): number => members.receiptsVersion;

  it("is the one up to which none is missing, in whatever order they come", () => {
    const early = new Set<number>();
    let members = NOBODY;
    for (const [version, now] of [
      [1, 1],
      [3, 1],
      [4, 1],
      [2, 4],
      [2, 4],
      [7, 4],
      [5, 5],
      [6, 7],
    ] as const) {
      members = withVersion(members, early, version);
      expect(held(members)).toBe(now);
    }
    expect(early.size).toBe(0);
  });

  it("stays where it is while one is missing", () => {
    const early = new Set<number>();
    let members: MembersRecord = { ...NOBODY, receiptsVersion: 2 };
    for (let version = 4; version < 500; version++) members = withVersion(members, early, version);
    expect(held(members)).toBe(2);
    expect(early.size).toBeLessThanOrEqual(64);
    expect(withVersion(members, early, 0)).toBe(members);
  });
});

const w = memoryWorld();

describe("a sender in a large conversation", () => {
  it("sees ticks and numbers as the server sends them, and asks for them when looking", async () => {
    const line = new Line(w.server.WebSocket);
    const network = new Network(w.fetch);
    const a = await w.join({ WebSocket: line.WebSocket, fetch: network.fetch });
    const b = await w.join();
    const { conversationId: id } = await a.core.conversations.openDirect(await b.personId);
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    const { messageId } = await a.text(id, "to all");
    await b.receives(id, "to all");
    await a.until("delivered", async () => (await a.status(messageId, id)) === "delivered");
    const { seq } = (await a.core.messages.page(id, null, 10)).messages.at(-1) ?? { seq: null };
    expect(seq).not.toBeNull();

    const tell = (count: Omit<ReceiptCount, "seq">): void =>
      line.say({ t: "receipt_counts", conversationId: id, counts: [{ seq: seq ?? 0, ...count }] });
    tell({ people: 310, phones: 300, delivered: 120, read: 3 });
    await a.until("sent", async () => (await a.status(messageId, id)) === "sent");
    tell({ people: 310, phones: 300, delivered: 300, read: 299 });
    await a.until("delivered", async () => (await a.status(messageId, id)) === "delivered");
    tell({ people: 310, phones: 300, delivered: 300, read: 300 });
    await a.until("read", async () => (await a.status(messageId, id)) === "read");
    const item = await a.core.conversations.get(id);
    expect(item.last?.status).toBe("read");

    // The answer says that the conversation is large: a screen that shows the message gets counts,
    // from a server without a change.
    network.rewrite = (path, body) =>
      path.endsWith(`/conversations/${id}`) || path.endsWith("/preferences")
        ? { ...(body as Conversation), members: 300 }
        : body;
    await a.core.conversations.setPreferences(id, { mutedUntilMs: -1 });
    await a.until("large", async () => (await a.core.conversations.get(id)).members === 300);
    await b.core.messages.markRead(id, messageId);
    const receipts = await a.until("read by one of one", async () => {
      const found = await a.core.messages.receipts(id, messageId);
      return found.many && found.totals?.read === 1 && found;
    });
    expect(receipts).toMatchObject({
      totals: { people: 1, phones: 1, delivered: 1, read: 1 },
      read: [],
    });
    // Without network as far as was heard.
    network.cut = true;
    expect((await a.core.messages.receipts(id, messageId)).totals).toEqual(receipts.totals);
    network.cut = false;
  }, 120_000);
});
