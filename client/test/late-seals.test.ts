/** Seals that come after their message: to whom, and by when, they must be of use. */
import { encode } from "@msgpack/msgpack";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { STORES } from "../src/records.ts";
import type { CoreOptions } from "../src/create.ts";
import type { ConversationRecord } from "../src/records.ts";
import { ROTATE_AFTER_MS } from "../src/several_cells/key_due.ts";
import { unpack } from "../src/unpack.ts";
import type { LogEntry, LogPage, SealedPayload } from "../src/wire.ts";
import type { MemoryConversation } from "./memory/conversation.ts";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";
import { changeRecord } from "./vaults.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;
/** As often a device looks whether a seal is overdue. */
const LOOK_MS = 30_000;
const TEXT = "sealed to the epoch before";

let w: MemoryWorld;
let id: string;
let stopped: number | null;
/** Whose keys do not become old for it: it seals to an epoch that has ended. */
let sender: Officer;
let wire: Network;
let admin: Officer;
/** The others of a cell that the sender is not in. */
let inside: Officer[];
let cell: string;

beforeEach(async () => {
  w = new MemoryWorld(8);
  stopped = null;
  inside = [];
  cell = "";
  wire = new Network(w.fetch);
  const { fetch } = wire;
  sender = await w.join({ fetch, now: () => stopped ?? w.server.now() });
  admin = await w.join({ now: w.server.now });
  const officers: Officer[] = [];
  for (let i = 0; i < 8; i++)
    officers.push(await w.join({ now: w.server.now, random: () => Math.random() / 30 }));
  id = await groupOf([admin, sender, ...officers]);
  const apart = [await cellOf(sender), await cellOf(admin)];
  for (const officer of officers) {
    const its = await cellOf(officer);
    if (inside.length === 0 && !apart.includes(its)) cell = its;
    if (its === cell) inside.push(officer);
  }
  await sender.text(id, "keys of now");
  for (const officer of inside) await officer.receives(id, "keys of now", SOON_MS);
  stopped = w.server.now();
}, LIMIT_MS);
afterEach(async () => {
  await w.close();
  vi.useRealTimers();
});

function conversation(): MemoryConversation {
  return w.server.conversation(id);
}

function first(): Officer {
  const [officer] = inside;
  if (officer === undefined) throw new Error("nobody in a cell of their own");
  return officer;
}

async function clientOf({ core }: Officer): Promise<string> {
  return (await core.state()).clientId ?? "";
}

async function cellOf(officer: Officer): Promise<string> {
  return conversation().leafOf(await clientOf(officer))?.cellId ?? "";
}

function epoch(): number {
  return conversation().cells.get(cell)?.epoch ?? 0;
}

/** Another device of somebody who is in the cell. */
async function comesIn(options: Partial<CoreOptions> = {}): Promise<Officer> {
  const index = w.officers.indexOf(first());
  const second = await w.device(index, { now: w.server.now, ...options });
  await second.ready(id);
  expect(await cellOf(second)).toBe(cell);
  return second;
}

function waits(officer: Officer, count: number): Promise<unknown> {
  return officer.until(
    `${String(count)} waiting`,
    async () => (await officer.core.encryption(id)).waiting === count,
    SOON_MS,
  );
}

/** Somebody who is in the cell begins its next epoch. */
async function rotates(officer: Officer): Promise<void> {
  const before = epoch();
  await officer.core.close();
  await changeRecord<ConversationRecord>(officer.vaultName, STORES.conversations, id, (record) => ({
    ...record,
    epochMs: w.server.now() - 2 * ROTATE_AFTER_MS,
  }));
  await officer.restart();
  await officer.until(
    "rotated",
    async () => ((await officer.core.encryption(id)).epoch ?? 0) > before,
    SOON_MS,
  );
}

/** Text that its sender seals late, for the epoch after the one that `second` knows. */
async function sealedForLater(second: Officer): Promise<void> {
  const release = wire.hold(/sealed\/wanted/);
  await sender.text(id, TEXT);
  await waits(second, 1);
  await second.core.close();
  await rotates(first());
  release();
  await sender.until("sealed", () => Promise.resolve(missing() === 0), SOON_MS);
}

/** Who sent is not told that seals are wanted, until the returned function is called. */
function tellNobody(): () => Promise<unknown> {
  w.server.pushes = (_, frame) => (frame.t === "seal_wanted" ? null : frame);
  return () => {
    w.server.pushes = (_, frame) => frame;
    return sender.restart();
  };
}

/** Its commits are refused, until the returned function is called. */
function commitNothing(network: Network): () => void {
  network.refuse = (path) => (path.endsWith("/commits") ? "stale_epoch" : null);
  return () => {
    network.refuse = null;
  };
}

/** How often seals were asked for one by one over this network. */
function countAsked(network: Network): () => number {
  let asked = 0;
  network.rewrite = (path, body) => {
    if (/\/sealed\/[0-9]+$/u.test(path)) asked++;
    return body;
  };
  return () => asked;
}

