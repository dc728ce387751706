/** Photos that an order asks for as proof: after the acknowledgement, whatever breaks on the way. */
import { expect, it } from "vitest";
import type { MessageId } from "#core/ids.ts";
import type { OrderView, OutgoingAttachment } from "#core/core.ts";
import { sealedHash } from "#core/keys/acknowledgement.ts";
import { PHOTO_BYTES } from "#core/orders/photos.ts";
import { equalBytes, randomBytes } from "#core/octets.ts";
import type { Officer } from "../support/officer.ts";
import { group, held, issue, owed, settled } from "../support/ordering.ts";
import { compareDigits } from "../support/scenarios.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();
const ACKNOWLEDGEMENTS = /\/acknowledgements$/;

function picture(bytes: Uint8Array<ArrayBuffer> = randomBytes(70_000)): OutgoingAttachment {
  const file = new Blob([bytes], { type: "image/jpeg" });
  return { kind: "image", file, name: "IMG_20261202_Charminar.jpg", mime: "image/jpeg" };
}

async function asked(items: readonly string[] = []) {
  const [issuer, officer] = [await w.join(), await w.join()];
  const id = await group(issuer, [officer]);
  const orderId = await issue(issuer, id, { photo: true, items });
  await owed(officer, orderId);
  return { issuer, officer, id, orderId };
}

function acknowledge(officer: Officer, orderId: MessageId, done = 0): Promise<OrderView> {
  return officer.core.orders.acknowledge(orderId, { choice: 0, done, answer: null });
}

function counted(orderId: MessageId, officer: Officer) {
  return w.server.state.orders.get(orderId)?.records.get(officer.person) ?? null;
}

function sent(officer: Officer, orderId: MessageId): Promise<OrderView> {
  return officer.until("the photo counts", async () => {
    const order = await held(officer, orderId);
    return order?.photo?.state === "sent" && order.sending === null ? order : null;
  });
}

async function cut(officer: Officer, isCut: boolean): Promise<void> {
  w.current.network(officer).cut = isCut;
  if (!isCut) await officer.core.app.networkChanged(true);
}

it("goes out after the acknowledgement when both were given without a network", async () => {
  const { officer, orderId } = await asked();
  const { seen } = w.current.network(officer);
  await cut(officer, true);
  await acknowledge(officer, orderId);
  const bytes = randomBytes(70_000);
  const waiting = await officer.core.orders.sendPhoto(orderId, picture(bytes));
  expect(waiting.photo).toMatchObject({ state: "waiting", attachment: { local: true } });
  seen.length = 0;
  await cut(officer, false);
  const order = await sent(officer, orderId);
  const [first, second, third] = [
    seen.findIndex((one) => ACKNOWLEDGEMENTS.test(one)),
    seen.indexOf("POST /v1/attachments"),
    seen.findLastIndex((one) => ACKNOWLEDGEMENTS.test(one)),
  ];
  expect(first).toBeLessThan(second);
  expect(second).toBeLessThan(third);
  const given = counted(orderId, officer);
  expect(given?.record.photoHash).toEqual(sealedHash(given?.photo?.sealed ?? null));
  expect(given?.firstCreatedMs).toBeLessThan(given?.record.created ?? 0);
  // The server has one attachment, which it gives to no conversation; the name stays on the phone.
  const attachment = w.server.state.attachments.get(given?.photo?.attachmentId as never);
  expect(attachment).toMatchObject({ orderId, by: officer.person, conversations: new Set() });
  expect(order.photo?.attachment?.name).toBe("photo");
  const shown = order.photo?.attachment;
  if (shown?.sha256 === null || shown?.sha256 === undefined) throw new Error("no photo is shown");
  const file = await officer.core.attachments.get(shown.attachmentId, shown.sha256);
  expect(Buffer.compare(new Uint8Array(await file.arrayBuffer()), bytes)).toBe(0);
});

it.each(["before", "after"] as const)(
  "goes out once when the phone dies %s the server has the second acknowledgement",
  async (when) => {
    const { officer, orderId } = await asked();
    await acknowledge(officer, orderId);
    await settled(officer, orderId);
    const network = w.current.network(officer);
    network.path = ACKNOWLEDGEMENTS;
    network.method = /POST/;
    const before = w.server.state.attachments.size;
    let dead = false;
    network.dies = () => {
      dead = true;
      return when;
    };
    await officer.core.orders.sendPhoto(orderId, picture());
    await officer.until("dies", () => Promise.resolve(dead));
    network.dies = null;
    network.path = /./;
    network.seen.length = 0;
    await officer.restart();
    await sent(officer, orderId);
    expect(network.seen.filter((one) => one.startsWith("PUT"))).toEqual([]);
    expect(w.server.state.attachments.size).toBe(before + 1);
    expect(counted(orderId, officer)?.photo).not.toBeNull();
  },
);

