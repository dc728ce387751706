/** A group's photo that the server has forgotten does not keep its name from anybody. */
import { afterEach, describe, expect, it } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import type { Officer } from "./officer.ts";
import { joinMany } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;

let w: MemoryWorld;
afterEach(() => w.close());

async function isCalled(officer: Officer, id: string, name: string): Promise<void> {
  await officer.until("the name", async () => {
    const all = await officer.core.conversations();
    return all.some(({ conversationId, title }) => conversationId === id && title === name);
  });
}

describe.each([
  ["one cell", 2],
  ["several cells", 6],
])("the name of a group of %s whose photo is forgotten", (_, size) => {
  it("is told to newcomers, and changes", { timeout: LIMIT_MS }, async () => {
    w = new MemoryWorld(8);
    const officers = await joinMany(w, size);
    const [admin, other] = officers as [Officer, Officer];
    const file = new Blob([new Uint8Array(1_000)]);
    const { conversationId: id } = await admin.core.createGroup({
      title: "Night patrol",
      personIds: officers.slice(1).map(({ person }) => person),
      photo: { kind: "image", file, name: "badge.png", mime: "image/png" },
      whoMayPost: "everyone",
    });
    for (const officer of officers) await isCalled(officer, id, "Night patrol");
    expect((await other.core.conversation(id)).photo).not.toBe(null);
    w.server.attachments.clear();
    const newcomer = await w.join();
    await admin.core.changeMembers(id, { add: [newcomer.person] });
    await isCalled(newcomer, id, "Night patrol");
    await admin.core.setProfile(id, { title: "Day patrol", photo: "keep" });
    for (const officer of [...officers, newcomer]) await isCalled(officer, id, "Day patrol");
    await admin.text(id, "and on");
    for (const officer of [...officers.slice(1), newcomer]) await officer.receives(id, "and on");
    expect((await admin.core.conversation(id)).photo).toBe(null);
  });
});
