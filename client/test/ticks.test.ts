/** R9: a message whose key a device lacks holds back itself alone, and ticks say what is true. */
import { describe, expect, it } from "vitest";
import type { CoreEvent, MessageReceipts } from "#core/core.ts";
import type { ConversationId, MessageId, PersonId } from "#core/ids.ts";
import { toHex } from "#core/octets.ts";
import type { KeyItem, Keys, LogPage, ServerFrame } from "#core/wire.ts";
import { nameOf } from "./support/people.ts";
import type { Officer } from "./support/officer.ts";
import { compareDigits } from "./support/scenarios.ts";
import { memoryWorld } from "./support/world.ts";

const LIMIT_MS = 120_000;
const w = memoryWorld();

async function groupOf(
  admin: Officer,
  others: readonly Officer[],
  more: readonly PersonId[] = [],
): Promise<ConversationId> {
  const { conversationId } = await admin.core.conversations.createGroup({
    title: "Ticks",
    personIds: [...others.map(({ person }) => person), ...more],
    ...{ photo: null, whoMaySend: "everyone", history: "30_days" },
  });
  await Promise.all([admin, ...others].map((officer) => officer.ready(conversationId)));
  return conversationId;
}

/** No seal of the keys that a conversation has now, and no share, reaches a device; until called. */
async function withhold(from: Officer, id: ConversationId): Promise<() => void> {
  const device = await from.device();
  const network = w.current.network(from);
  const locked = new Set(w.server.conversation(id).keys.map(({ record }) => toHex(record)));
  const without = <T extends KeyItem | null>(item: T): T =>
    item !== null && locked.has(toHex(item.record)) ? { ...item, seal: null } : item;
  network.rewrite = (path, body) => {
    if (path.endsWith("/shares")) return { shares: [] };
    if (path.endsWith("/keys") && "key" in (body as Keys))
      return { ...(body as Keys), key: without((body as Keys).key) };
    if (path.endsWith("/log"))
      return { ...(body as LogPage), keys: (body as LogPage).keys.map(without) };
    return body;
  };
  w.server.live.pushes = (to, frame): readonly ServerFrame[] => {
    if (to !== device) return [frame];
    if (frame.t === "key") return [without(frame)];
    return frame.t === "share" ? [] : [frame];
  };
  return () => {
    network.rewrite = null;
    w.server.live.pushes = (_, frame) => [frame];
  };
}

/** The lists that have a person among the readers of a message or the others. */
async function listsOf(
  by: Officer,
  id: ConversationId,
  messageId: MessageId,
): Promise<Record<string, readonly PersonId[]>> {
  const { read, delivered, lacksKey, waiting, signedOut, unregistered } =
    await by.core.messages.receipts(id, messageId);
  const ids = (plates: MessageReceipts["read"]) => plates.map(({ personId }) => personId);
  const lists = { read, delivered, lacksKey, waiting, signedOut, unregistered };
  return Object.fromEntries(
    Object.entries(lists)
      .filter(([, plates]) => plates.length > 0)
      .map(([name, plates]) => [name, ids(plates)]),
  );
}

async function ticks(by: Officer, id: ConversationId, messageId: MessageId, status: string) {
  await by.until(status, async () => (await by.status(messageId, id)) === status, 60_000);
}

