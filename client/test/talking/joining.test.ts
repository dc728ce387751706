/** F4: requests to join a group, from one device's words to another's. */
import { expect, it } from "vitest";
import type { ConversationId, UnitId } from "#core/ids.ts";
import type { JoiningView } from "#core/seam.ts";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();
const LISTING = { title: " Cyber cell ", purpose: "Fraud by phone", unitId: "CHAR" as UnitId };

const current = ({ core }: Officer): Promise<JoiningView> => core.joining.current();

async function group(admin: Officer, member: Officer): Promise<ConversationId> {
  const { conversationId } = await admin.core.conversations.createGroup({
    ...{ title: "Cyber cell", personIds: [member.person], photo: null },
    ...{ whoMaySend: "everyone", history: "none" },
  });
  await admin.ready(conversationId);
  return conversationId;
}

it("F4 the reason is read by the admins alone, who accept by adding the person", async () => {
  const [a, b, c] = [await w.join(), await w.join(), await w.join()];
  const id = await group(a, b);
  expect(await current(c)).toEqual({ groups: [], requests: [] });
  await expect(b.core.joining.list(id, LISTING)).rejects.toMatchObject({ code: "not_admin" });
  await expect(a.core.joining.list(id, { ...LISTING, title: " " })).rejects.toMatchObject({
    code: "message_invalid",
  });
  await a.core.joining.list(id, LISTING);
  const [found] = (await current(c)).groups;
  expect(found).toMatchObject({ title: "Cyber cell", purpose: "Fraud by phone", mine: false });
  expect(found?.adminIds).toEqual([a.person]);
  const readers = await c.core.joining.readers({ adminIds: [a.person] });
  expect(readers.map(({ personId }) => personId)).toEqual([a.person]);
  await expect(c.core.joining.ask(id, "  ", [a.person])).rejects.toMatchObject({
    code: "message_invalid",
  });
  const reason = "I follow the money: నేను డబ్బును వెంబడిస్తాను";
  await c.core.joining.ask(id, reason, [a.person]);
  await a.until("told", () => Promise.resolve(a.events.some(({ type }) => type === "joining")));
  const { requests } = await current(a);
  expect(requests).toMatchObject([{ conversationId: id, person: { personId: c.person }, reason }]);
  expect((await current(b)).requests).toEqual([]);
  expect((await current(c)).groups).toMatchObject([{ askedMs: expect.any(Number) as number }]);
  // Another admin's device, to which it was not sealed, sees who asks and not why.
  await a.core.members.change(id, { makeAdmin: [b.person] });
  expect((await current(b)).requests).toMatchObject([{ reason: null }]);
  await a.core.members.change(id, { add: [c.person] });
  await c.ready(id);
  expect((await current(a)).requests).toEqual([]);
  await a.core.joining.list(id, null);
});

it("is refused, taken back, and bound to the person who asks", async () => {
  const [a, b, c] = [await w.join(), await w.join(), await w.join()];
  const id = await group(a, b);
  await a.core.joining.list(id, LISTING);
  await c.core.joining.ask(id, "First", [a.person]);
  await c.core.joining.withdraw(id);
  expect((await current(a)).requests).toEqual([]);
  await c.core.joining.ask(id, "Again", [a.person]);
  // The server passes the reason off as another person's.
  w.server.joining.swap(id, c.person, b.person);
  await a.core.members.change(id, { remove: [b.person] });
  expect((await current(a)).requests).toMatchObject([
    { person: { personId: b.person }, reason: null },
  ]);
  w.server.joining.swap(id, b.person, c.person);
  await a.core.joining.refuse(id, c.person);
  await c.until("told", () => Promise.resolve(c.events.some(({ type }) => type === "joining")));
  const [refused] = (await current(c)).groups;
  expect(refused).toMatchObject({ askedMs: null, againMs: expect.any(Number) as number });
  await expect(c.core.joining.ask(id, "Please", [a.person])).rejects.toMatchObject({
    code: "join_refused",
  });
  await a.core.joining.list(id, null);
  expect((await current(c)).groups).toEqual([]);
});

it("F4 the reason is sealed to the people whom the screen named, not to those whom the server names", async () => {
  const [a, b, c] = [await w.join(), await w.join(), await w.join()];
  const id = await group(a, b);
  await a.core.joining.list(id, LISTING);
  const [found] = (await current(c)).groups;
  // The server has another admin by the time of the request.
  await a.core.members.change(id, { makeAdmin: [b.person] });
  await c.core.joining.ask(id, "For A alone", found?.adminIds ?? []);
  expect((await current(a)).requests).toMatchObject([{ reason: "For A alone" }]);
  expect((await current(b)).requests).toMatchObject([{ reason: null }]);
  await expect(c.core.joining.ask(id, "For nobody", [])).rejects.toMatchObject({
    code: "admins_unreachable",
  });
});
