/** Certificates that are renewed late, or in the middle of something: nothing is lost over it. */
import { afterEach, describe, expect, it } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;
const DAY_MS = 24 * 3_600_000;
const RENEWAL = /\/certificates$/u;

let w: MemoryWorld;
afterEach(() => w.close());

async function joinAll(count: number): Promise<Officer[]> {
  const officers: Officer[] = [];
  // They see to the keys of their cells soon.
  const random = (): number => Math.random() / 30;
  for (let i = 0; i < count; i++) officers.push(await w.join({ now: w.server.now, random }));
  return officers;
}

/** So many days later, those who were online all the time. */
async function later(days: number, officers: readonly Officer[], id: string): Promise<void> {
  w.server.laterMs = days * DAY_MS;
  for (const officer of officers) await officer.restart();
  for (const officer of officers) await officer.ready(id);
  await officers[0]?.text(id, `day ${String(days)}`);
  for (const officer of officers) await officer.receives(id, `day ${String(days)}`, SOON_MS);
}

async function stateOf(officer: Officer, id: string): Promise<string | undefined> {
  const all = await officer.core.conversations();
  return all.find(({ conversationId }) => conversationId === id)?.state;
}

describe.each([
  ["one cell", 2],
  ["several cells", 6],
])("who was away until the certificate ran out, in a conversation of %s", (_, size) => {
  it("renews it before anything is sent", { timeout: LIMIT_MS }, async () => {
    w = new MemoryWorld(8);
    const officers = await joinAll(size - 1);
    const network = new Network(w.fetch);
    const away = await w.join({ now: w.server.now, fetch: network.fetch });
    const id = await groupOf([...officers, away]);
    const [admin] = officers as [Officer];
    await admin.text(id, "before");
    for (const officer of [...officers, away]) await officer.receives(id, "before", SOON_MS);
    await away.core.close();
    // The others renew in time, and see to the keys of their cells.
    for (const days of [75, 100]) await later(days, officers, id);
    const { log } = w.server.conversation(id);
    const before = log.length;
    const release = network.hold(RENEWAL);
    network.seen.length = 0;
    await away.restart();
    const { clientId } = await away.core.state();
    await away.text(id, "back again");
    await away.until("asks for another", () => Promise.resolve(network.seen.length > 0), SOON_MS);
    await away.receives(id, "day 100", SOON_MS);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(log.slice(before).filter(({ entry }) => entry.sender === clientId)).toEqual([]);
    release();
    for (const officer of officers) await officer.receives(id, "back again", SOON_MS);
    expect(await stateOf(admin, id)).toBe("ready");
    expect((await admin.core.encryption(id)).refused).toBe(0);
  });
});
