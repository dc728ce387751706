/** What a device does around a commit: Removes before words, and old seeds erased in their time. */
import { describe, expect, it } from "vitest";
import { STORES, type FormerSeedRecord } from "../src/records.ts";
import { GRACE_MS } from "../src/several_cells/own_key.ts";
import { Vault } from "../src/vault/vault.ts";
import { MemoryWorld } from "./memory/world.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;
const [PUBLIC_MESSAGE, PRIVATE_MESSAGE] = [1, 2];

interface Group {
  readonly w: MemoryWorld;
  readonly officers: readonly Officer[];
  readonly id: string;
}

/** A group whose clocks are the server's. */
async function group(count: number, cellSize: number): Promise<Group> {
  const w = new MemoryWorld(cellSize);
  const officers: Officer[] = [];
  for (let i = 0; i < count; i++) officers.push(await w.join({ now: w.server.now }));
  return { w, officers, id: await groupOf(officers) };
}

function at(officers: readonly Officer[], index: number): Officer {
  return officers[index] as Officer;
}

function logOf({ w, id }: Group) {
  return w.server.conversations.get(id)?.log.map(({ entry }) => entry) ?? [];
}

async function epochOf(officer: Officer, id: string): Promise<number> {
  return (await officer.core.encryption(id)).epoch ?? 0;
}

async function formerSeed({ vaultName }: Officer, id: string): Promise<FormerSeedRecord | null> {
  const vault = new Vault({ name: vaultName, now: Date.now });
  await vault.open();
  try {
    return await vault.get<FormerSeedRecord>(STORES.formerSeeds, id);
  } finally {
    vault.close();
  }
}

describe("a device", { timeout: LIMIT_MS }, () => {
  it("M9: that comes online to a pending Remove commits it before it sends", async () => {
    const g = await group(3, 64);
    const { w, officers, id } = g;
    const [first, second, third] = [at(officers, 0), at(officers, 1), at(officers, 2)];
    const gone = (await third.core.state()).clientId ?? "";
    const own = (await second.core.state()).clientId;
    for (const officer of officers) await officer.core.close();
    w.server.revoke(gone);
    const before = logOf(g).length;
    await second.restart();
    await second.text(id, "after the Remove");
    await second.until("sent", async () => (await second.core.state()).outbox === 0);
    const since = logOf(g).slice(before);
    expect(since.map(({ kind, sender }) => [kind, sender])).toEqual([
      ["commit", own],
      ["message", own],
    ]);
    await first.restart();
    await first.receives(id, "after the Remove");
    await w.close();
  });

  it("M13: sends handshakes as PublicMessages and words as PrivateMessages", async () => {
    const g = await group(3, 64);
    const { w, officers, id } = g;
    await at(officers, 1).text(id, "words");
    await at(officers, 0).receives(id, "words");
    await at(officers, 0).core.changeMembers(id, { remove: [at(officers, 2).person] });
    await at(officers, 0).text(id, "after the Remove");
    await at(officers, 1).receives(id, "after the Remove");
    const forms = { commit: PUBLIC_MESSAGE, proposal: PUBLIC_MESSAGE, message: PRIVATE_MESSAGE };
    for (const { kind, payload } of logOf(g))
      if (kind === "commit" || kind === "proposal" || kind === "message")
        expect([kind, payload[3]]).toEqual([kind, forms[kind]]);
    expect(new Set(logOf(g).map(({ kind }) => kind))).toContain("proposal");
    await w.close();
  });

  it("E5: erases the seed of the epoch before after the grace, at once after a Remove", async () => {
    const g = await group(9, 8);
    const { w, officers, id } = g;
    const [admin, member] = [at(officers, 0), at(officers, 1)];
    const cellOf = async (officer: Officer): Promise<string> => {
      const { clientId } = await officer.core.state();
      return w.server.conversations.get(id)?.leafOf(clientId ?? "")?.cellId ?? "";
    };
    expect(await cellOf(member)).toBe(await cellOf(admin));
    const said = async (text: string): Promise<void> => {
      await admin.text(id, text);
      await member.receives(id, text);
    };
    await said("first");
    const epoch = await epochOf(member, id);
    // Another device comes in: nobody is removed, and seals to the epoch before may be on their way.
    const second = await w.device(0, { now: w.server.now });
    await second.ready(id);
    await said("second");
    expect(await formerSeed(member, id)).toMatchObject({ epoch });
    w.server.laterMs = GRACE_MS + 1_000;
    await said("after the grace");
    expect(await formerSeed(member, id)).toBeNull();
    // It comes and goes: the Remove's commit leaves nothing, though one of a moment before did.
    const third = await w.device(1, { now: w.server.now });
    await third.ready(id);
    await said("third");
    expect(await formerSeed(member, id)).not.toBeNull();
    const now = await epochOf(member, id);
    await second.core.signOut();
    await member.until("the Remove", async () => (await epochOf(member, id)) > now);
    expect(await formerSeed(member, id)).toBeNull();
    await w.close();
  });
});
