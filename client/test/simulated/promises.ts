/** The promises that a force keeps once everybody is back: see model.test.ts. */
import type { ConversationId, MessageId } from "#core/ids.ts";
import { expect } from "vitest";
import { newest } from "../memory/rosters.ts";
import type { Device } from "./device.ts";
import type { Force } from "./force.ts";
import { accepted, opened, type AcceptedMessage } from "./truth.ts";

const SETTLE_MS = 300_000;
const PAGE = 1_000;

/** Everybody comes back, messages on their way arrive, and everybody says a last word to all. */
export async function settle(force: Force): Promise<void> {
  for (const device of force.devices) {
    device.quick();
    if (device.there) device.reconnects();
    await device.comes();
  }
  for (const id of force.conversations) await atRest(force, id);
  for (const id of force.conversations) {
    const last: string[] = [];
    for (const device of listed(force, id)) last.push(await force.says(device, id));
    await atRest(force, id);
    for (const device of listed(force, id))
      await force.until(`${device.toString()} has ${last.join()}`, SETTLE_MS, async () => {
        const texts = new Set(await device.officer.texts(id, PAGE));
        return last.every((text) => texts.has(text));
      });
  }
}

/** Devices of the newest roster that this run drives. */
function listed(force: Force, id: ConversationId): readonly Device[] {
  const { leaves } = newest(force.server.conversation(id));
  return force.devices.filter(({ device, where }) => leaves.has(device) && where !== "gone");
}

/** Devices have nothing left to send, nor to wait for that they are entitled to. */
async function atRest(force: Force, id: ConversationId): Promise<void> {
  for (const device of listed(force, id)) {
    const { core } = device.officer;
    let last: unknown = null;
    const resting = async (): Promise<boolean> => {
      const item = (await core.conversations.list()).find((one) => one.conversationId === id);
      // Nobody has told it yet.
      if (item === undefined) return false;
      const { outbox, catchingUp } = await core.app.state();
      const lacking = await lacks(force, id, device);
      const { state, history } = item;
      const { waiting, refused } = await core.conversations.encryption(id);
      last = { state, history, outbox, catchingUp, lacking, waiting, refused };
      return outbox === 0 && !catchingUp && history === null && lacking.length === 0;
    };
    await force
      .until(`${device.toString()} at rest`, SETTLE_MS, resting)
      .catch((error: unknown) => {
        throw new Error(`${String(error)}: ${JSON.stringify(last)}`);
      });
  }
}

/** Texts that a device must show and does not. */
async function lacks(force: Force, id: ConversationId, device: Device): Promise<readonly string[]> {
  const has = new Set(await device.officer.texts(id, PAGE));
  return said(force, id)
    .filter(({ due }) => due.has(device.device))
    .map(({ messageId, seq }) => [textOf(force, messageId), seq] as const)
    .filter(([text]) => !has.has(text))
    .map(([text, seq]) => `${text} at ${String(seq)}`);
}

/** Messages that the device shows as sent and the log lacks: only a restored backup loses them. */
async function lostOf(
  force: Force,
  id: ConversationId,
  device: Device,
): Promise<readonly string[]> {
  const logged = new Set(accepted(force.server, id).map(({ messageId }) => messageId));
  const { messages } = await device.officer.core.messages.page(id, null, PAGE);
  const sent = new Set(["sent", "delivered", "read"]);
  return messages
    .filter(({ messageId, status }) => sent.has(status ?? "") && !logged.has(messageId))
    .filter(({ messageId }) => force.said.get(messageId)?.by === device)
    .map(({ messageId }) => textOf(force, messageId));
}

function said(force: Force, id: ConversationId): readonly AcceptedMessage[] {
  return accepted(force.server, id).filter(({ messageId }) => force.said.has(messageId));
}

function textOf(force: Force, messageId: MessageId): string {
  return force.said.get(messageId)?.text ?? "";
}

/** The promises themselves. */
export async function check(force: Force): Promise<void> {
  for (const id of force.conversations) {
    expect(opened(force.server, id), "open to removed devices").toEqual([]);
    for (const device of force.devices)
      if (device.where !== "gone") await checkDevice(force, id, device);
  }
}

async function checkDevice(force: Force, id: ConversationId, device: Device): Promise<void> {
  const texts = await device.officer.texts(id, PAGE);
  const messages = said(force, id);
  const shown = (of: readonly AcceptedMessage[]): readonly string[] =>
    of.map(({ messageId }) => textOf(force, messageId));
  const has = new Set(texts);

  // Once each, in the log's order; what the device said in vain aside.
  const all = shown(messages);
  const ofTheLog = texts.filter((text) => all.includes(text));
  expect(ofTheLog, `${device.toString()}: once, in order`).toEqual(
    all.filter((text) => has.has(text)),
  );

  const mine = (messageId: MessageId): boolean => force.said.get(messageId)?.by === device;
  const may = ({ messageId, allowed }: AcceptedMessage): boolean =>
    allowed.has(device.device) || force.given.get(messageId)?.has(device.device) === true;
  const forbidden = messages.filter(
    (one) => has.has(textOf(force, one.messageId)) && !may(one) && !mine(one.messageId),
  );
  expect(shown(forbidden), `${device.toString()}: not for it`).toEqual([]);
  if (!newest(force.server.conversation(id)).leaves.has(device.device)) return;

  expect(await lostOf(force, id, device), `${device.toString()}: said and lost`).toEqual([]);

  const view = await device.officer.core.conversations.encryption(id);
  const item = await device.officer.core.conversations.get(id);
  // Devices refuse a dishonest member's posts, and a restored log is another one: both show.
  const refused = force.mischief ? 0 : view.refused;
  const alarm = force.restored ? null : item.alarm;
  const lacking = await lacks(force, id, device);
  expect({ lacking, refused, alarm }, device.toString()).toEqual({
    ...{ lacking: [], refused: 0, alarm: null },
  });
}
