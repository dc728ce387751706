/**
 * Scenarios of officers, with real cores, on whichever server a test file brings: the one in memory
 * (scenarios-memory.test.ts) and a real one (scenarios-server.test.ts) must both keep it.
 */
import type { ConversationId, PersonId } from "#core/ids.ts";
import { describe, expect, it } from "vitest";
import { nameOf } from "./people.ts";
import type { Officer, OfficersServer } from "./officer.ts";
import type { World } from "./world.ts";

const LIMIT_MS = 120_000;

async function groupOf(
  [admin, ...others]: readonly [Officer, ...Officer[]],
  history: "none" | "30_days" = "none",
  more: readonly PersonId[] = [],
): Promise<ConversationId> {
  const { conversationId } = await admin.core.conversations.createGroup({
    title: "Beat 9",
    personIds: [...others.map(({ person }) => person), ...more],
    ...{ photo: null, whoMaySend: "everyone", history },
  });
  await Promise.all([admin, ...others].map((officer) => officer.ready(conversationId)));
  return conversationId;
}

/** Somebody of the data bank, as an officer finds them. */
async function personOf(officer: Officer, index: number): Promise<PersonId> {
  const { people } = await officer.core.people.search({ text: nameOf(index) });
  const [found] = people;
  if (found === undefined) throw new Error(`nobody is called ${nameOf(index)}`);
  return found.personId;
}

/** E3 between two devices: the name is tapped on the new one, and its digits typed on the other. */
export async function compareDigits(by: Officer, fresh: Officer): Promise<void> {
  const device = await fresh.device();
  const { confirmationId } = await by.core.devices.beginConfirmation(device);
  const shown = async () =>
    (await fresh.core.devices.confirmations()).find((one) => one.confirmationId === confirmationId);
  await fresh.until("the name to tap", shown);
  await fresh.core.devices.answerConfirmation(confirmationId);
  const digits = await fresh.until("digits", async () => (await shown())?.digits);
  const { state } = await by.core.devices.confirmDigits(confirmationId, digits);
  expect(state).toBe("confirmed");
  await fresh.until("confirmed", async () => {
    const { confirmed } = (await fresh.core.app.state()).device;
    return confirmed === "own_device" || confirmed === "admin";
  });
}

