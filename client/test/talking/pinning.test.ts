/** Pinned messages over real cores: of admins alone, three at most, the same on every device. */
import { encode } from "@msgpack/msgpack";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newId, type ConversationId, type MessageId } from "#core/ids.ts";
import { FIRST_PAGE } from "#core/inbox/history.ts";
import type { MemoryServer } from "../memory/server.ts";
import { Insider } from "../support/insider.ts";
import type { Officer } from "../support/officer.ts";
import { compareDigits } from "../support/scenarios.ts";
import { World } from "../support/world.ts";

const LIMIT_MS = 60_000;

let world: World<MemoryServer>;
let insider: Insider;
let a: Officer;
let b: Officer;
let c: Officer;
let id: ConversationId;
let key: Awaited<ReturnType<Insider["makeKey"]>>;

/** A group that a made, in which the insider is no admin and c is not yet. */
beforeEach(async () => {
  world = await World.make({ people: 3 });
  [a, b, c] = world.officers as [Officer, Officer, Officer];
  insider = await Insider.register(world.server, 50);
  ({ conversationId: id } = await a.core.conversations.createGroup({
    ...{ title: "Beat 9", photo: null, whoMaySend: "everyone", history: "none" },
    personIds: [b.person, insider.personId],
  }));
  for (const one of [a, b]) await one.ready(id);
  key = await insider.makeKey(id);
}, LIMIT_MS);

afterEach(async () => {
  await world.close();
  await world.server.close();
});

async function write(officer: Officer, text: string): Promise<MessageId> {
  const { messageId } = await officer.text(id, text);
  for (const one of [a, b]) await one.receives(id, text);
  await officer.until("accepted", async () => (await officer.core.app.state()).outbox === 0);
  return messageId;
}

/** The texts that are pinned, the last pinned first. */
async function pinned(officer: Officer): Promise<string> {
  const found = await officer.core.messages.pinned(id);
  return found
    .map(({ message: { body } }) => (body.kind === "text" ? body.text : body.kind))
    .join(", ");
}

async function everybodySees(wanted: string, ...officers: readonly Officer[]): Promise<void> {
  for (const one of officers.length > 0 ? officers : [a, b])
    await one.until(wanted, async () => (await pinned(one)) === wanted);
}

function pin(officer: Officer, messageId: MessageId, on = true): Promise<void> {
  return officer.core.messages.pin(id, messageId, on);
}

it(
  "are three at most, the last pinned first, news to nobody, and can be taken down",
  async () => {
    const ids = [];
    for (const text of ["Gate", "Roll call", "Radio", "Vests"]) ids.push(await write(b, text));
    const [gate, roll, radio, vests] = ids as [MessageId, MessageId, MessageId, MessageId];
    await b.core.messages.markRead(id, vests);
    const told = b.events.filter(({ type }) => type === "notify").length;
    for (const one of [gate, roll, radio]) await pin(a, one);
    await everybodySees("Radio, Roll call, Gate");
    await pin(a, vests);
    await everybodySees("Vests, Radio, Roll call");
    await pin(a, vests, false);
    await everybodySees("Radio, Roll call");
    await pin(a, roll);
    await everybodySees("Roll call, Radio");
    const item = await b.core.conversations.get(id);
    expect(item).toMatchObject({ pins: [roll, radio], canPin: false, unread: 0 });
    expect((await a.core.conversations.get(id)).canPin).toBe(true);
    expect(b.events.filter(({ type }) => type === "notify")).toHaveLength(told);
    const [first] = await b.core.messages.pinned(id);
    expect(first?.by?.personId).toBe(a.person);
    await b.restart();
    expect(await pinned(b)).toBe("Roll call, Radio");
  },
  LIMIT_MS,
);

it(
  "end with the deletion of their message, which brings none back that was replaced",
  async () => {
    const ids = [];
    for (const text of ["Gate", "Roll call", "Radio", "Vests"]) ids.push(await write(a, text));
    for (const one of ids) await pin(a, one);
    await everybodySees("Vests, Radio, Roll call");
    const vests = ids.at(-1) as MessageId;
    await a.core.messages.delete(id, vests, 0);
    await everybodySees("Radio, Roll call");
    await expect(pin(a, vests)).rejects.toMatchObject({ code: "not_found" });
  },
  LIMIT_MS,
);

