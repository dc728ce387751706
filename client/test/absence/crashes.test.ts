/**
 * A device dies at every write to its storage and at every request, before or after it, while it
 * talks, makes keys and changes members; in simulated time. Then it comes back, and nothing is lost,
 * doubled or stuck (S5, R8).
 *
 * COPCONNECT_CRASHES says how many of the points are tried ("all", or a number spread over them).
 */
import { newId, type ConversationId, type MessageId } from "#core/ids.ts";
import { IDBFactory, IDBObjectStore } from "fake-indexeddb";
import { afterEach, describe, expect, it } from "vitest";
import { MemoryServer } from "../memory/server.ts";
import type { Network } from "../support/network.ts";
import { Officer } from "../support/officer.ts";
import { Crash, type Point } from "../simulated/crash.ts";
import { Link } from "../simulated/link.ts";
import { SimulatedTime } from "../simulated/time.ts";
import { memoryWorld } from "../support/world.ts";

const GIVEN = process.env["COPCONNECT_CRASHES"] ?? "12";
const LIMIT_MS = GIVEN === "all" ? 3_600_000 : 300_000;
const STEP_MS = 60_000;
const POLL_MS = 100;

interface Life {
  readonly victim: Officer;
  readonly network: Network;
  readonly others: readonly [Officer, Officer];
  readonly time: SimulatedTime;
  readonly server: MemoryServer;
}

async function withLife<T>(cellSize: number, step: (life: Life) => Promise<T>): Promise<T> {
  const time = SimulatedTime.begin(11);
  globalThis.indexedDB = new IDBFactory();
  const server = await MemoryServer.start({ cellSize });
  const officers: Officer[] = [];
  const register = async (index: number): Promise<readonly [Officer, Network]> => {
    const { network, WebSocket } = new Link(server, () => 0);
    const options = { fetch: network.fetch, WebSocket, random: time.random.next };
    const officer = await Officer.register(server, index, options);
    officers.push(officer);
    return [officer, network];
  };
  try {
    const [victim, network] = await register(0);
    const [b] = await register(1);
    const [c] = await register(2);
    return await step({ victim, network, others: [b, c], time, server });
  } finally {
    await Promise.all(officers.map((officer) => officer.close()));
    await server.close();
    await time.end();
  }
}

/** The victim lives through this, dying at a point; returns how much there was to die at. */
function live(cellSize: number, point: Point | null) {
  return withLife(cellSize, async (life) => {
    const crash = new Crash(life.victim.vaultName, life.network, point);
    try {
      await liveWith(life, crash);
    } finally {
      crash.end();
    }
    return crash.counts;
  });
}

