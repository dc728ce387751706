/**
 * A new phone reads many messages: the store is asked for pages of rows, not for each message, and memory
 * does not keep them.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Officer } from "../support/officer.ts";
import { compareDigits } from "../support/scenarios.ts";
import { World } from "../support/world.ts";
import type { Engine } from "#core/engine.ts";
import type { Conversation } from "#core/conversation/conversation.ts";
import type { ConversationId } from "#core/ids.ts";

const LIMIT_MS = 60_000;
const [FEW, MANY] = [20, 120];

let world: World;
let a: Officer;
let b: Officer;

beforeAll(async () => {
  world = await World.make({ people: 2 });
  [a, b] = [world.officer("Asha"), world.officer("Balu")];
}, LIMIT_MS);

afterAll(async () => {
  await world.close();
  await world.server.close();
});

/** The conversation as a phone's core holds it. */
async function heldBy({ core }: Officer, id: ConversationId): Promise<Conversation> {
  const device = await (core as unknown as Engine).reach.device();
  return device.find(id);
}

/** Transactions of all stores while a new phone of b's fills up with so many messages. */
async function transactionsFor(count: number): Promise<number> {
  const { conversationId: id } = await a.core.conversations.createGroup({
    ...{ title: `${String(count)} reports`, personIds: [b.person], photo: null },
    ...{ whoMaySend: "everyone", history: "30_days" },
  });
  for (let i = 1; i <= count; i++) await a.text(id, `report ${String(i)}`);
  await b.receives(id, `report ${String(count)}`);
  const phone = await world.device(1);
  await world.settle(a, b);
  const opened = vi.spyOn(IDBDatabase.prototype, "transaction");
  await compareDigits(b, phone);
  // Asking for its texts would open transactions too, more of them on a slow machine.
  await phone.until("whole", async () => {
    const { record, pending } = await heldBy(phone, id);
    return record.log !== null && record.history === null && (await pending.all()).length === 0;
  });
  const { length } = opened.mock.calls;
  opened.mockRestore();
  await phone.receives(id, `report ${String(count)}`);
  expect(await phone.texts(id)).toHaveLength(count);
  const { log, accepted } = await heldBy(phone, id);
  for (const table of [log, accepted]) {
    const [row] = await table.page(null, 1, false);
    expect(row).toBeDefined();
    expect(table.held).toBeLessThan(MANY / 2);
  }
  await phone.close();
  return length;
}

describe("a new phone", { timeout: LIMIT_MS }, () => {
  it("reads and writes rows of many messages at once", async () => {
    const few = await transactionsFor(FEW);
    const many = await transactionsFor(MANY);
    expect((many - few) / (MANY - FEW)).toBeLessThan(1);
  });
});
