/**
 * S9 with whole devices: a conversation key that its author sealed to one cell alone. The devices of the
 * other wait for a late seal and ask for no share.
 */
import { afterEach, beforeEach, expect, it } from "vitest";
import { encodeContent } from "#core/kinds/content.ts";
import type { ConversationId, DeviceId } from "#core/ids.ts";
import { Insider } from "../support/insider.ts";
import type { Officer } from "../support/officer.ts";
import { World } from "../support/world.ts";

const LIMIT_MS = 60_000;
/** From then on a device waits for late seals. */
const SETTLED_MS = 5_500;

let world: World;
let insider: Insider;
let officers: readonly Officer[];
let id: ConversationId;
/** Requests for shares, by whom. */
let asked: Map<Officer, number>;

beforeEach(async () => {
  world = await World.make({ people: 3, cellSize: 2 });
  officers = ["Asha", "Balu", "Chandra"].map((name) => world.officer(name));
  const [a, b, c] = officers as [Officer, Officer, Officer];
  insider = await Insider.register(world.server, 50);
  await insider.connect();
  ({ conversationId: id } = await a.core.conversations.createGroup({
    ...{ title: "Beat 9", personIds: [b.person, c.person, insider.personId], photo: null },
    ...{ whoMaySend: "everyone", history: "none" },
  }));
  for (const one of officers) await one.ready(id);
  asked = new Map(officers.map((one) => [one, 0]));
  for (const one of officers)
    world.network(one).refuse = (path) => {
      if (path.endsWith("/share-requests")) asked.set(one, (asked.get(one) ?? 0) + 1);
      return null;
    };
  const { cellKeys } = world.server;
  const conversation = world.server.conversation(id);
  await a.until("each cell has a key", async () => {
    await world.server.asking.round();
    const cells = conversation.rosters.get(conversation.epoch)?.cells.keys() ?? [];
    return [...cells].every((cell) => cellKeys.newest(conversation, cell) !== null);
  });
  await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
}, LIMIT_MS);

afterEach(async () => {
  await world.close();
  await world.server.close();
});

function cellOf(device: DeviceId): string {
  const conversation = world.server.conversation(id);
  return conversation.rosters.get(conversation.epoch)?.leaves.get(device)?.cell ?? "";
}

it(
  "S9 devices of a cell that a key leaves out wait for a late seal",
  { timeout: LIMIT_MS },
  async () => {
    const devices = await Promise.all(officers.map((one) => one.device()));
    const own = cellOf(insider.signer.device);
    const leftOut = devices.filter((one) => cellOf(one) !== own);
    expect(leftOut).toHaveLength(2);
    // The server takes another key of nobody who opens the one that serves.
    const held = world.server.conversation(id).keys.map(({ keyId }) => keyId.slice(0, 32));
    const references = held.map((reference) => ({ kind: 1 as const, reference }));
    await insider.api.requestShares(id, { references });
    const key = await insider.makeKey(id, { leftOut });
    const text = {
      kind: "text",
      text: "Report",
      mentions: [],
      replyTo: null,
      forwards: 0,
    } as const;
    await insider.post(id, await insider.message(id, key, encodeContent(text)));
    for (const one of officers) await one.receives(id, "Report");
    expect([...asked.values()]).toEqual([0, 0, 0]);
  },
);

it(
  "S9 members of a cell that sleeps whole read though no holder is awake with them",
  { timeout: 2 * LIMIT_MS },
  async () => {
    await world.close();
    world = await World.make({ people: 4, cellSize: 2 });
    const [author, ...others] = world.officers as [Officer, ...Officer[]];
    const devices = await Promise.all(others.map((one) => one.device()));
    await Promise.all(others.map((one) => one.core.close()));
    ({ conversationId: id } = await author.core.conversations.createGroup({
      ...{ title: "Beat 9", personIds: others.map(({ person }) => person), photo: null },
      ...{ whoMaySend: "everyone", history: "none" },
    }));
    await author.text(id, "Night");
    await author.until("posted", async () => (await author.core.app.state()).outbox === 0);
    const conversation = world.server.conversation(id);
    const own = cellOf(await author.device());
    const asleep = others.filter((_, at) => cellOf(devices[at] as DeviceId) !== own);
    const [first, second] = asleep as [Officer, Officer];
    await author.core.close();
    await first.restart();
    await first.until("its cell has a key", async () => {
      await world.server.inTurn(() => world.server.asking.round());
      return conversation.cellKeys.some(({ cell }) => cell !== own);
    });
    await first.core.close();
    await author.restart();
    await author.until("a late seal", async () => {
      await world.server.inTurn(() => world.server.asking.round());
      return conversation.keys.at(-1)?.seals.size === 2;
    });
    await author.core.close();
    await second.restart();
    await second.receives(id, "Night");
    await first.restart();
    await first.receives(id, "Night");
  },
);
