/** Rules of docs/keys.md that only whole devices keep; each test bears its number. */
import { HeaderFormat, SIGNED_HEADER_BYTES } from "#core/keys/message.ts";
import type { ConversationId } from "#core/ids.ts";
import { describe, expect, it } from "vitest";
import type { CoreEvent } from "#core/core.ts";
import { toHex } from "#core/octets.ts";
import type { Conversation, Keys, SendMessage, Start } from "#core/wire.ts";
import type { Officer } from "./support/officer.ts";
import { memoryWorld } from "./support/world.ts";

const LIMIT_MS = 120_000;
const w = memoryWorld();

async function direct(a: Officer, b: Officer): Promise<ConversationId> {
  const { conversationId: id } = await a.core.conversations.openDirect(b.person);
  await a.text(id, "first");
  await b.receives(id, "first");
  return id;
}

async function groupOf(admin: Officer, others: readonly Officer[]): Promise<ConversationId> {
  const { conversationId } = await admin.core.conversations.createGroup({
    title: "Rules",
    personIds: others.map(({ person }) => person),
    photo: null,
    whoMaySend: "everyone",
    history: "none",
  });
  await Promise.all([admin, ...others].map((officer) => officer.ready(conversationId)));
  return conversationId;
}

/** The attempt follows version, ids, sender and seq. */
function attemptOf({ message }: SendMessage): number {
  return HeaderFormat.parse(message.subarray(0, SIGNED_HEADER_BYTES)).attempt;
}

describe("sending", { timeout: LIMIT_MS }, () => {
  it("S5: a retry sends the identical bytes", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await direct(a, b);
    const network = w.current.network(a);
    const posted: string[] = [];
    network.forge = (path, body) => {
      if (path.endsWith("/messages")) posted.push(toHex((body as SendMessage).message));
      return body;
    };
    network.path = /\/messages$/u;
    network.loseAnswers = 2;
    // Nor does the log tell this device.
    const device = await a.device();
    w.server.live.pushes = (to, frame) => (to === device && frame.t === "entry" ? [] : [frame]);
    await a.text(id, "again and again");
    await b.receives(id, "again and again");
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    w.server.live.pushes = (_, frame) => [frame];
    expect(posted.length).toBeGreaterThan(1);
    expect(new Set(posted).size).toBe(1);
    expect(await b.texts(id)).toEqual(["first", "again and again"]);
  });

  it("D6: a message waits while people are being removed, and no attempt counts", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await direct(a, b);
    const network = w.current.network(a);
    const codes = ["rekeying", "rekeying"];
    const attempts: number[] = [];
    network.forge = (path, body) => {
      if (path.endsWith("/messages")) attempts.push(attemptOf(body as SendMessage));
      return body;
    };
    network.refuse = (path) => (path.endsWith("/messages") ? (codes.shift() ?? null) : null);
    await a.text(id, "after the transfer");
    await b.receives(id, "after the transfer");
    expect(codes).toEqual([]);
    expect(attempts).toEqual([1]);
  });

  it("S6: a refused message is signed anew and shown once", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await direct(a, b);
    const network = w.current.network(a);
    const codes = ["stale_head", "stale_key", "not_next"];
    const attempts: number[] = [];
    network.forge = (path, body) => {
      if (path.endsWith("/messages")) attempts.push(attemptOf(body as SendMessage));
      return body;
    };
    network.refuse = (path) => (path.endsWith("/messages") ? (codes.shift() ?? null) : null);
    await a.text(id, "refused at first");
    await b.receives(id, "refused at first");
    expect(codes).toEqual([]);
    expect(attempts.at(-1)).toBeGreaterThan(1);
    expect(await b.texts(id)).toEqual(["first", "refused at first"]);
  });
});

