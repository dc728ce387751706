/** Conversations in X-Wing against the real server, and devices that have both suites at once. */
import { describe, expect, it } from "vitest";
import type { Officer } from "./officer.ts";
import { allHave, groupOf } from "./several-cells.scenarios.ts";
import { world } from "./world.ts";

const X25519 = "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519";
const XWING = "MLS_256_XWING_AES256GCM_SHA512_Ed25519";
const w = world({ COPCONNECT_SUITE: "x-wing" });

/** One group of so many devices in this suite, by everybody's own word. */
async function agree(officers: readonly Officer[], id: string, suite: string): Promise<void> {
  for (const officer of officers)
    await officer.until(`one group of ${String(officers.length)}`, async () => {
      const all = await Promise.all(officers.map(({ core }) => core.encryption(id)));
      const [first] = all;
      return all.every(
        (one) =>
          one.clients === officers.length &&
          one.epochCode !== null &&
          one.epochCode === first?.epochCode,
      );
    });
  const all = await Promise.all(officers.map(({ core }) => core.encryption(id)));
  expect(all.map((one) => one.suite)).toEqual(officers.map(() => suite));
}

async function enteredByItself(officer: Officer, id: string): Promise<boolean> {
  const { messages } = await officer.core.messages(id, null, 50);
  return messages.some(({ body }) => body.kind === "notice" && body.notice.kind === "joined_here");
}

describe("X-Wing", { timeout: 120_000 }, () => {
  it("carries direct talk and groups; devices come by Welcome and by themselves, and go", async () => {
    const a = await w.join();
    const b = await w.join();
    const second = w.index;
    const c = await w.join();
    const { conversationId: direct } = await a.core.openDirect(await b.personId);
    await a.text(direct, "Vehicle check");
    await b.receives(direct, "Vehicle check");
    await b.text(direct, "Received");
    await a.receives(direct, "Received");
    await agree([a, b], direct, XWING);

    // c is away while the group is founded, and opens its Welcome later.
    const away = await c.personId;
    await c.core.close();
    const { conversationId: id } = await a.core.createGroup({
      title: "Night patrol",
      personIds: [await b.personId, away],
      photo: null,
      whoMayPost: "everyone",
    });
    await b.ready(id);
    await a.until("c was let in", async () => (await a.core.encryption(id)).clients === 3);
    await b.text(id, "while c was away");
    await c.restart();
    await c.receives(id, "while c was away");
    expect(await enteredByItself(c, id)).toBe(false);
    await agree([a, b, c], id, XWING);

    const b2 = await w.device(second);
    await b2.ready(id);
    expect(await enteredByItself(b2, id)).toBe(true);
    await b2.text(id, "from the second device");
    for (const officer of [a, b, c]) await officer.receives(id, "from the second device");

    await a.core.changeMembers(id, { remove: [away] });
    await c.until("left", async () => (await c.core.conversation(id)).state === "left");
    await b.text(id, "after c left");
    for (const officer of [a, b2]) await officer.receives(id, "after c left");
    expect(await c.texts(id)).not.toContain("after c left");
    await agree([a, b, b2], id, XWING);
  });
});

describe("both suites", { timeout: 120_000 }, () => {
  it("are spoken by one device: a conversation keeps its own when the setting changes", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const old = await groupOf([a, b]);
    await w.server.kill();
    await w.server.serve({ COPCONNECT_SUITE: "x25519" });
    const c = await w.join();
    const third = w.index;
    const fresh = await groupOf([a, b, c]);
    await a.text(fresh, "in the new one");
    await b.text(old, "in the old one");
    await allHave([b, c], fresh, ["in the new one"]);
    await allHave([a, b], old, ["in the old one"]);
    await agree([a, b, c], fresh, X25519);
    await agree([a, b], old, XWING);

    // c never had a key package of the old suite, and is in both when its second device comes.
    await a.core.changeMembers(old, { add: [await c.personId] });
    await c.ready(old);
    const c2 = await w.device(third);
    await c2.ready(old);
    await c2.ready(fresh);
    await c2.text(old, "old, second device");
    await c2.text(fresh, "new, second device");
    for (const officer of [a, b, c]) await officer.receives(old, "old, second device");
    for (const officer of [a, b, c]) await officer.receives(fresh, "new, second device");
    await agree([a, b, c, c2], old, XWING);
  });
});