async function comesBackAndReads(officer: Officer): Promise<void> {
  await officer.restart();
  await officer.receives(id, TEXT, SOON_MS);
  await waits(officer, 0);
  expect((await officer.core.encryption(id)).refused).toBe(0);
}

function missing(): number {
  return conversation().log.reduce((sum, { sealed }) => sum + (sealed?.missing.size ?? 0), 0);
}

describe("a late seal", { timeout: LIMIT_MS }, () => {
  it("is made although its cell had somebody to remove when the sender asked", async () => {
    const second = await comesIn();
    const release = wire.hold(/sealed\/wanted/);
    await sender.text(id, TEXT);
    await waits(second, 1);
    const removed = inside.at(-1) as Officer;
    const gone = await clientOf(removed);
    for (const officer of [...inside, second]) await officer.core.close();
    w.server.revoke(gone);
    let answered = 0;
    wire.rewrite = (path, body) => {
      if (path.endsWith("/sealed/wanted")) answered++;
      return body;
    };
    release();
    await sender.until("answered", () => Promise.resolve(answered > 0), SOON_MS);
    // Asking again is another chance to forget.
    await sender.restart();
    await sender.until("answered again", () => Promise.resolve(answered > 1), SOON_MS);
    expect(missing()).toBe(1);
    const before = epoch();
    stopped = null;
    await first().restart();
    await first().until("removed", () => {
      // What the server does in rounds: it passes the duty on to who is there.
      conversation().duty(cell);
      return Promise.resolve(epoch() > before);
    });
    await sender.until("sealed", () => Promise.resolve(missing() === 0), SOON_MS);
    await second.restart();
    await second.receives(id, TEXT, SOON_MS);
    await waits(second, 0);
  });

  it("opens for who was away when it came, however far its cell has gone on", async () => {
    const second = await comesIn();
    const release = wire.hold(/sealed\/wanted/);
    await sender.text(id, TEXT);
    await waits(second, 1);
    await second.core.close();
    release();
    await sender.until("sealed", () => Promise.resolve(missing() === 0), SOON_MS);
    for (let turn = 0; turn < 3; turn++) await rotates(first());
    await comesBackAndReads(second);
  });

  it("opens in an epoch whose key has become too old to be sealed for", async () => {
    const second = await comesIn();
    await sealedForLater(second);
    for (const officer of inside) await officer.core.close();
    w.server.laterMs += 8 * ROTATE_AFTER_MS;
    await comesBackAndReads(second);
  });

  it("opens in an epoch whose key somebody made who was removed since", async () => {
    const second = await comesIn();
    await sealedForLater(second);
    const committer = await clientOf(first());
    for (const officer of inside) await officer.core.close();
    w.server.revoke(committer);
    await comesBackAndReads(second);
  });

  it("is asked for on a connection that stands, before the epoch ends that it is for", async () => {
    const second = await comesIn();
    const release = wire.hold(/sealed\/wanted/);
    await sender.text(id, TEXT);
    await waits(second, 1);
    w.server.pushes = (_, frame) => (frame.t === "late_seal" ? null : frame);
    release();
    await sender.until("sealed", () => Promise.resolve(missing() === 0), SOON_MS);
    w.server.laterMs += 60_000;
    for (let turn = 0; turn < 3; turn++) await rotates(first());
    await second.receives(id, TEXT, SOON_MS);
    await waits(second, 0);
  });

  it("is asked for on a connection that stands, although nothing else happens", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const network = new Network(w.fetch);
    const second = await comesIn({ fetch: network.fetch });
    const asked = countAsked(network);
    const release = wire.hold(/sealed\/wanted/);
    await sender.text(id, TEXT);
    await waits(second, 1);
    w.server.pushes = (_, frame) => (frame.t === "late_seal" ? null : frame);
    const pass = async (ms: number): Promise<void> => {
      w.server.laterMs += ms;
      await vi.advanceTimersByTimeAsync(LOOK_MS);
      await second.core.encryption(id); // What it set off is done.
    };
    const before = asked();
    await pass(0);
    await pass(10_000);
    expect(asked()).toBe(before);
    await pass(60_000);
    await second.until("asked", () => Promise.resolve(asked() === before + 1), SOON_MS);
    // It was not there yet, so this device has more patience.
    await pass(60_000);
    expect(asked()).toBe(before + 1);
    release();
    await sender.until("sealed", () => Promise.resolve(missing() === 0), SOON_MS);
    await pass(120_000);
    await second.receives(id, TEXT, SOON_MS);
    await waits(second, 0);
  });

  it("is not asked for again and again while epochs follow on one another", async () => {
    const network = new Network(w.fetch);
    const stoppedMs = w.server.now();
    const second = await comesIn({ fetch: network.fetch, now: () => stoppedMs });
    wire.hold(/sealed\/wanted/);
    const asked = countAsked(network);
    await sender.text(id, TEXT);
    await waits(second, 1);
    for (let turn = 0; turn < 3; turn++) await rotates(first());
    await second.until(
      "has followed",
      async () => (await second.core.encryption(id)).epoch === epoch(),
      SOON_MS,
    );
    expect(asked()).toBe(1);
  });

  it("is not asked for when the Remove is committed before which none could be made", async () => {
    const network = new Network(w.fetch);
    const second = await comesIn({ fetch: network.fetch });
    const removed = await clientOf(inside.at(-1) as Officer);
    for (const officer of inside) await officer.core.close();
    stopped = null;
    const commits = commitNothing(network);
    const asked = countAsked(network);
    const before = epoch();
    w.server.revoke(removed);
    await sender.text(id, TEXT);
    await waits(second, 1);
    commits();
    await second.receives(id, TEXT, SOON_MS);
    expect(epoch()).toBeGreaterThan(before);
    expect(asked()).toBe(0);
  });

  it("is asked for before the log is read, whatever makes it be read first", async () => {
    const network = new Network(w.fetch);
    const second = await comesIn({ fetch: network.fetch });
    const release = wire.hold(/sealed\/wanted/);
    await sender.text(id, TEXT);
    await waits(second, 1);
    await second.core.close();
    release();
    await sender.until("sealed", () => Promise.resolve(missing() === 0), SOON_MS);
    for (let turn = 0; turn < 3; turn++) await rotates(first());
    await admin.core.setWhoMayPost(id, "admins");
    network.seen.length = 0;
    const learns = network.hold(new RegExp(`/conversations/${id}$`, "u"));
    await second.restart();
    await second.until("learns", () => Promise.resolve(network.seen.length > 0), SOON_MS);
    await admin.text(id, "meanwhile");
    await second.receives(id, "meanwhile", SOON_MS);
    learns();
    await second.receives(id, TEXT, SOON_MS);
    await waits(second, 0);
  });

  it("comes for the next message although the log has forgotten the one before", async () => {
    const network = new Network(w.fetch);
    const second = await comesIn({ fetch: network.fetch });
    const tell = tellNobody();
    await sender.text(id, "forgotten");
    await waits(second, 1);
    const forgotten = conversation().lastSeq;
    await sender.text(id, TEXT);
    await waits(second, 2);
    await second.core.close();
    await tell();
    await sender.until("sealed", () => Promise.resolve(missing() === 0), SOON_MS);
    network.refuse = (path) => (path.endsWith(`/sealed/${String(forgotten)}`) ? "not_found" : null);
    await second.restart();
    await second.receives(id, TEXT, SOON_MS);
    await waits(second, 0);
    expect(await second.texts(id)).not.toContain("forgotten");
  });

  it("for another cell is refused where no cell was given up", async () => {
    const network = new Network(w.fetch);
    const second = await comesIn({ fetch: network.fetch });
    const secondId = await clientOf(second);
    const bent = (entry: LogEntry): LogEntry => {
      if (entry.kind !== "sealed") return entry;
      const payload = unpack(entry.payload) as SealedPayload;
      const seal = new Uint8Array(payload.seal ?? []).fill(0xee, 0, 16);
      return { ...entry, payload: encode({ ...payload, seal }) };
    };
    const refused = (count: number): Promise<unknown> =>
      second.until(
        `${String(count)} refused`,
        async () => (await second.core.encryption(id)).refused === count,
        SOON_MS,
      );
    w.server.pushes = (clientId, frame) =>
      frame.t === "entry" && clientId === secondId ? { ...frame, entry: bent(frame.entry) } : frame;
    await sender.text(id, "pushed");
    await refused(1);
    await waits(second, 0);
    await second.core.close();
    await sender.text(id, "in the log");
    await first().receives(id, "in the log", SOON_MS);
    network.rewrite = (path, body) => {
      if (!path.endsWith("/log")) return body;
      const page = body as LogPage;
      return { ...page, entries: page.entries.map(bent) };
    };
    await second.restart();
    await refused(2);
    await waits(second, 0);
    expect(await second.texts(id)).toEqual([]);
  });

  it("is for the cell that took the place of one, whose members come back to it", async () => {
    const network = new Network(w.fetch);
    const second = await comesIn({ fetch: network.fetch });
    const [returns, founder, knows, removed] = inside as [Officer, Officer, Officer, Officer];
    // It holds the key of its own cell, too.
    await knows.text(id, "I hold the keys");
    for (const officer of [sender, returns, second])
      await officer.receives(id, "I hold the keys", SOON_MS);
    const gone = await clientOf(removed);
    for (const officer of inside) await officer.core.close();
    const commits = commitNothing(network);
    w.server.revoke(gone);
    await sender.text(id, "while frozen");
    await waits(second, 1);
    await second.core.close();
    commits();
    const founding = await w.device(w.officers.indexOf(founder), { now: w.server.now });
    await founding.ready(id);
    expect(await cellOf(founding)).not.toBe(cell);
    await sender.until("sealed", () => Promise.resolve(missing() === 0), SOON_MS);
    await sender.text(id, "in the fresh cell");
    await founding.receives(id, "in the fresh cell", SOON_MS);
    for (const officer of [returns, knows, second]) {
      await officer.restart();
      for (const text of ["while frozen", "in the fresh cell"])
        await officer.receives(id, text, SOON_MS);
      await waits(officer, 0);
      expect((await officer.core.encryption(id)).refused).toBe(0);
    }
  });
});
