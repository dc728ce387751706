/** What the others see of a member who registers later: no news of a newcomer, who is none. */
import { describe, expect, it } from "vitest";
import { nameOf } from "./data-folder.ts";
import type { Officer } from "./officer.ts";
import { memoryWorld } from "./world.ts";

const w = memoryWorld();

/** The id of somebody who has not registered. */
async function absentPerson(by: Officer, index: number): Promise<string> {
  const { people } = await by.core.people({ text: nameOf(index) });
  return people[0]?.personId ?? "";
}

async function groupWith(by: Officer, personIds: readonly string[]): Promise<string> {
  const { conversationId } = await by.core.createGroup({
    ...{ title: "Beat 9", personIds, photo: null },
    ...{ whoMayPost: "everyone", history: "none" },
  });
  await by.ready(conversationId);
  return conversationId;
}

describe("a member who registers later", () => {
  it("is no longer shown as not registered", async () => {
    const a = await w.join();
    const index = w.current.absent();
    const late = await absentPerson(a, index);
    const id = await groupWith(a, [late]);
    await a.until("not registered", async () => {
      const { unregisteredPeople } = await a.core.encryption(id);
      return unregisteredPeople.length === 1;
    });
    await w.device(index);
    await a.until("registered", async () => (await a.core.encryption(id)).unregistered === 0);
    expect((await a.core.encryption(id)).unregisteredPeople).toEqual([]);
    const members = await a.core.members(id);
    expect(members.map(({ registered }) => registered)).toEqual([true, true]);
  });
});