describe("receiving", { timeout: LIMIT_MS }, () => {
  it("R8: what is stored is shown once, whatever is pushed again", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await direct(a, b);
    w.server.live.pushes = (_, frame) => (frame.t === "entry" ? [frame, frame] : [frame]);
    await a.text(id, "twice on its way");
    await b.receives(id, "twice on its way");
    w.server.live.pushes = (_, frame) => [frame];
    await b.restart();
    await a.text(id, "once");
    await b.receives(id, "once");
    expect(await b.texts(id)).toEqual(["first", "twice on its way", "once"]);
    expect((await b.core.conversations.get(id)).unread).toBe(3);
  });

  it("R9: a message whose key is missing waits, and notifies when it opens", async () => {
    const [a, b] = [await w.join(), await w.join()];
    await direct(a, b);
    const device = await b.device();
    const network = w.current.network(b);
    const keyless = (path: string, body: unknown): unknown => {
      if (path.endsWith("/keys")) {
        const { key, ...rest } = body as Keys;
        return { ...rest, key: key === null ? null : { ...key, seal: null } };
      }
      return path.endsWith("/shares") ? { shares: [] } : body;
    };
    network.rewrite = keyless;
    w.server.live.pushes = (to, frame) => {
      if (to !== device) return [frame];
      if (frame.t === "key") return [{ ...frame, seal: null }];
      return frame.t === "share" ? [] : [frame];
    };
    const [c] = [await w.join()];
    const group = await groupOf(a, [b, c]);
    const { messageId } = await a.text(group, "locked");
    await b.until("waits", async () => (await b.core.conversations.encryption(group)).waiting > 0);
    await c.receives(group, "locked");
    expect(await b.texts(group)).toEqual([]);
    expect(await a.status(messageId, group)).toBe("sent");
    network.rewrite = null;
    w.server.live.pushes = (_, frame) => [frame];
    b.events.length = 0;
    await b.core.app.networkChanged(false);
    await b.core.app.networkChanged(true);
    await b.receives(group, "locked");
    expect((await b.core.conversations.encryption(group)).waiting).toBe(0);
    expect((await b.core.conversations.get(group)).unread).toBe(1);
    const notified = (event: CoreEvent): boolean =>
      event.type === "notify" && event.item.messageId === messageId;
    await b.until("notified", () => Promise.resolve(b.events.some(notified)));
    await a.until("delivered", async () => (await a.status(messageId, group)) === "delivered");
  });

  it("R10: a conversation that the server calls direct is not shown as such by another id", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await groupOf(a, [b]);
    w.current.network(b).rewrite = (path, body) =>
      path.endsWith(`/conversations/${id}`)
        ? { ...(body as Conversation), kind: "direct", directPersonId: a.person }
        : body;
    const [late] = [await w.join()];
    w.current.network(late).rewrite = (path, body) => {
      if (!path.endsWith(`/conversations/${id}/start`)) return body;
      const start = body as Start;
      const direct = { kind: "direct", directPersonId: a.person } as const;
      return { ...start, conversation: { ...start.conversation, ...direct } };
    };
    await a.core.members.change(id, { add: [late.person] });
    const item = await late.until("there", async () =>
      (await late.core.conversations.list()).find((one) => one.conversationId === id),
    );
    expect(item).toMatchObject({ alarm: "not_direct", direct: null, canSend: false });
  });

  it("shows nothing of a blocked person, whose messages continue in the log", async () => {
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    const id = await groupOf(a, [b, c]);
    await c.core.people.block(b.person, true);
    await b.text(id, "nobody asked");
    await a.receives(id, "nobody asked");
    await a.text(id, "carry on");
    await c.receives(id, "carry on");
    expect(await c.texts(id)).toEqual(["carry on"]);
    expect((await c.core.people.blocked()).map(({ personId }) => personId)).toEqual([b.person]);
    await c.core.people.block(b.person, false);
    await b.text(id, "and now?");
    await c.receives(id, "and now?");
  });
});

describe("history", { timeout: LIMIT_MS }, () => {
  it("H5: the conversation shows that a device reads, and from when", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await groupOf(a, [b]);
    await a.text(id, "before");
    await b.receives(id, "before");
    const late = await w.join();
    const from = w.server.now();
    await a.core.members.change(id, { add: [late.person] });
    const item = await late.ready(id);
    expect(item.historyFromMs).toBeGreaterThanOrEqual(from);
    expect((await late.core.conversations.encryption(id)).historyFromMs).toBe(item.historyFromMs);
    const seen = await a.until("a member", async () => {
      const members = await a.core.members.list(id);
      return members.find(({ plate }) => plate.personId === late.person);
    });
    expect(seen.historyFromMs).toBe(item.historyFromMs);
    expect(await late.texts(id)).toEqual([]);
    const { messages } = await late.core.messages.page(id, null, 10);
    const told = messages.some(
      ({ body }) => body.kind === "notice" && body.notice.kind === "history",
    );
    expect(told).toBe(true);
  });
});

describe("what is pushed", { timeout: LIMIT_MS }, () => {
  it("R1: bytes that are no message are refused, and what follows is shown", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await direct(a, b);
    let bent = 0;
    const device = await b.device();
    w.server.live.pushes = (to, frame) => {
      if (to !== device || frame.t !== "entry" || bent > 0) return [frame];
      bent++;
      const { entry } = frame;
      return [{ ...frame, entry: { ...entry, message: entry.message.slice(0, 300) } }];
    };
    await a.text(id, "cut short");
    await b.until("refused", async () => (await b.core.conversations.encryption(id)).refused === 1);
    w.server.live.pushes = (_, frame) => [frame];
    await a.text(id, "whole");
    await b.receives(id, "whole");
  });
});
