/** What a group promises once everybody is back: see several-cells-away.test.ts. */
import { expect } from "vitest";
import type { Device } from "./device.ts";
import type { Group } from "./group.ts";
import type { Outcome, Scene } from "./scene.ts";

const SETTLE_MS = 600_000;
const PAGE = 1_000;

/** Everybody comes back, what is on its way arrives, and everybody says a last word to all. */
export async function settle(scene: Scene, group: Group): Promise<void> {
  for (const device of group.devices) {
    device.quick();
    if (device.there) device.reconnects();
    await device.comes();
  }
  await atRest(scene, group);
  const last: string[] = [];
  for (const device of await members(scene, group)) last.push(await group.says(device));
  await atRest(scene, group);
  for (const device of await members(scene, group))
    await device.until(
      "everybody's last word",
      SETTLE_MS,
      async () => {
        const texts = new Set(await device.officer.texts(group.id, PAGE));
        return last.every((text) => texts.has(text));
      },
      async () => ({
        of: last,
        has: await device.officer.texts(group.id, PAGE),
        view: await device.view(group.id),
      }),
    );
}

async function members(scene: Scene, group: Group): Promise<readonly Device[]> {
  const { members: clients } = await scene.outcome(group.id, group.founders);
  return group.devices.filter(({ clientId }) => clients.has(clientId));
}

/** Nobody has anything left to send, to enter or to wait for. */
async function atRest(scene: Scene, group: Group): Promise<void> {
  for (const device of await members(scene, group)) {
    const { core } = device.officer;
    const now = async () => {
      const item = (await core.conversations()).find((one) => one.conversationId === group.id);
      // Nobody has told it yet.
      if (item === undefined) return null;
      const { state, alarm } = item;
      const { epoch, epochCode, waiting, cells, cellsReady } = await device.view(group.id);
      const { outbox } = await core.state();
      const cellEpoch = await scene.epochOf(group.id, device.clientId);
      const inside = epochCode !== null && (cellEpoch ?? epoch) === epoch;
      return { state, alarm, inside, epoch, cellEpoch, outbox, waiting, cells, cellsReady };
    };
    await device.until(
      "at rest",
      SETTLE_MS,
      async () => {
        const found = await now();
        if (found === null || !found.inside || found.outbox > 0) return false;
        const { state, waiting } = found;
        if (state !== "ready") return false;
        return waiting === 0 || waiting <= (await orphans(scene, group));
      },
      now,
    );
  }
}

async function orphans(scene: Scene, group: Group): Promise<number> {
  return (await scene.outcome(group.id, group.founders)).orphans;
}

/** The promises themselves. */
export async function check(scene: Scene, group: Group): Promise<void> {
  const outcome = await scene.outcome(group.id, group.founders);
  expect(outcome.unsealed).toEqual([]);
  for (const device of group.devices) await checkDevice(group, device, outcome);
}

async function checkDevice(group: Group, device: Device, outcome: Outcome): Promise<void> {
  const { messages, members: clients } = outcome;
  const texts = await device.officer.texts(group.id, PAGE);
  const own = new Map([...group.said].map(([messageId, { text }]) => [messageId, text]));
  const textOf = (messageId: string): string => own.get(messageId) ?? "";
  const said = messages.filter(({ messageId }) => own.has(messageId));
  const shown = (of: typeof said): readonly string[] =>
    of.map(({ messageId }) => textOf(messageId));
  const has = new Set(texts);

  // Once each, in the log's order; what one said oneself in vain aside.
  const accepted = shown(said);
  const ofTheLog = texts.filter((text) => accepted.includes(text));
  const expected = accepted.filter((text) => has.has(text));
  expect(ofTheLog, `${device.toString()}: order`).toEqual(expected);

  const mine = (messageId: string): boolean => group.said.get(messageId)?.by === device;
  const forbidden = said.filter(
    ({ messageId, allowed }) =>
      has.has(textOf(messageId)) && allowed?.has(device.clientId) === false && !mine(messageId),
  );
  expect(shown(forbidden), `${device.toString()}: not for it`).toEqual([]);
  if (!clients.has(device.clientId)) return;

  const lacks = said
    .filter(({ messageId, due }) => due.has(device.clientId) && !has.has(textOf(messageId)))
    .map(({ messageId, seq }) => `${textOf(messageId)} at ${String(seq)}`);
  const view = await device.view(group.id);
  const { alarm } = await device.officer.core.conversation(group.id);
  expect({ lacks, refused: view.refused, alarm }, device.toString()).toEqual({
    lacks: [],
    refused: 0,
    alarm: null,
  });
}