export function scenarios<S extends OfficersServer>(of: () => World<S>): void {
  const join = (): Promise<Officer> => of().join();

  describe("a direct conversation", { timeout: LIMIT_MS }, () => {
    it("carries texts both ways, shown once each", async () => {
      const [a, b] = [await join(), await join()];
      const { conversationId: id } = await a.core.conversations.openDirect(b.person);
      await a.text(id, "Where are you?");
      await b.receives(id, "Where are you?");
      await b.text(id, "At the gate.");
      await a.receives(id, "At the gate.");
      for (const officer of [a, b])
        expect(await officer.texts(id)).toEqual(["Where are you?", "At the gate."]);
    });

    it("keeps both sides' texts across restarts, and the rest comes after", async () => {
      const [a, b] = [await join(), await join()];
      const { conversationId: id } = await a.core.conversations.openDirect(b.person);
      await a.text(id, "one");
      await b.receives(id, "one");
      await b.core.close();
      await a.text(id, "two");
      await a.restart();
      await a.text(id, "three");
      await b.restart();
      await b.receives(id, "three");
      expect(await b.texts(id)).toEqual(["one", "two", "three"]);
      expect(await a.texts(id)).toEqual(["one", "two", "three"]);
    });

    it("waits for a person who has not registered, and opens when they come", async () => {
      const a = await join();
      const index = of().absent();
      const person = await personOf(a, index);
      const { conversationId: id } = await a.core.conversations.openDirect(person);
      await a.text(id, "Welcome to the station.");
      await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
      expect((await a.core.conversations.encryption(id)).unregistered).toBe(1);
      const late = await of().device(index);
      await late.receives(id, "Welcome to the station.");
    });

    it("is marked as delivered and read", async () => {
      const [a, b] = [await join(), await join()];
      const { conversationId: id } = await a.core.conversations.openDirect(b.person);
      const { messageId } = await a.text(id, "Have you seen this?");
      await b.receives(id, "Have you seen this?");
      await a.until("delivered", async () => (await a.status(messageId, id)) === "delivered");
      await b.core.messages.markRead(id, messageId);
      await a.until("read", async () => (await a.status(messageId, id)) === "read");
    });
  });

  describe("a group", { timeout: LIMIT_MS }, () => {
    it("has its name at everybody, and everybody's texts", async () => {
      const [a, b, c] = [await join(), await join(), await join()];
      const id = await groupOf([a, b, c]);
      for (const officer of [a, b, c]) await officer.text(id, `by ${officer.person.slice(-2)}`);
      for (const officer of [a, b, c]) {
        for (const other of [a, b, c]) await officer.receives(id, `by ${other.person.slice(-2)}`);
        await officer.until("named", async () => {
          return (await officer.core.conversations.get(id)).title === "Beat 9";
        });
      }
      await of().settle(a, b, c);
      for (const officer of [a, b, c]) expect(await officer.texts(id)).toHaveLength(3);
    });

    it("gives a removed member nothing more, and a returner what comes after the return", async () => {
      const [a, b, c] = [await join(), await join(), await join()];
      const id = await groupOf([a, b, c]);
      await a.text(id, "to all of us");
      await c.receives(id, "to all of us");
      await a.core.members.change(id, { remove: [c.person] });
      await a.text(id, "without you");
      await b.receives(id, "without you");
      await a.core.members.change(id, { add: [c.person] });
      await c.ready(id);
      await a.text(id, "back again");
      await c.receives(id, "back again");
      expect(await c.texts(id)).toEqual(["to all of us", "back again"]);
    });

    it("shows new members what its history policy says", async () => {
      const [a, b, c] = [await join(), await join(), await join()];
      const open = await groupOf([a, b], "30_days");
      const closed = await groupOf([a, b], "none");
      for (const id of [open, closed]) {
        await a.text(id, "before");
        await b.receives(id, "before");
        await a.core.members.change(id, { add: [c.person] });
        await c.ready(id);
        await b.text(id, "after");
        await c.receives(id, "after");
      }
      await c.receives(open, "before");
      expect(await c.texts(open)).toEqual(["before", "after"]);
      expect(await c.texts(closed)).toEqual(["after"]);
    });

    it("opens to who registers later", async () => {
      const [a, b] = [await join(), await join()];
      const index = of().absent();
      const id = await groupOf([a, b], "none", [await personOf(a, index)]);
      const { messageId } = await a.text(id, "Parade at six.");
      await b.receives(id, "Parade at six.");
      // Somebody without a phone keeps no message at one tick.
      await a.until("delivered", async () => (await a.status(messageId, id)) === "delivered");
      const { unregistered } = await a.core.messages.receipts(id, messageId);
      expect(unregistered).toHaveLength(1);
      const late = await of().device(index);
      await late.receives(id, "Parade at six.");
      await a.until("all have it", async () => {
        const { delivered } = await a.core.messages.receipts(id, messageId);
        return delivered.length === 2;
      });
    });

    it("takes posts of admins alone where they alone may", async () => {
      const [a, b] = [await join(), await join()];
      const id = await groupOf([a, b]);
      await a.core.conversations.setWhoMaySend(id, "admins");
      await b.until("told", async () => !(await b.core.conversations.get(id)).canSend);
      await a.text(id, "an order");
      await b.receives(id, "an order");
    });

    it("is left by who wants to leave", async () => {
      const [a, b, c] = [await join(), await join(), await join()];
      const id = await groupOf([a, b, c]);
      await c.core.conversations.leave(id);
      await c.until("left", async () => {
        const list = await c.core.conversations.list();
        return list.find((one) => one.conversationId === id)?.state !== "ready";
      });
      await a.text(id, "among us");
      await b.receives(id, "among us");
      expect(await c.texts(id)).toEqual([]);
    });
  });

  describe("a second phone", { timeout: LIMIT_MS }, () => {
    it("is confirmed by digits and fills up with the history", async () => {
      const [a, b] = [await join(), await join()];
      const index = of().index;
      const { conversationId: id } = await a.core.conversations.openDirect(b.person);
      await a.text(id, "of before");
      await b.receives(id, "of before");
      const second = await of().device(index);
      expect((await second.core.app.state()).device.confirmed).toBe("no");
      expect(await second.core.conversations.list()).toEqual([]);
      await compareDigits(b, second);
      await second.receives(id, "of before");
      await second.text(id, "from the new phone");
      await a.receives(id, "from the new phone");
      await b.receives(id, "from the new phone");
    });

    it("is locked by a colleague, stays so without a network, and continues once unlocked", async () => {
      const [a, b] = [await join(), await join()];
      const { conversationId: id } = await a.core.conversations.openDirect(b.person);
      await a.text(id, "of before");
      await b.receives(id, "of before");
      expect(await a.core.devices.phoneLock(b.person)).toMatchObject({
        mayLock: true,
        sinceMs: null,
      });
      const { by, mayUnlock } = await a.core.devices.lockPhone(b.person);
      expect([by?.personId, mayUnlock]).toEqual([a.person, true]);
      await b.until("locked", async () => (await b.core.app.state()).phase === "signed_out");
      const locked = { phase: "signed_out", reason: "locked", kept: true };
      expect(await b.core.app.state()).toMatchObject({
        ...locked,
        lostLock: { by: { personId: a.person } },
      });
      await expect(b.core.messages.page(id, null, 10)).rejects.toMatchObject({
        code: "not_registered",
      });
      expect(
        await b.restart({ fetch: () => Promise.reject(new TypeError("no network")) }),
      ).toMatchObject(locked);
      await expect(b.core.messages.page(id, null, 10)).rejects.toMatchObject({
        code: "not_registered",
      });
      expect((await a.core.conversations.encryption(id)).devices).toBe(1);
      await a.text(id, "while it was locked");
      expect(await b.restart()).toMatchObject(locked);
      await a.core.devices.unlockPhone(b.person);
      expect(await b.restart()).toMatchObject({ phase: "ready", lostLock: null });
      await b.receives(id, "while it was locked");
      await b.text(id, "found it");
      await a.receives(id, "found it");
    });

    it("gets nothing more once the first phone revokes it", async () => {
      const [a, b] = [await join(), await join()];
      const second = await of().device(of().index);
      await compareDigits(b, second);
      const { conversationId: id } = await a.core.conversations.openDirect(b.person);
      await a.text(id, "to both phones");
      await second.receives(id, "to both phones");
      await b.core.devices.revoke(await second.device());
      await second.until(
        "signed out",
        async () => (await second.core.app.state()).phase === "signed_out",
      );
      await a.text(id, "to one phone");
      await b.receives(id, "to one phone");
    });
  });
}
