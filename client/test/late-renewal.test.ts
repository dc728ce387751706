/** Certificates that are renewed late, or in the middle of something: nothing is lost over it. */
import { afterEach, describe, expect, it } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;
const DAY_MS = 24 * 3_600_000;
const RENEWAL = /\/certificates$/u;

let w: MemoryWorld;
afterEach(() => w.close());

async function joinAll(count: number): Promise<Officer[]> {
  const officers: Officer[] = [];
  // They see to the keys of their cells soon.
  const random = (): number => Math.random() / 30;
  for (let i = 0; i < count; i++) officers.push(await w.join({ now: w.server.now, random }));
  return officers;
}

/** So many days later, those who were online all the time. */
async function later(days: number, officers: readonly Officer[], id: string): Promise<void> {
  w.server.laterMs = days * DAY_MS;
  for (const officer of officers) await officer.restart();
  for (const officer of officers) await officer.ready(id);
  await officers[0]?.text(id, `day ${String(days)}`);
  for (const officer of officers) await officer.receives(id, `day ${String(days)}`, SOON_MS);
}

/** The newest certificate of its client is the only one that is named, and the one in the tree. */
async function isReplaced(officer: Officer, id: string): Promise<void> {
  const { clientId } = await officer.core.state();
  const { certificateHash } = w.server.account(clientId ?? "");
  const conversation = w.server.conversation(id);
  await officer.until(
    "replaced",
    () => {
      const leaf = conversation.leafOf(clientId ?? "");
      const tree = conversation.cells.get(leaf?.cellId ?? "")?.leaves ?? [];
      const own = tree.find((one) => one.clientId === clientId);
      return Promise.resolve(
        leaf?.certificateHash === certificateHash && own?.certificateHash === certificateHash,
      );
    },
    SOON_MS,
  );
}

async function stateOf(officer: Officer, id: string): Promise<string | undefined> {
  const all = await officer.core.conversations();
  return all.find(({ conversationId }) => conversationId === id)?.state;
}

describe.each([
  ["one cell", 2],
  ["several cells", 6],
])("who was away until the certificate ran out, in a conversation of %s", (_, size) => {
  it("renews it before anything is sent", { timeout: LIMIT_MS }, async () => {
    w = new MemoryWorld(8);
    const officers = await joinAll(size - 1);
    const network = new Network(w.fetch);
    const away = await w.join({ now: w.server.now, fetch: network.fetch });
    const id = await groupOf([...officers, away]);
    const [admin] = officers as [Officer];
    await admin.text(id, "before");
    for (const officer of [...officers, away]) await officer.receives(id, "before", SOON_MS);
    await away.core.close();
    // The others renew in time, and see to the keys of their cells.
    for (const days of [75, 100]) await later(days, officers, id);
    const { log } = w.server.conversation(id);
    const before = log.length;
    const release = network.hold(RENEWAL);
    network.seen.length = 0;
    await away.restart();
    const { clientId } = await away.core.state();
    await away.text(id, "back again");
    await away.until("asks for another", () => Promise.resolve(network.seen.length > 0), SOON_MS);
    await away.receives(id, "day 100", SOON_MS);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(log.slice(before).filter(({ entry }) => entry.sender === clientId)).toEqual([]);
    release();
    for (const officer of officers) await officer.receives(id, "back again", SOON_MS);
    expect(await stateOf(admin, id)).toBe("ready");
    expect((await admin.core.encryption(id)).refused).toBe(0);
  });
});

it(
  "who was away until then does not post what it had committed before",
  { timeout: LIMIT_MS },
  async () => {
    w = new MemoryWorld(8);
    const network = new Network(w.fetch);
    const away = await w.join({ now: w.server.now, fetch: network.fetch });
    const [goes] = (await joinAll(1)) as [Officer];
    // The other's certificate is younger, and changes nothing while it is away.
    w.server.laterMs = 59 * DAY_MS;
    await away.restart();
    const [stays] = (await joinAll(1)) as [Officer];
    const id = await groupOf([away, goes, stays]);
    await away.text(id, "before");
    for (const officer of [goes, stays]) await officer.receives(id, "before");
    for (const officer of [goes, stays]) await officer.core.close();
    network.path = /\/commits$/u;
    network.seen.length = 0;
    network.cut = true;
    await away.core.changeMembers(id, { remove: [goes.person] });
    expect(network.seen.length).toBeGreaterThan(0);
    await away.core.close();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    w.server.laterMs = 95 * DAY_MS;
    await away.restart();
    await away.text(id, "back again");
    network.cut = false;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await stays.restart();
    await stays.receives(id, "back again");
    await isReplaced(away, id);
    expect(await stateOf(stays, id)).toBe("ready");
  },
);

describe("a certificate that is renewed", { timeout: LIMIT_MS }, () => {
  it("is asked for again where the answer was lost", async () => {
    w = new MemoryWorld(8);
    const officers = await joinAll(1);
    const network = new Network(w.fetch);
    const renews = await w.join({ now: w.server.now, fetch: network.fetch });
    const id = await groupOf([...officers, renews]);
    network.path = RENEWAL;
    network.seen.length = 0;
    network.dies = () => "after";
    w.server.laterMs = 75 * DAY_MS;
    const { clientId } = await renews.core.state();
    const { certificateHash } = w.server.account(clientId ?? "");
    await renews.restart();
    await renews.until("asked in vain", () => Promise.resolve(network.seen.length >= 3), SOON_MS);
    expect(w.server.account(clientId ?? "").certificateHash).not.toBe(certificateHash);
    network.dies = null;
    w.server.laterMs = 76 * DAY_MS;
    await renews.restart();
    await isReplaced(renews, id);
  });

  it("lets go out what the former one had signed and nobody had answered", async () => {
    w = new MemoryWorld(8);
    const officers = await joinAll(5);
    const network = new Network(w.fetch);
    const sender = await w.join({ now: w.server.now, fetch: network.fetch });
    const id = await groupOf([...officers, sender]);
    await sender.text(id, "before");
    for (const officer of officers) await officer.receives(id, "before", SOON_MS);
    network.path = /\/sealed$/u;
    network.cut = true;
    network.seen.length = 0;
    await sender.text(id, "unanswered");
    await sender.until("sent in vain", () => Promise.resolve(network.seen.length > 0), SOON_MS);
    await sender.core.close();
    await later(75, officers, id);
    await sender.restart();
    await sender.until("renewed", async () => {
      const { clientId } = await sender.core.state();
      return w.server.conversation(id).log.some(({ entry }) => {
        return (
          entry.kind === "commit" &&
          entry.sender === clientId &&
          entry.sentMs > w.server.now() - DAY_MS
        );
      });
    });
    await isReplaced(sender, id);
    network.cut = false;
    for (const officer of officers) await officer.receives(id, "unanswered", SOON_MS);
    await sender.until("sent", async () => (await sender.core.state()).outbox === 0);
  });
});
