/** When an officer leaves a chat, the phone stops live positions, polls and orders there, and does not resume them after a return. */
import { expect, it } from "vitest";
import type { ConversationId, MessageId } from "#core/ids.ts";
import type { PollState } from "#core/core.ts";
import { randomBytes } from "#core/octets.ts";
import type { Officer } from "../support/officer.ts";
import { group, held, issue, listed, owed, settled } from "../support/ordering.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();
const HOUR_MS = 3_600_000;

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function left(officer: Officer, id: ConversationId): Promise<void> {
  await officer.until("left", async () => {
    return (await officer.core.conversations.get(id)).state === "left";
  });
}

/** Removed and added again while the phone is away. */
async function returned(admin: Officer, officer: Officer, id: ConversationId): Promise<void> {
  const network = w.current.network(officer);
  network.cut = true;
  await officer.core.app.networkChanged(false);
  await admin.core.members.change(id, { remove: [officer.person] });
  await passed(1_000);
  await admin.core.members.change(id, { add: [officer.person] });
  network.cut = false;
  await officer.core.app.networkChanged(true);
  await admin.text(id, "Welcome back");
  await officer.receives(id, "Welcome back");
}

async function pollOf(officer: Officer, id: ConversationId, poll: MessageId) {
  const body = (await officer.message(id, poll))?.body;
  return body?.kind === "poll" ? body.state : null;
}

it.each(["was removed", "may not write any more"])(
  "totals of a poll are not sent over and over when its author %s",
  { timeout: 30_000 },
  async (how) => {
    const people = await Promise.all(Array.from({ length: 7 }, () => w.join()));
    const [admin, author, ...voters] = people as [Officer, Officer, ...Officer[]];
    const id = await group(admin, [author, ...voters]);
    const endsMs = w.server.now() + 60_000;
    const asked = { kind: "poll", question: "Which evening?", options: ["Mon", "Tue"] } as const;
    const poll = { ...asked, multiple: false, anonymous: true, endsMs };
    const { messageId } = await author.core.messages.send(id, poll, null);
    const state = (one: Officer): Promise<PollState | null> => pollOf(one, id, messageId);
    for (const one of voters) {
      await one.until("poll", async () => (await state(one)) !== null);
      await one.core.consultation.vote(id, messageId, [1]);
    }
    await author.until("all voted", async () => (await state(author))?.voters === voters.length);
    if (how === "was removed") {
      await admin.core.members.change(id, { remove: [author.person] });
      await left(author, id);
    } else {
      await admin.core.conversations.setWhoMaySend(id, "admins");
      await author.until("closed", async () => {
        return !(await author.core.conversations.get(id)).canSend;
      });
    }
    let tries = 0;
    author.core.subscribe((event) => {
      if (event.type === "messages") tries += event.items.length;
      // The loop would never let the time of the test go on.
      if (tries > 20) void author.close();
    });
    await passed(61_000);
    await state(author);
    await passed(5_000);
    expect(tries).toBeLessThan(10);
  },
);

it("a live position ends with the membership, and does not go on after a return", async () => {
  const [a, b] = [await w.join(), await w.join()];
  const id = await group(a, [b]);
  const begin = () => {
    const place = { latitude: 17.1, longitude: 78.5, accuracyM: 12, takenMs: w.server.now() };
    return b.core.live.share(id, place, HOUR_MS);
  };
  await begin();
  const told = () => b.events.findLast(({ type }) => type === "live");
  await a.core.members.change(id, { remove: [b.person] });
  await left(b, id);
  await b.until("told", () => Promise.resolve(told()?.type === "live"));
  expect(told()).toEqual({ type: "live", shares: [] });
  await a.core.members.change(id, { add: [b.person] });
  await b.ready(id);
  expect(await b.core.live.shares()).toEqual([]);
  const { messageId } = await begin();
  await b.accepted(id, messageId);
  await returned(a, b, id);
  await b.until("ended", async () => (await b.core.live.shares()).length === 0);
  expect(told()).toEqual({ type: "live", shares: [] });
});

it("screens hear that an order asks no more, also of a return while the phone was away", async () => {
  const [a, b] = [await w.join(), await w.join()];
  const id = await group(a, [b]);
  const orderId = await issue(a, id);
  await owed(b, orderId);
  b.events.length = 0;
  await returned(a, b, id);
  await b.until("told", () => {
    const last = b.events.findLast((event) => event.type === "order");
    return Promise.resolve(last?.type === "order" && !last.order.owed);
  });
  expect(await listed(b, "open")).toEqual([]);
});

it("a photo that no order asks for any more is refused once, and goes when that was seen", async () => {
  const [a, b] = [await w.join(), await w.join()];
  const id = await group(a, [b]);
  const orderId = await issue(a, id, { photo: true });
  await owed(b, orderId);
  await b.core.orders.acknowledge(orderId, { choice: 0, done: 0, answer: null });
  await settled(b, orderId);
  const network = w.current.network(b);
  network.cut = true;
  const file = new Blob([randomBytes(7_000)], { type: "image/jpeg" });
  await b.core.orders.sendPhoto(orderId, {
    ...{ kind: "image", file, name: "x.jpg", mime: "image/jpeg" },
  });
  await a.core.members.change(id, { remove: [b.person] });
  network.cut = false;
  await b.reconnect();
  await left(b, id);
  const order = await b.until("refused", async () => {
    const found = await held(b, orderId);
    return found?.sending?.refused ? found : null;
  });
  expect(order.sending).toMatchObject({ refused: "not_owed", photo: true });
  await b.core.orders.dismissRefusal(orderId);
  expect(await held(b, orderId)).toMatchObject({ sending: null, photo: { state: "open" } });
  network.seen.length = 0;
  await b.reconnect();
  await passed(5_000);
  expect(network.seen.filter((one) => /attachments|acknowledgements/.test(one))).toEqual([]);
});

it("nothing counts as missing that was said while its reader did not belong to the chat", async () => {
  const [a, b] = [await w.join(), await w.join()];
  const id = await group(b, [a]);
  await b.core.members.change(id, { makeAdmin: [a.person] });
  const said = async (text: string): Promise<void> => {
    const { messageId } = await a.text(id, text);
    await a.accepted(id, messageId);
  };
  await said("One");
  await b.receives(id, "One");
  await a.core.members.change(id, { remove: [b.person] });
  await left(b, id);
  await said("Two");
  await a.core.members.change(id, { add: [b.person] });
  await said("Three");
  await b.receives(id, "Three");
  const { messages } = await b.core.messages.page(id, null, 50);
  const shown = messages.map(({ body }) => (body.kind === "notice" ? body.notice.kind : body.kind));
  expect(shown).not.toContain("gap");
  expect(await b.texts(id)).toEqual(["One", "Three"]);
});