it("is uploaded again when the server has forgotten the file before it counts", async () => {
  const { officer, orderId } = await asked();
  await acknowledge(officer, orderId);
  await settled(officer, orderId);
  const network = w.current.network(officer);
  const release = network.hold(ACKNOWLEDGEMENTS);
  await officer.core.orders.sendPhoto(orderId, picture());
  await officer.until("uploaded", () =>
    Promise.resolve(network.seen.some((one) => ACKNOWLEDGEMENTS.test(one))),
  );
  w.server.state.attachments.clear();
  release();
  await sent(officer, orderId);
  expect(counted(orderId, officer)?.photo).not.toBeNull();
  expect(w.server.state.attachments.size).toBe(1);
});

it("stays when another phone of the person ticks, and the order stays open until all is done", async () => {
  const { issuer, officer: phone, id } = await asked();
  const tablet = await w.device(w.index);
  await compareDigits(phone, tablet);
  await tablet.ready(id);
  const orderId = await issue(issuer, id, { photo: true, items: ["Lock-up"] });
  await owed(phone, orderId);
  await owed(tablet, orderId);
  await acknowledge(phone, orderId);
  await settled(tablet, orderId);
  await cut(tablet, true);
  await phone.core.orders.sendPhoto(orderId, picture());
  expect((await sent(phone, orderId)).unfinished).toBe(true);
  await acknowledge(tablet, orderId, 1);
  const open = (await phone.core.orders.page({ box: "open" })).orders;
  expect(open.map((one) => one.orderId)).toContain(orderId);
  await cut(tablet, false);
  await tablet.until("ticked", () => Promise.resolve(counted(orderId, phone)?.record.done === 1));
  const { record, photo } = counted(orderId, phone) ?? {};
  expect(record?.photoHash).toEqual(sealedHash(photo?.sealed ?? null));
  // The tablet knows that a photo was sent, and has none to show.
  expect((await sent(tablet, orderId)).photo).toEqual({ state: "sent", attachment: null });
  const done = await phone.until("done", async () => {
    const order = await held(phone, orderId);
    return order?.unfinished === false ? order : null;
  });
  expect(done.owed).toBe(false);
  const left = (await phone.core.orders.page({ box: "open" })).orders;
  expect(left.map((one) => one.orderId)).not.toContain(orderId);
});

it("stays as another phone replaced it when this one ticks, of the same text or a later one", async () => {
  const { issuer, officer: phone, id } = await asked();
  const tablet = await w.device(w.index);
  await compareDigits(phone, tablet);
  await tablet.ready(id);
  const orderId = await issue(issuer, id, { photo: true, items: ["Lock-up", "Gate"] });
  await owed(phone, orderId);
  await owed(tablet, orderId);
  await acknowledge(phone, orderId);
  await settled(tablet, orderId);
  const network = w.current.network(tablet);
  const replaced = async (): Promise<unknown> => {
    const before = counted(orderId, phone)?.record.photoHash;
    await phone.core.orders.sendPhoto(orderId, picture());
    return phone.until("replaced", async () => {
      const given = counted(orderId, phone)?.record;
      const isSame =
        before !== undefined && given !== undefined && equalBytes(given.photoHash, before);
      return isSame ? null : sent(phone, orderId);
    });
  };
  const ticked = async (done: number): Promise<void> => {
    await tablet.until("ticked", async () => {
      const order = await held(tablet, orderId);
      expect(order?.sending?.refused ?? null).toBeNull();
      return counted(orderId, tablet)?.record.done === done;
    });
    const { record, photo } = counted(orderId, tablet) ?? {};
    expect(photo).not.toBeNull();
    expect(record?.photoHash).toEqual(sealedHash(photo?.sealed ?? null));
    expect((await sent(tablet, orderId)).photo).toMatchObject({ state: "sent" });
  };

  // The other photo comes between what the tablet asks and its record.
  await replaced();
  await sent(tablet, orderId);
  const release = network.hold(ACKNOWLEDGEMENTS);
  await acknowledge(tablet, orderId, 1);
  await tablet.until("on its way", () =>
    Promise.resolve(network.seen.some((one) => ACKNOWLEDGEMENTS.test(one))),
  );
  await replaced();
  release();
  await ticked(1);

  // The tablet reads a correction, and cannot ask about the order that it changes.
  network.path = /\/v1\/orders\//;
  network.cut = true;
  await replaced();
  const correction = {
    language: "en",
    title: "Bandobast",
    text: "At 05:30.",
    reference: "",
  } as const;
  await issuer.core.messages.send(
    id,
    {
      ...({ kind: "order_change", orderId, change: "corrected", asksAgain: false } as const),
      ...{ ...correction, translations: [], reason: "", attachments: [] },
    },
    null,
  );
  await tablet.until("corrected", async () => (await held(tablet, orderId))?.changes.length === 1);
  await acknowledge(tablet, orderId, 3);
  network.cut = false;
  await tablet.core.app.networkChanged(true);
  await ticked(3);
});

