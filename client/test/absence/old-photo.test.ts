/** A group's photo that the server has forgotten does not keep its name from anybody. */
import { describe, expect, it } from "vitest";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const LIMIT_MS = 120_000;

async function isCalled(officer: Officer, id: string, name: string): Promise<void> {
  await officer.until("the name", async () => {
    const all = await officer.core.conversations.list();
    return all.some(({ conversationId, title }) => conversationId === id && title === name);
  });
}

describe.each([
  ["one cell", 256],
  ["several cells", 2],
])("name and description of a group of %s whose photo is forgotten", (_, cellSize) => {
  const w = memoryWorld({ cellSize });

  it("is known to newcomers, and changes (H3)", { timeout: LIMIT_MS }, async () => {
    const officers = [await w.join(), await w.join(), await w.join()];
    const [admin, other] = officers as [Officer, Officer, Officer];
    const file = new Blob([new Uint8Array(1_000)]);
    const { conversationId: id } = await admin.core.conversations.createGroup({
      title: "Night patrol",
      personIds: officers.slice(1).map(({ person }) => person),
      photo: { kind: "image", file, name: "badge.png", mime: "image/png" },
      whoMaySend: "everyone",
      history: "none",
    });
    for (const officer of officers) await isCalled(officer, id, "Night patrol");
    expect((await other.core.conversations.get(id)).photo).not.toBe(null);
    w.server.state.attachments.clear();
    const newcomer = await w.join();
    await admin.core.members.change(id, { add: [newcomer.person] });
    // It may read nothing of before, but the name, whose k is shared.
    await isCalled(newcomer, id, "Night patrol");
    await admin.core.conversations.setProfile(id, {
      title: "Day patrol",
      photo: "keep",
      description: "",
    });
    for (const officer of [...officers, newcomer]) await isCalled(officer, id, "Day patrol");
    const described = {
      title: "Day patrol",
      photo: "keep",
      description: " Who to ask: Ravi ",
    } as const;
    await admin.core.conversations.setProfile(id, described);
    for (const officer of [...officers, newcomer])
      await officer.until("the description", async () => {
        return (await officer.core.conversations.get(id)).description === "Who to ask: Ravi";
      });
    const [notice] = (await other.core.messages.page(id, null, 1)).messages;
    expect(notice?.body).toMatchObject({ kind: "notice", notice: { kind: "description" } });
    const tooLong = { ...described, description: "a".repeat(501) };
    await expect(admin.core.conversations.setProfile(id, tooLong)).rejects.toMatchObject({
      code: "message_invalid",
    });
    await admin.text(id, "and on");
    for (const officer of [...officers.slice(1), newcomer]) await officer.receives(id, "and on");
  });
});