async function liveWith(life: Life, crash: Crash): Promise<void> {
  const { victim, others, time } = life;
  const [b, c] = others;
  /** Do it, come back if the device died meanwhile, and do it again if it was not done. */
  const through = async <T>(what: string, step: () => Promise<T>): Promise<T> => {
    for (let ms = 0; ; ms += POLL_MS) {
      const done = await step().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
      if (crash.dead) {
        await victim.close().catch(() => undefined);
        crash.revive();
        await victim.restart();
      } else if ("value" in done) return done.value;
      else if (ms > STEP_MS)
        throw new Error(`${what}: ${String(done.error)}`, { cause: done.error });
      await time.pass(POLL_MS);
    }
  };
  const until = (what: string, condition: () => Promise<boolean>): Promise<void> =>
    through(what, async () => {
      if (!(await condition())) throw new Error("not yet");
    });
  const sends = (id: ConversationId, text: string, messageId: MessageId): Promise<unknown> =>
    through(text, async () => {
      const sent = await victim.core.messages.page(id, null, 50);
      if (sent.messages.some((one) => one.messageId === messageId)) return;
      await victim.core.messages.send(id, { kind: "text", text, mentions: [] }, null, messageId);
    });
  const has = async (officer: Officer, id: ConversationId, text: string): Promise<boolean> =>
    (await officer.texts(id)).includes(text);

  const direct = await through("direct", () => victim.core.conversations.openDirect(b.person));
  const { conversationId: id } = direct;
  await sends(id, "one", newId());
  await until("b has one", () => has(b, id, "one"));
  await b.text(id, "two");
  await until("victim has two", () => has(victim, id, "two"));
  const conversationId: ConversationId = newId();
  await through("group", () =>
    victim.core.conversations.createGroup({
      ...{ title: "Three", personIds: [b.person, c.person], photo: null },
      ...{ whoMaySend: "everyone", history: "none", conversationId },
    }),
  );
  await sends(conversationId, "three", newId());
  await until("c has three", () => has(c, conversationId, "three"));
  await through("remove", () => victim.core.members.change(conversationId, { remove: [c.person] }));
  await sends(conversationId, "four", newId());
  await until("b has four", () => has(b, conversationId, "four"));
  await b.text(conversationId, "five");
  await until("victim has five", () => has(victim, conversationId, "five"));
  await until("sent", async () => (await victim.core.app.state()).outbox === 0);

  for (const officer of [victim, b]) {
    expect(await officer.texts(id)).toEqual(["one", "two"]);
    expect(await officer.texts(conversationId)).toEqual(["three", "four", "five"]);
    expect((await officer.core.conversations.encryption(conversationId)).refused).toBe(0);
  }
  expect(await c.texts(conversationId)).toEqual(["three"]);
}

function pointsOf({ writes, requests }: { writes: number; requests: number }): readonly Point[] {
  const all = (kind: Point["kind"], count: number): readonly Point[] =>
    Array.from({ length: count }, (_, i) =>
      [true, false].map((after) => ({ kind, at: i + 1, after })),
    ).flat();
  const points = [...all("write", writes), ...all("request", requests)];
  const most = GIVEN === "all" ? points.length : Number(GIVEN);
  const every = Math.max(1, points.length / most);
  return points.filter((_, i) => Math.floor(i / every) !== Math.floor((i - 1) / every));
}

describe("a device that dies at any moment", () => {
  it.each([256, 2])(
    "loses and doubles nothing, with cells of %d",
    { timeout: LIMIT_MS },
    async (size) => {
      const counts = await live(size, null);
      expect(counts.writes).toBeGreaterThan(20);
      expect(counts.requests).toBeGreaterThan(10);
      for (const point of pointsOf(counts))
        await live(size, point).catch((error: unknown) => {
          throw new Error(`${JSON.stringify(point)}: ${String(error)}`, { cause: error });
        });
    },
  );
});

describe("a disk that fails", () => {
  const world = memoryWorld();
  const put = IDBObjectStore.prototype.put;

  afterEach(() => {
    IDBObjectStore.prototype.put = put;
  });

  /** Every so many writes of the process fail, as a full disk makes them. */
  function failEvery(n: number): void {
    let writes = 0;
    IDBObjectStore.prototype.put = function (...values) {
      if (++writes % n === 0) throw new DOMException("full", "QuotaExceededError");
      return put.apply(this, values);
    };
  }

  it.each([7, 11, 13])("loses and doubles nothing when every %dth write fails", async (n) => {
    const [a, b] = [await world.current.join(), await world.current.join()];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    failEvery(n);
    const sent: string[] = [];
    for (let i = 0; i < 25; i++) {
      const text = `report ${String(i)}`;
      // A text that `send` refused was not taken: the person still has it in front of them.
      await a.text(id, text).then(
        () => sent.push(text),
        (error: unknown) => {
          expect(error).toMatchObject({ code: "storage_failed", retry: true });
        },
      );
      if (i === 12) await a.restart();
    }
    expect(sent.length).toBeGreaterThan(5);
    IDBObjectStore.prototype.put = put;
    await a.until("all sent", async () => (await a.core.app.state()).outbox === 0, 60_000);
    await b.receives(id, sent.at(-1) ?? "", 60_000);
    expect(await b.texts(id)).toEqual(sent);
    expect(await a.texts(id)).toEqual(sent);
  });
});