it("is known to a phone that was away when another one of the person sent it", async () => {
  const { issuer, officer: phone, id } = await asked();
  const tablet = await w.device(w.index);
  await compareDigits(phone, tablet);
  await tablet.ready(id);
  const orderId = await issue(issuer, id, { photo: true });
  await owed(phone, orderId);
  await owed(tablet, orderId);
  await acknowledge(phone, orderId);
  await settled(tablet, orderId);
  expect(await held(tablet, orderId)).toMatchObject({ unfinished: true });
  await tablet.close();
  await phone.core.orders.sendPhoto(orderId, picture());
  await sent(phone, orderId);
  await tablet.restart();
  expect((await sent(tablet, orderId)).unfinished).toBe(false);

  // After the person has left, neither device asks about the orders that stay unfinished.
  const undone = await issue(issuer, id, { photo: true });
  await owed(tablet, undone);
  await acknowledge(tablet, undone);
  await settled(phone, undone);
  await issuer.core.members.change(id, { remove: [phone.person] });
  await tablet.until("left", async () => {
    const item = (await tablet.core.conversations.list()).find((one) => one.conversationId === id);
    return item === undefined || item.state === "left";
  });
  const { seen } = w.current.network(tablet);
  await tablet.close();
  seen.length = 0;
  await tablet.restart();
  await tablet.until(
    "connected",
    async () => (await tablet.core.app.state()).connection === "online",
  );
  await w.current.settle(phone, tablet);
  expect(seen.length).toBeGreaterThan(0);
  expect(seen).not.toContain(`GET /v1/orders/${undone}`);
});

it("is a picture of a size that is allowed, for an acknowledged order that asks for one", async () => {
  const { issuer, officer, id, orderId } = await asked();
  const { orders } = officer.core;
  await expect(orders.sendPhoto(orderId, picture())).rejects.toThrow("message_invalid");
  await acknowledge(officer, orderId);
  for (const wrong of [
    { ...picture(), kind: "document" as const, mime: "application/pdf" },
    { ...picture(), mime: "text/html" },
    picture(new Uint8Array(PHOTO_BYTES + 1)),
  ])
    await expect(orders.sendPhoto(orderId, wrong)).rejects.toThrow("message_invalid");
  const plain = await issue(issuer, id);
  await owed(officer, plain);
  await acknowledge(officer, plain);
  await expect(orders.sendPhoto(plain, picture())).rejects.toThrow("message_invalid");
  await settled(officer, plain);
  expect(counted(orderId, officer)?.photo ?? null).toBeNull();
});

it("is dropped with the acknowledgement that it would have followed, once that is refused", async () => {
  const { officer, orderId } = await asked();
  await cut(officer, true);
  await acknowledge(officer, orderId);
  await officer.core.orders.sendPhoto(orderId, picture());
  const { orders } = w.server.state;
  const order = orders.get(orderId);
  if (order === undefined) throw new Error("no order");
  orders.set(orderId, { ...order, terms: { ...order.terms, validUntilMs: 1 } });
  await cut(officer, false);
  await officer.until("refused", async () => (await held(officer, orderId))?.sending?.refused);
  expect((await held(officer, orderId))?.photo?.state).toBe("waiting");
  await officer.core.orders.dismissRefusal(orderId);
  expect((await held(officer, orderId))?.photo).toEqual({ state: "open", attachment: null });
});
