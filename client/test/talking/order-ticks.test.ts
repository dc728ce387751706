/** Ticks of a checklist that wait for the network, and ticks of two devices of one person. */
import { expect, it } from "vitest";
import type { MessageId } from "#core/ids.ts";
import type { Officer } from "../support/officer.ts";
import { group, held, issue, owed, settled } from "../support/ordering.ts";
import { compareDigits } from "../support/scenarios.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();
const ITEMS = { items: ["Lock-up", "Kote", "CCTV"] };

function counted(orderId: MessageId, officer: Officer) {
  return w.server.state.orders.get(orderId)?.records.get(officer.person)?.record ?? null;
}

function tick(officer: Officer, orderId: MessageId, done: number) {
  return officer.core.orders.acknowledge(orderId, { choice: 0, done, answer: null });
}

async function cut(officer: Officer, isCut: boolean): Promise<void> {
  w.current.network(officer).cut = isCut;
  if (!isCut) await officer.core.app.networkChanged(true);
}

/** The issuer, and a person with two phones that both have the order. */
async function twoPhones() {
  const issuer = await w.join();
  const phone = await w.join();
  const tablet = await w.device(w.index);
  await compareDigits(phone, tablet);
  const id = await group(issuer, [phone]);
  await tablet.ready(id);
  const orderId = await issue(issuer, id, ITEMS);
  await owed(phone, orderId);
  await owed(tablet, orderId);
  return { issuer, phone, tablet, id, orderId };
}

function reaches(orderId: MessageId, officer: Officer, done: number) {
  return officer.until(`counts ${done.toString(2)}`, () =>
    Promise.resolve(counted(orderId, officer)?.done === done),
  );
}

it("keeps the time of the acknowledgement when an item is ticked later", async () => {
  const [issuer, officer] = [await w.join(), await w.join()];
  const id = await group(issuer, [officer]);
  const orderId = await issue(issuer, id, ITEMS);
  await owed(officer, orderId);
  await tick(officer, orderId, 0);
  const { acknowledgement } = await settled(officer, orderId);
  await tick(officer, orderId, 0b1);
  await reaches(orderId, officer, 0b1);
  const ticked = await settled(officer, orderId);
  const createdMs = acknowledgement?.createdMs;
  expect(ticked.acknowledgement).toMatchObject({ done: 0b1, createdMs });
  expect(counted(orderId, officer)?.created).toBeGreaterThan(createdMs ?? Infinity);
  expect((await officer.core.orders.get(orderId)).acknowledgement?.createdMs).toBe(createdMs);
});

it("keeps what one phone ticked when the other one ticks later from what it knew", async () => {
  const { phone, tablet, orderId } = await twoPhones();
  await cut(tablet, true);
  await tick(phone, orderId, 0b011);
  await settled(phone, orderId);
  await tick(tablet, orderId, 0b100);
  await cut(tablet, false);
  await reaches(orderId, phone, 0b111);
  expect((await settled(tablet, orderId)).acknowledgement?.done).toBe(0b111);
});

it("adds ticks that were made before those of the other phone, and takes back none", async () => {
  const { phone, tablet, orderId } = await twoPhones();
  await cut(tablet, true);
  await tick(tablet, orderId, 0b100);
  await tick(phone, orderId, 0b011);
  await settled(phone, orderId);
  await tick(phone, orderId, 0b010);
  await reaches(orderId, phone, 0b010);
  await cut(tablet, false);
  await reaches(orderId, phone, 0b110);
  expect((await settled(tablet, orderId)).acknowledgement?.done).toBe(0b110);
  // A plain acknowledgement of the other phone ticks nothing and unticks nothing.
  await cut(phone, true);
  await tick(phone, orderId, 0b111);
  await tick(phone, orderId, 0b110);
  await tick(tablet, orderId, 0b100);
  await reaches(orderId, tablet, 0b100);
  await cut(phone, false);
  await phone.until("sent", async () => (await held(phone, orderId))?.sending === null);
  expect(counted(orderId, phone)?.done).toBe(0b100);
});

it("counts an acknowledgement from before the withdrawal, though a tick came after it", async () => {
  const [issuer, officer] = [await w.join(), await w.join()];
  const id = await group(issuer, [officer]);
  const orderId = await issue(issuer, id, ITEMS);
  await owed(officer, orderId);
  await cut(officer, true);
  await tick(officer, orderId, 0);
  const created = (await held(officer, orderId))?.sending?.createdMs;
  await new Promise((resolve) => setTimeout(resolve, 20));
  // The phone does not hear of the withdrawal.
  const order = w.server.state.orders.get(orderId);
  if (order === undefined) throw new Error("the server has no such order");
  order.withdrawnMs = w.server.now();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await tick(officer, orderId, 0b1);
  await officer.restart();
  await cut(officer, false);
  const refused = await officer.until("refused", async () => {
    const order = await held(officer, orderId);
    return order?.sending?.refused === "withdrawn" ? order : null;
  });
  expect(counted(orderId, officer)).toMatchObject({ created, done: 0 });
  expect(refused.owed).toBe(false);
});
