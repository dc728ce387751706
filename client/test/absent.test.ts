/** Who is named while away, with nobody of those who named them in the same cell, is let in by its members. */
import { afterEach, describe, expect, it } from "vitest";
import type { MemoryConversation } from "./memory/conversation.ts";
import { MemoryWorld } from "./memory/world.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;

let w: MemoryWorld;
afterEach(() => w.close());

async function isLetIn(officer: Officer, conversation: MemoryConversation, clientId: string) {
  await officer.until("let in", () => {
    const leaf = conversation.leafOf(clientId);
    const tree = conversation.cells.get(leaf?.cellId ?? "")?.leaves ?? [];
    return Promise.resolve(tree.some((one) => one.clientId === clientId));
  });
}

async function joinAll(count: number): Promise<Officer[]> {
  const officers: Officer[] = [];
  // The first of them lets in who is away soon.
  for (let i = 0; i < count; i++) officers.push(await w.join({ random: () => Math.random() / 30 }));
  return officers;
}

describe("who is named while away", { timeout: LIMIT_MS }, () => {
  it("for another cell than the admin's has what is sent from then on", async () => {
    w = new MemoryWorld(8);
    const officers = await joinAll(5);
    const away = await w.join();
    const { clientId } = await away.core.state();
    const id = await groupOf(officers);
    const conversation = w.server.conversation(id);
    expect(conversation.cells.size).toBe(2);
    await away.core.close();
    const [admin] = officers as [Officer];
    const apart = conversation.leafOf((await admin.core.state()).clientId ?? "")?.cellId;
    await admin.core.changeMembers(id, { add: [away.person] });
    const full = conversation.leafOf(clientId ?? "")?.cellId === apart;
    await isLetIn(admin, conversation, clientId ?? "");
    await admin.text(id, "while away");
    await admin.until("sent", async () => (await admin.core.state()).outbox === 0, SOON_MS);
    await away.restart();
    await away.receives(id, "while away", SOON_MS);
    expect(full).toBe(false);
  });

  it("by the data bank has what is sent from then on", async () => {
    w = new MemoryWorld(8);
    const officers = await joinAll(3);
    const away = await w.join();
    const { clientId } = await away.core.state();
    const id = await groupOf(officers);
    const conversation = w.server.conversation(id);
    await away.core.close();
    const { person } = away;
    conversation.members.set(person, { admin: false, addedMs: 0, deliveredSeq: 0, readSeq: 0 });
    conversation.edit({
      reason: "department",
      by: null,
      add: w.server.clientsOf(person),
      addedPeople: [person],
    });
    const [admin] = officers as [Officer];
    await isLetIn(admin, conversation, clientId ?? "");
    const epochs = [...conversation.cells.values()].map(({ epoch }) => epoch);
    await admin.text(id, "while away");
    await away.restart();
    await away.receives(id, "while away", SOON_MS);
    // By one of them, once.
    expect([...conversation.cells.values()].map(({ epoch }) => epoch)).toEqual(epochs);
  });
});
