/** Where admins alone may post, those who come in learn the group's name without asking. */
import { afterEach, describe, expect, it } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import type { Officer } from "./officer.ts";
import { readRecords } from "./vaults.ts";

const LIMIT_MS = 120_000;

let w: MemoryWorld;
afterEach(() => w.close());

async function announcements(count: number): Promise<[string, Officer[]]> {
  w = new MemoryWorld(8);
  const officers: Officer[] = [];
  for (let i = 0; i < count; i++) officers.push(await w.join({ now: w.server.now }));
  const [admin, ...others] = officers as [Officer, ...Officer[]];
  const { conversationId: id } = await admin.core.createGroup({
    title: "Orders",
    personIds: others.map(({ person }) => person),
    photo: null,
    whoMayPost: "admins",
  });
  for (const officer of officers) await learns(officer, id);
  return [id, officers];
}

function learns(officer: Officer, id: string): Promise<unknown> {
  return officer.until("the name", async () => {
    const all = await officer.core.conversations();
    return all.some(({ conversationId, title }) => conversationId === id && title === "Orders");
  });
}

/** Said once, and nothing is left of what the others would say. */
async function saidOnce(id: string, before: number, others: readonly Officer[]): Promise<void> {
  const { log } = w.server.conversation(id);
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  const said = log.slice(before).filter(({ entry }) => /message|sealed/u.test(entry.kind));
  expect(said.length).toBe(1);
  for (const { core, vaultName } of others) {
    await core.close();
    expect(await readRecords(vaultName, "outbox")).toEqual([]);
  }
}

describe("in a group where admins alone may post", { timeout: LIMIT_MS }, () => {
  it("a new device is told the name by an admin", async () => {
    const [id, [, ...others]] = await announcements(3);
    const before = w.server.conversation(id).log.length;
    const device = await w.device(1, { now: w.server.now });
    await learns(device, id);
    await saidOnce(id, before, [device, ...others]);
  });

  it.each([2, 7])("of %i people, by one who was away meanwhile", async (count) => {
    const [id, [admin, ...others]] = (await announcements(count)) as [string, [Officer]];
    const before = w.server.conversation(id).log.length;
    await admin.core.close();
    const device = await w.device(1, { now: w.server.now });
    await device.ready(id);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    w.server.laterMs = 60_000;
    await admin.restart();
    await learns(device, id);
    await saidOnce(id, before, [device, ...others]);
  });
});
