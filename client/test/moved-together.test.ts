/** People who find themselves in another cell, or in one that is founded anew: nobody misses anything. */
import { afterEach, describe, expect, it } from "vitest";
import type { ClaimedKeyPackages } from "../src/wire.ts";
import type { MemoryConversation } from "./memory/conversation.ts";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf, joinMany } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;

let w: MemoryWorld;
afterEach(() => w.close());

function conversation(id: string): MemoryConversation {
  return w.server.conversation(id);
}

async function cellOf({ core }: Officer, id: string): Promise<string> {
  const { clientId } = await core.state();
  return conversation(id).leafOf(clientId ?? "")?.cellId ?? "";
}

async function sent(officer: Officer): Promise<void> {
  await officer.until("sent", async () => (await officer.core.state()).outbox === 0, SOON_MS);
}

describe("cells that become one", { timeout: LIMIT_MS }, () => {
  it("let in who is away before anything is sent, also where the sender was moved itself", async () => {
    w = new MemoryWorld(16);
    const officers = await joinMany(w, 15);
    const [admin, ...others] = officers as [Officer, ...Officer[]];
    const id = await groupOf(officers);
    const first = await cellOf(admin, id);
    const beside: Officer[] = [];
    const apart: Officer[] = [];
    for (const officer of others)
      ((await cellOf(officer, id)) === first ? beside : apart).push(officer);
    expect([beside.length, apart.length]).toEqual([11, 3]);
    const away = beside.pop() as Officer;
    const target = await cellOf(apart[0] as Officer, id);
    for (const officer of [...apart, away]) await officer.core.close();
    const people = beside.map(({ person }) => person);
    // Two of the first cell are left, and three of the other: that is the one that stays.
    await admin.core.changeMembers(id, { remove: people });
    await admin.text(id, "after the move");
    await sent(admin);
    expect(await cellOf(admin, id)).toBe(target);
    for (const officer of [away, ...apart]) {
      await officer.restart();
      await officer.receives(id, "after the move", SOON_MS);
    }
  });
});

describe("a cell that is founded", { timeout: LIMIT_MS }, () => {
  const unusable: readonly (readonly [string, (good: Uint8Array) => Uint8Array])[] = [
    ["cannot be read", (good) => good.subarray(0, 20)],
    ["is not signed by its device", (good) => good.with(-1, (good.at(-1) ?? 0) ^ 1)],
  ];

  it.each(unusable)("lets the others in where one key package %s", async (_, spoil) => {
    w = new MemoryWorld(8);
    const network = new Network(w.fetch);
    const admin = await w.join({ fetch: network.fetch });
    const others = await joinMany(w, 3);
    const bad = (await others[1]?.core.state())?.clientId;
    for (const officer of others) await officer.core.close();
    let spoiled = 0;
    network.rewrite = (path, body) => {
      if (!path.endsWith("/key-packages/claims")) return body;
      const { keyPackages } = body as ClaimedKeyPackages;
      const changed = keyPackages.map((one) =>
        one.clientId === bad ? { ...one, keyPackage: spoil(one.keyPackage) } : one,
      );
      spoiled += changed.filter((one, i) => one !== keyPackages[i]).length;
      return { keyPackages: changed };
    };
    const { conversationId: id } = await admin.core.createGroup({
      title: "Force",
      personIds: others.map(({ person }) => person),
      photo: null,
      whoMayPost: "everyone",
    });
    await admin.ready(id);
    expect(spoiled).toBeGreaterThan(0);
    await admin.text(id, "to those in the cell");
    await sent(admin);
    for (const officer of others) await officer.restart();
    for (const officer of others) await officer.ready(id);
    await admin.text(id, "to all of now");
    for (const officer of others) await officer.receives(id, "to all of now", SOON_MS);
    const [first, second, third] = await Promise.all(others.map((officer) => officer.texts(id)));
    // Whose key package it was came in by themselves, later.
    expect(second).toEqual(["to all of now"]);
    for (const texts of [first, third])
      expect(texts).toEqual(["to those in the cell", "to all of now"]);
  });
});