describe("a message whose key one member lacks", { timeout: LIMIT_MS }, () => {
  it("is delivered once it opened, though the server did not hear so at once", async () => {
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    const id = await groupOf(a, [b, c]);
    await ticks(a, id, (await a.text(id, "before")).messageId, "delivered");
    await b.core.app.networkChanged(false);
    await b.until("offline", async () => (await b.core.app.state()).connection !== "online");
    await a.core.members.change(id, { remove: [c.person] });
    const { messageId } = await a.text(id, "locked");
    await a.until("posted", async () => (await a.core.app.state()).outbox === 0);
    const release = await withhold(b, id);
    await b.core.app.networkChanged(true);
    await b.until("waits", async () => (await b.core.conversations.encryption(id)).waiting === 1);
    await a.until("known", async () => (await listsOf(a, id, messageId))["lacksKey"]);
    const network = w.current.network(b);
    network.refuse = (path) => (path.endsWith("/share-requests/done") ? "not_found" : null);
    release();
    await b.restart();
    await b.receives(id, "locked");
    await w.current.settle(b);
    expect(await a.status(messageId, id)).toBe("sent");
    network.refuse = null;
    await ticks(a, id, messageId, "delivered");
    expect(w.server.conversation(id).shareAsks.size).toBe(0);
  });

  it("holds back itself alone, and is news when it opens", async () => {
    const [a, b, c, d] = [await w.join(), await w.join(), await w.join(), await w.join()];
    const id = await groupOf(a, [b, c, d]);
    const before = await a.text(id, "before");
    await ticks(a, id, before.messageId, "delivered");
    // A key that b lacks.
    await b.core.app.networkChanged(false);
    await b.until("offline", async () => (await b.core.app.state()).connection !== "online");
    await a.core.members.change(id, { remove: [d.person] });
    const locked = await a.text(id, "locked");
    await c.receives(id, "locked");
    const release = await withhold(b, id);
    await b.core.app.networkChanged(true);
    await b.until("waits", async () => (await b.core.conversations.encryption(id)).waiting === 1);
    // The next key opens.
    await a.core.members.change(id, { remove: [c.person] });
    const { messageId } = await a.text(id, "after");
    await b.receives(id, "after");
    await ticks(a, id, messageId, "delivered");
    await a.until("known", async () => (await listsOf(a, id, locked.messageId))["lacksKey"]);
    expect(await listsOf(a, id, locked.messageId)).toEqual({ lacksKey: [b.person] });
    expect(await listsOf(a, id, messageId)).toEqual({ delivered: [b.person] });
    expect(await a.status(locked.messageId, id)).toBe("sent");
    await b.core.messages.markRead(id, messageId);
    await ticks(a, id, messageId, "read");
    await ticks(a, id, before.messageId, "read");
    expect(await a.status(locked.messageId, id)).toBe("sent");
    expect(await listsOf(a, id, locked.messageId)).toEqual({ lacksKey: [b.person] });
    expect((await b.core.conversations.encryption(id)).waiting).toBe(1);
    // A restart of either changes nothing.
    await Promise.all([a.restart(), b.restart()]);
    await w.current.settle(a);
    expect(await a.status(messageId, id)).toBe("read");
    expect(await a.status(locked.messageId, id)).toBe("sent");
    // It opens after all: unread, though what came after it was read.
    b.events.length = 0;
    release();
    await b.restart();
    await b.receives(id, "locked");
    const notified = (event: CoreEvent): boolean =>
      event.type === "notify" && event.item.messageId === locked.messageId;
    await b.until("notified", () => Promise.resolve(b.events.some(notified)));
    expect((await b.core.conversations.get(id)).unread).toBe(1);
    await a.until("it has come", async () => (await a.status(locked.messageId, id)) !== "sent");
    expect(w.server.conversation(id).shareAsks.size).toBe(0);
    await b.core.messages.markRead(id, messageId);
    expect((await b.core.conversations.get(id)).unread).toBe(0);
  });
});

describe("old history that never opens", { timeout: LIMIT_MS }, () => {
  it("holds back none of what is new, nor what another device has", async () => {
    const [a, c, b] = [await w.join(), await w.join(), await w.join()];
    const phone = await w.device(w.index);
    const id = await groupOf(a, [b, c]);
    const old = await a.text(id, "old");
    for (const officer of [b, c]) {
      await officer.receives(id, "old");
      await officer.core.messages.markRead(id, old.messageId);
    }
    await ticks(a, id, old.messageId, "read");
    const release = await withhold(phone, id);
    await compareDigits(b, phone);
    await phone.until("waits", async () => {
      const known = (await phone.core.conversations.list()).some(
        (one) => one.conversationId === id,
      );
      // The group's name waits as well.
      return known && (await phone.core.conversations.encryption(id)).waiting === 2;
    });
    await b.core.close();
    await a.core.members.change(id, { remove: [c.person] }); // The next key opens.
    const news = await a.text(id, "new");
    await phone.receives(id, "new");
    await ticks(a, id, news.messageId, "delivered");
    expect(await a.status(old.messageId, id)).toBe("read");
    expect((await phone.core.conversations.encryption(id)).waiting).toBe(2);
    release();
  });
});

describe("people without a phone", { timeout: LIMIT_MS }, () => {
  it("keep no message at one tick, and the details name them", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const index = w.current.absent();
    const { people } = await a.core.people.search({ text: nameOf(index) });
    const late = (people[0]?.personId ?? "") as PersonId;
    const id = await groupOf(a, [b], [late]);
    const { messageId } = await a.text(id, "on duty");
    await ticks(a, id, messageId, "delivered");
    expect(await listsOf(a, id, messageId)).toEqual({
      delivered: [b.person],
      unregistered: [late],
    });
    await b.core.messages.markRead(id, messageId);
    await ticks(a, id, messageId, "read");
    // Nobody has a phone: it is nowhere.
    const alone = await groupOf(a, [], [late]);
    const second = await a.text(alone, "anybody?");
    await a.until("taken", async () => (await a.core.app.state()).outbox === 0);
    expect(await a.status(second.messageId, alone)).toBe("sent");
    // Their phone comes, and counts.
    const phone = await w.device(index);
    await phone.receives(alone, "anybody?");
    await ticks(a, alone, second.messageId, "delivered");
  });
});
