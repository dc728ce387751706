/** Coming back costs what has changed: nothing new, nothing asked. */
import type { ConversationId, MessageId } from "#core/ids.ts";
import { describe, expect, it } from "vitest";
import { Line } from "../support/line.ts";
import { Network } from "../support/network.ts";
import type { Officer } from "../support/officer.ts";
import { compareDigits } from "../support/scenarios.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();
const PATIENCE_MS = 60_000;

/** A person whose connections a test holds in its hands. */
class Away {
  readonly line = new Line(w.server.WebSocket);
  readonly network = new Network(w.fetch);
  officer!: Officer;

  static async join(index?: number): Promise<Away> {
    const away = new Away();
    const options = { WebSocket: away.line.WebSocket, fetch: away.network.fetch };
    away.officer = await (index === undefined ? w.join(options) : w.device(index, options));
    return away;
  }

  /** Come back; return what was asked until all was caught up. */
  async back(): Promise<readonly string[]> {
    const { core } = this.officer;
    const from = this.network.seen.length;
    const before = this.officer.events.length;
    this.line.mend();
    await core.app.networkChanged(true);
    await this.officer.until(
      "caught up",
      async () => {
        const { connection, catchingUp } = await core.app.state();
        const was = this.officer.events
          .slice(before)
          .some((event) => event.type === "app" && event.state.catchingUp);
        return was && connection === "online" && !catchingUp;
      },
      PATIENCE_MS,
    );
    // Comparisons under way are asked for on every connection, outside what this test is about.
    return this.network.seen.slice(from).filter((one) => one !== "GET /v1/confirmations");
  }

  async leave(): Promise<void> {
    this.line.cut();
    const { core } = this.officer;
    await this.officer.until(
      "offline",
      async () => (await core.app.state()).connection === "offline",
      PATIENCE_MS,
    );
  }

  /** Receipts were on their way, perhaps: after a while nothing is. */
  async settle(): Promise<void> {
    await this.officer.until(
      "comes back and asks nothing",
      async () => {
        await this.leave();
        return (await this.back()).length === 0;
      },
      PATIENCE_MS,
    );
  }
}

/** Another device of the person, confirmed by the first. */
async function secondOf(away: Away): Promise<Officer> {
  const second = await w.device(w.index);
  await compareDigits(away.officer, second);
  return second;
}

async function group(creator: Officer, others: readonly Officer[]): Promise<ConversationId> {
  const { conversationId } = await creator.core.conversations.createGroup({
    title: "Night patrol",
    personIds: others.map(({ person }) => person),
    whoMaySend: "everyone",
    history: "none",
    photo: null,
  });
  await Promise.all([creator, ...others].map((officer) => officer.ready(conversationId)));
  return conversationId;
}

