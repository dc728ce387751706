/** Others look at a member who registers later: told as that, and not as a newcomer. */
import type { ConversationId, PersonId } from "#core/ids.ts";
import { describe, expect, it } from "vitest";
import { nameOf } from "../support/people.ts";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();

/** The id of somebody who has not registered. */
async function absentPerson(by: Officer, index: number): Promise<PersonId> {
  const { people } = await by.core.people.search({ text: nameOf(index) });
  return (people[0]?.personId ?? "") as PersonId;
}

async function groupWith(by: Officer, personIds: readonly PersonId[]): Promise<ConversationId> {
  const { conversationId } = await by.core.conversations.createGroup({
    ...{ title: "Beat 9", personIds, photo: null },
    ...{ whoMaySend: "everyone", history: "none" },
  });
  await by.ready(conversationId);
  return conversationId;
}

/** Wait until a device shows a roster of so many people. */
async function listed(by: Officer, id: ConversationId, people: number): Promise<void> {
  await by.until("listed", async () => {
    const members = await by.core.members.list(id);
    return members.filter(({ devices }) => devices.length > 0).length === people;
  });
}

/** Notices about people, by kind, oldest first. */
async function told(by: Officer, id: ConversationId): Promise<readonly (readonly string[])[]> {
  const { messages } = await by.core.messages.page(id, null, 50);
  return messages.flatMap(({ body }) =>
    body.kind === "notice" && "people" in body.notice
      ? [[body.notice.kind, ...body.notice.people.map(({ personId }) => personId)]]
      : [],
  );
}

describe("a member who registers later", () => {
  it("is no longer shown as not registered", async () => {
    const a = await w.join();
    const index = w.current.absent();
    const late = await absentPerson(a, index);
    const id = await groupWith(a, [late]);
    await a.until("not registered", async () => {
      const { unregisteredPeople } = await a.core.conversations.encryption(id);
      return unregisteredPeople.length === 1;
    });
    await w.device(index);
    await a.until(
      "registered",
      async () => (await a.core.conversations.encryption(id)).unregistered === 0,
    );
    expect((await a.core.conversations.encryption(id)).unregisteredPeople).toEqual([]);
    const members = await a.core.members.list(id);
    expect(members.map(({ registered }) => registered)).toEqual([true, true]);
  });

  it("joins no group by it; a person who is added does", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const indexes = [w.current.absent(), w.current.absent()];
    const [first, second] = [
      await absentPerson(a, indexes[0] ?? 0),
      await absentPerson(a, indexes[1] ?? 0),
    ];
    const id = await groupWith(a, [first]);
    await a.text(id, "Parade at six.");
    await w.device(indexes[0] ?? 0);
    await listed(a, id, 2);
    expect(await told(a, id)).toEqual([["registered", first]]);
    const { last } = await a.core.conversations.get(id);
    expect(last?.preview).toEqual({ kind: "text", text: "Parade at six." });

    // The head that lists the one with a phone is not older than the addition of the other (E1).
    await a.core.members.change(id, { add: [second, b.person] });
    await listed(a, id, 3);
    await w.device(indexes[1] ?? 0);
    await listed(a, id, 4);
    expect(await told(a, id)).toEqual([
      ["registered", first],
      ["added", b.person],
      ["registered", second],
    ]);
  });

  it("has nothing unread in a group of what was written before, but all of a direct one", async () => {
    const a = await w.join();
    const index = w.current.absent();
    const absent = await absentPerson(a, index);
    const group = (
      await a.core.conversations.createGroup({
        ...{ title: "Beat 11", personIds: [absent], photo: null },
        ...{ whoMaySend: "everyone", history: "30_days" },
      })
    ).conversationId;
    const direct = (await a.core.conversations.openDirect(absent)).conversationId;
    for (const id of [group, direct]) {
      await a.ready(id);
      for (const text of ["one", "two", "three"]) await a.text(id, `${text} before`);
    }
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    const late = await w.device(index);
    for (const id of [group, direct]) await late.receives(id, "one before");
    const unreadIn = async (id: ConversationId): Promise<number> =>
      (await late.core.conversations.get(id)).unread;
    expect(await unreadIn(direct)).toBe(3);
    expect(await unreadIn(group)).toBe(0);
    expect((await late.core.messages.page(group, null, 50)).firstUnread).toBeNull();
    const { messageId } = await a.text(group, "after");
    await late.receives(group, "after");
    expect(await unreadIn(group)).toBe(1);
    expect((await late.core.messages.page(group, null, 50)).firstUnread).toBe(messageId);
    // Reading an older one leaves the count: it is about later messages.
    const { messages } = await late.core.messages.page(group, null, 50);
    const [older] = messages.filter(({ body }) => body.kind === "text");
    await late.core.messages.markRead(group, older?.messageId ?? messageId);
    expect(await unreadIn(group)).toBe(1);
  });

  it("is a quiet line of a direct conversation", async () => {
    const a = await w.join();
    const index = w.current.absent();
    const { conversationId: id } = await a.core.conversations.openDirect(
      await absentPerson(a, index),
    );
    await a.text(id, "Welcome to the station.");
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    const late = await w.device(index);
    await listed(a, id, 2);
    expect(await told(a, id)).toEqual([["registered", late.person]]);
    const { last } = await a.core.conversations.get(id);
    expect(last?.preview).toEqual({ kind: "text", text: "Welcome to the station." });
  });
});