it(
  "are shown at once by a device that waits for a network",
  async () => {
    const gate = await write(a, "Gate");
    await a.core.app.networkChanged(false);
    await a.until("offline", async () => (await a.core.app.state()).connection !== "online");
    await pin(a, gate);
    expect(await pinned(a)).toBe("Gate");
    expect((await a.core.conversations.get(id)).pins).toEqual([gate]);
    await a.core.app.networkChanged(true);
    await everybodySees("Gate");
  },
  LIMIT_MS,
);

it(
  "are of admins alone, by the signed leaf of the moment",
  async () => {
    const gate = await write(a, "Gate");
    await expect(pin(b, gate)).rejects.toMatchObject({ code: "not_admin" });
    await expect(pin(a, newId())).rejects.toMatchObject({ code: "not_found" });
    const forge = async (pinned: unknown): Promise<void> => {
      const what = { mark: "pin", pinned };
      const content = encode({ v: 1, kind: "mark", messageId: gate, what });
      await insider.post(id, await insider.message(id, key, content), false, true);
    };
    await forge(true);
    await write(a, "after");
    await everybodySees("");
    await pin(a, gate);
    await everybodySees("Gate");
    await forge(false);
    await forge("yes");
    await write(a, "after that");
    await everybodySees("Gate");
    await a.core.members.change(id, { makeAdmin: [b.person] });
    await b.until("an admin", async () => (await b.core.conversations.get(id)).canPin);
    await b.text(id, "I command");
    await pin(b, gate, false);
    await everybodySees("");
    await pin(b, gate);
    await everybodySees("Gate");
    await a.core.members.change(id, { revokeAdmin: [b.person] });
    await b.until("no admin", async () => !(await b.core.conversations.get(id)).canPin);
    await everybodySees("Gate");
  },
  LIMIT_MS,
);

it(
  "of somebody who was an admin under an older head count nowhere, in whatever order it is read",
  async () => {
    const gate = await write(a, "Gate");
    await a.core.members.change(id, { makeAdmin: [insider.personId] });
    const { epoch, hash: head } = await insider.head(id);
    await a.core.members.change(id, { revokeAdmin: [insider.personId] });
    await write(a, "under the new head");
    world.server.log.takesAnything = true;
    const what = { mark: "pin", pinned: true };
    const content = encode({ v: 1, kind: "mark", messageId: gate, what });
    await insider.post(id, await insider.message(id, key, content, { epoch, head }), false, true);
    world.server.log.takesAnything = false;
    // The page that a device reads first begins with the pin.
    for (let n = 2; n < FIRST_PAGE; n += 1) await a.text(id, `after ${String(n)}`);
    await write(a, "the end");
    const second = await world.device(1);
    await compareDigits(b, second);
    await second.receives(id, "Gate");
    await world.settle(second);
    await everybodySees("", a, b, second);
  },
  LIMIT_MS,
);

it(
  "are both people's in a direct conversation, and not of somebody who was blocked there",
  async () => {
    ({ conversationId: id } = await a.core.conversations.openDirect(b.person));
    await b.ready(id);
    const gate = await write(a, "Gate");
    await pin(b, gate);
    await everybodySees("Gate");
    await pin(a, gate, false);
    await everybodySees("");
    await a.core.people.block(b.person, true);
    await pin(b, gate);
    await b.until("sent", async () => (await b.core.app.state()).outbox === 0);
    await world.settle(a, b);
    expect([await pinned(a), await pinned(b)]).toEqual(["", "Gate"]);
  },
  LIMIT_MS,
);

it(
  "of messages that a newcomer may not read are not shown there",
  async () => {
    const gate = await write(a, "Gate");
    await pin(a, gate);
    await everybodySees("Gate");
    await a.core.members.change(id, { add: [c.person] });
    await c.ready(id);
    const radio = await write(b, "Radio");
    await c.receives(id, "Radio");
    await pin(a, gate);
    await pin(a, radio);
    await everybodySees("Radio, Gate");
    await everybodySees("Radio", c);
    expect(await c.texts(id)).toEqual(["Radio"]);
  },
  LIMIT_MS,
);

it(
  "are read by a device that begins later and reads backwards",
  async () => {
    const gate = await write(a, "Gate");
    await pin(a, gate);
    const radio = await write(a, "Radio");
    await pin(a, radio);
    await pin(a, radio, false);
    await everybodySees("Gate");
    const second = await world.device(1);
    await compareDigits(b, second);
    await second.receives(id, "Gate");
    await everybodySees("Gate", second);
  },
  LIMIT_MS,
);
