import type { DeviceId } from "#core/ids.ts";
import { describe, expect, it, vi } from "vitest";
import { createCore } from "#core/create.ts";
import { X25519 } from "#core/keys/hpke.ts";
import { DatabaseConnection } from "#core/vault/connection.ts";
import { Network } from "./support/network.ts";
import { compareDigits } from "./support/scenarios.ts";
import { memoryWorld } from "./support/world.ts";

const w = memoryWorld();

describe("several devices", () => {
  it("are one person's: each sees what the other sends as its own", async () => {
    const a = await w.join();
    const index = w.index;
    const b = await w.join();
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await a.text(id, "before");
    await b.receives(id, "before");
    const a2 = await w.device(index);
    await compareDigits(a, a2);
    await a2.ready(id);
    await a2.text(id, "from the second");
    await a.receives(id, "from the second");
    await b.receives(id, "from the second");
    const { messages } = await a.core.messages.page(id, null, 10);
    expect(messages.at(-1)?.mine).toBe(true);
    await a2.receives(id, "before");
    await b.text(id, "to both");
    await a.receives(id, "to both");
    await a2.receives(id, "to both");

    const { clientId } = await a2.core.app.state();
    const lost = (await a.core.devices.own()).find((one) => one.clientId === clientId);
    await a.core.devices.revoke(lost?.device as DeviceId);
    await a2.until("signed out", async () => (await a2.core.app.state()).phase === "signed_out");
    await a.text(id, "without the second");
    await b.receives(id, "without the second");
    expect((await b.core.conversations.encryption(id)).devices).toBe(2);
  });

  it("announce only the chats that name their person when their records change", async () => {
    const [a, c] = [await w.join(), await w.join()];
    const b = await w.join();
    const second = await w.device(w.index);
    const chats = await Promise.all(
      [b, c].map(async ({ person }) => {
        const { conversationId } = await a.core.conversations.openDirect(person);
        await a.ready(conversationId);
        return conversationId;
      }),
    );
    await w.current.settle(a, b, c, second);
    a.events.length = 0;
    await compareDigits(b, second);
    await w.current.settle(a, b, c, second);
    const announced = a.events.flatMap((event) =>
      event.type === "conversation" ? [event.item.conversationId] : [],
    );
    expect(new Set(announced)).toEqual(new Set([chats[0]]));
  });

  it("signs out: the server forgets the device and nothing stays here", async () => {
    const a = await w.join();
    const state = await a.core.app.signOut();
    expect(state).toMatchObject({ phase: "signed_out", reason: "signed_out", me: null });
    await expect(a.core.conversations.list()).rejects.toMatchObject({ code: "not_registered" });
    expect(await a.restart()).toMatchObject({ phase: "signed_out" });
    expect(await a.core.app.startOver()).toMatchObject({ phase: "register" });
  });

  it("closes the screen at the lock although the storage does not answer", async () => {
    const a = await w.join();
    await a.core.app.setPin("471100", null);
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const use = DatabaseConnection.prototype.use;
    const slow = vi.spyOn(DatabaseConnection.prototype, "use").mockImplementation(async function (
      this: DatabaseConnection,
      step,
    ) {
      await answered;
      return use.call(this, step) as never;
    });
    const locking = a.core.app.lock();
    await a.until("locked", async () => {
      const told = a.events.flatMap((event) => (event.type === "app" ? [event.state] : []));
      return told.at(-1)?.phase === "locked";
    });
    answer();
    slow.mockRestore();
    expect(await locking).toMatchObject({ phase: "locked" });
    expect(await a.core.app.unlock("471100")).toMatchObject({ phase: "ready" });
  });

  it("unlocks after a lock in the middle of connecting, and reads on", async () => {
    const network = new Network(w.fetch);
    const [a, b] = [await w.join(), await w.join({ fetch: network.fetch })];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await a.text(id, "before");
    await b.receives(id, "before");
    await b.core.app.setPin("471100", null);
    await b.core.app.lock();
    const release = network.hold(/\/confirmations$/);
    await b.core.app.unlock("471100");
    await b.until("connecting", () => Promise.resolve(network.seen.length > 0));
    await b.core.app.lock();
    release();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await b.core.app.unlock("471100")).toMatchObject({ phase: "ready" });
    await a.text(id, "after");
    await b.receives(id, "after");
    expect((await b.core.guard.view()).mistakes).toEqual([]);
  });

  it("locks and unlocks, and starts without network from the vault alone", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await a.text(id, "kept");
    await b.receives(id, "kept");
    await b.core.app.setPin("471100", null);
    await b.core.app.lock();
    await expect(b.core.conversations.list()).rejects.toMatchObject({ code: "locked" });
    expect(await b.restart()).toMatchObject({ phase: "locked", lock: { enabled: true } });
    await expect(b.core.app.unlock("000000")).rejects.toMatchObject({ code: "pin_wrong" });
    expect((await b.core.app.state()).lock.triesLeft).toBe(9);
    expect(await b.core.app.unlock("471100")).toMatchObject({ phase: "ready" });
    await b.core.app.setPin(null, "471100");
    const seen = await b.core.people.search({});
    await b.core.close();

    const offline = createCore({
      origin: "http://127.0.0.1:9",
      vaultName: b.vaultName,
      fetch: () => Promise.reject(new TypeError("no network")),
      WebSocket: function () {
        throw new Error("no network");
      } as never,
    });
    expect(await offline.app.start()).toMatchObject({ phase: "ready" });
    const page = await offline.messages.page(id, null, 10);
    expect(page.messages.some(({ body }) => body.kind === "text" && body.text === "kept")).toBe(
      true,
    );
    // Also the people who were seen before.
    const known = await offline.people.search({});
    expect(known.total).toBeGreaterThan(0);
    expect(known.people.map(({ personId }) => personId).sort()).toEqual(
      seen.people.map(({ personId }) => personId).sort(),
    );
    const queued = await offline.messages.send(
      id,
      { kind: "text", text: "later", mentions: [] },
      null,
    );
    expect(queued.status).toBe("queued");
    expect((await offline.app.state()).outbox).toBe(1);
    await offline.close();
    await b.restart();
    await a.receives(id, "later");
  });

  it("finds first whom one talks to, and nobody twice", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const text = "Officer";
    const { people: before } = await a.core.people.search({ text });
    expect(before[0]?.personId).not.toBe(b.person);
    const first = [b.person];
    const { people: found } = await a.core.people.search({ text, first });
    expect(found[0]?.personId).toBe(b.person);
    expect(found).toHaveLength(before.length);
    const later = await a.core.people.search({ text, first, after: "1" });
    expect(later.people.map(({ personId }) => personId)).not.toContain(b.person);
    expect((await a.core.people.search({ text: "Nobody", first })).people).toEqual([]);
  });

  it("send nothing by an app that the department's record calls too old, and keep all of it", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await a.text(id, "before");
    await b.receives(id, "before");
    await requireApp(9);
    await a.until("told", async () => (await a.core.app.state()).updateRequired);
    await a.text(id, "by an old app");
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await a.core.app.state()).toMatchObject({ phase: "ready", outbox: 1 });
    expect(await b.texts(id)).toEqual(["before"]);
    // The next start knows it without a network. The update sends what waited.
    expect(await a.restart()).toMatchObject({ updateRequired: true, outbox: 1 });
    await requireApp(0);
    await b.receives(id, "by an old app");
    expect((await a.core.app.state()).updateRequired).toBe(false);
  });
});

/** The department's next record: apps below this major version send nothing. */
async function requireApp(major: number): Promise<void> {
  const { server } = w;
  await server.department.declare({
    createdMs: server.now(),
    policy: "none",
    lowestKem: X25519,
    admins: [server.desk.deviceBytes],
    lowestApp: { major, minor: 0, patch: 0 },
  });
  server.state.version++;
  await server.judge.learnDepartment();
  const people = w.current.officers.map(({ person }) => person);
  server.live.pushPeople(people, "trust");
}
