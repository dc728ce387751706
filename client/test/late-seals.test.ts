/** Seals that come after their message: to whom, and by when, they must be of use. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { STORES } from "../src/records.ts";
import type { ConversationRecord } from "../src/records.ts";
import { ROTATE_AFTER_MS } from "../src/several_cells/key_due.ts";
import type { MemoryConversation } from "./memory/conversation.ts";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";
import { changeRecord } from "./vaults.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;
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
afterEach(() => w.close());

function conversation(): MemoryConversation {
  const found = w.server.conversations.get(id);
  if (found === undefined) throw new Error("no conversation");
  return found;
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
async function comesIn(): Promise<Officer> {
  const second = await w.device(w.officers.indexOf(first()), { now: w.server.now });
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
    for (let turn = 0; turn < 3; turn++) {
      const before = epoch();
      await first().core.close();
      await changeRecord<ConversationRecord>(
        first().vaultName,
        STORES.conversations,
        id,
        (record) => ({ ...record, epochMs: w.server.now() - 2 * ROTATE_AFTER_MS }),
      );
      await first().restart();
      await first().until(
        "rotated",
        async () => ((await first().core.encryption(id)).epoch ?? 0) > before,
        SOON_MS,
      );
    }
    await second.restart();
    await second.receives(id, TEXT, SOON_MS);
    await waits(second, 0);
    expect((await second.core.encryption(id)).refused).toBe(0);
  });
});