describe("coming back", () => {
  it("asks nothing when nothing is new, with ticks that are still to come", async () => {
    const a = await Away.join();
    const b = await w.join();
    const id = await group(b, [a.officer]);
    await b.text(id, "where are you?");
    await a.officer.receives(id, "where are you?");
    const { messageId } = await a.officer.text(id, "at the gate");
    await a.officer.until(
      "delivered",
      async () => (await a.officer.status(messageId, id)) === "delivered",
      PATIENCE_MS,
    );
    await a.settle();
    const from = a.network.seen.length;
    await b.text(id, "wait there");
    await a.officer.receives(id, "wait there");
    expect(a.network.seen.slice(from)).toEqual([]);
    // Missed entries come on the socket.
    await a.leave();
    await b.text(id, "on my way");
    await b.core.messages.markRead(id, messageId);
    const asked = await a.back();
    await a.officer.receives(id, "on my way");
    await a.officer.until(
      "read",
      async () => (await a.officer.status(messageId, id)) === "read",
      PATIENCE_MS,
    );
    expect(asked.filter((one) => !one.endsWith(`${id}/members`))).toEqual([]);
  });

  it("tries a conversation again by itself where the server failed", async () => {
    const a = await Away.join();
    const [b, c] = [await w.join(), await w.join()];
    const id = await group(b, [a.officer]);
    await a.settle();
    await a.leave();
    await b.core.members.change(id, { add: [c.person] });
    await c.ready(id);
    let failures = 3;
    a.network.refuse = (path) =>
      path.endsWith(`${id}/cells/own`) && failures-- > 0 ? "internal" : null;
    await a.back();
    await a.officer.until("tells who was added", async () => {
      const { last } = await a.officer.core.conversations.get(id);
      return last?.preview.kind === "notice" && last.preview.notice.kind === "added";
    });
    expect(failures).toBeLessThan(0);
  });

  it("knows that its message was read, though its answer was lost and it heard of no reader", async () => {
    const a = await Away.join();
    const second = await secondOf(a);
    const b = await w.join();
    const id = await group(b, [a.officer]);
    await second.ready(id);
    await a.settle();
    a.network.path = /\/messages$/;
    a.network.loseAnswers = 1;
    const { messageId } = await a.officer.text(id, "lost its answer");
    await b.receives(id, "lost its answer");
    await a.leave();
    const other = await second.text(id, "from the other device");
    await b.receives(id, "from the other device");
    await b.core.messages.markRead(id, other.messageId);
    const read = async (officer: Officer, message: MessageId) =>
      (await officer.status(message, id)) === "read";
    await second.until("read", () => read(second, other.messageId), PATIENCE_MS);
    a.network.path = /./;
    await a.back();
    for (const message of [messageId, other.messageId])
      await a.officer.until("read", () => read(a.officer, message), PATIENCE_MS);
  });

  it("asks for the conversation that changed, and for no other", async () => {
    const a = await Away.join();
    const second = await secondOf(a);
    const [b, c] = [await w.join(), await w.join()];
    const quiet = await group(b, [a.officer]);
    const id = await group(b, [a.officer]);
    await Promise.all([quiet, id].map((one) => second.ready(one)));
    await a.settle();

    await a.leave();
    await b.core.members.change(id, {
      add: [c.person],
      remove: [],
      makeAdmin: [],
      revokeAdmin: [],
    });
    await b.core.conversations.setWhoMaySend(id, "admins");
    await second.core.conversations.setPreferences(id, { mutedUntilMs: -1 });
    const asked = await a.back();
    await a.officer.until(
      "all of it",
      async () => {
        const item = await a.officer.core.conversations.get(id);
        return item.members === 3 && !item.canSend && item.mutedUntilMs === -1;
      },
      PATIENCE_MS,
    );
    expect(asked.length).toBeGreaterThan(0);
    // And who is new.
    const others = asked.filter((one) => !one.includes(id));
    expect(others.filter((one) => one !== "POST /v1/people/trust")).toEqual([]);
    await a.settle();
  });

  it("finds what it was taken into and out of, and what was read elsewhere", async () => {
    const a = await Away.join();
    const second = await secondOf(a);
    const b = await w.join();
    const left = await group(b, [a.officer]);
    const kept = await group(b, [a.officer]);
    await Promise.all([left, kept].map((one) => second.ready(one)));
    const { messageId } = await b.text(kept, "read this");
    await a.officer.receives(kept, "read this");
    await second.receives(kept, "read this");
    await a.settle();

    await a.leave();
    await b.core.members.change(left, {
      add: [],
      remove: [a.officer.person],
      makeAdmin: [],
      revokeAdmin: [],
    });
    await second.core.messages.markRead(kept, messageId);
    const fresh = await group(b, [second]);
    const third = await Away.join();
    const after = await group(third.officer, [second]);
    await second.until(
      "read",
      async () => (await second.core.conversations.get(kept)).unread === 0,
    );
    await a.back();
    await a.officer.ready(fresh);
    await a.officer.ready(after);
    await a.officer.until(
      "left and read",
      async () => {
        const list = await a.officer.core.conversations.list();
        const at = (id: ConversationId) => list.find(({ conversationId }) => conversationId === id);
        return at(left)?.state === "left" && at(kept)?.unread === 0;
      },
      PATIENCE_MS,
    );
    await a.settle();
  });
});
