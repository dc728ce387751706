/** People who find themselves in another cell, or in one that is founded anew: nobody misses anything. */
import { afterEach, describe, expect, it } from "vitest";
import type { MemoryConversation } from "./memory/conversation.ts";
import { MemoryWorld } from "./memory/world.ts";
import type { Officer } from "./officer.ts";
import { groupOf, joinMany } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;

let w: MemoryWorld;
afterEach(() => w.close());

function conversation(id: string): MemoryConversation {
  const found = w.server.conversations.get(id);
  if (found === undefined) throw new Error("no conversation");
  return found;
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
