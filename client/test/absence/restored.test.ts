/**
 * A server that went back to a backup: the roster authority signs rosters of far higher epochs, and
 * devices accept it, post again what of their own the log lost, and go on. No device is stuck.
 */
import type { ConversationId } from "../../src/ids.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Officer } from "../support/officer.ts";
import { World } from "../support/world.ts";

const LIMIT_MS = 60_000;

let world: World;
let a: Officer;
let b: Officer;
let id: ConversationId;

beforeEach(async () => {
  world = await World.make({ people: 2 });
  [a, b] = [world.officer("Asha"), world.officer("Balu")];
  ({ conversationId: id } = await a.core.openDirect(b.person));
  await a.text(id, "in the backup");
  await b.receives(id, "in the backup");
}, LIMIT_MS);

afterEach(async () => {
  await world.close();
  await world.server.close();
});

/** How often each text stands in the server's log, by what the devices know of their messages. */
async function logged(): Promise<readonly string[]> {
  const { messages } = await a.core.messages(id, null, 50);
  const texts = new Map(
    messages.flatMap(({ messageId, body }) =>
      body.kind === "text" ? [[messageId, body.text] as const] : [],
    ),
  );
  return world.server.conversation(id).log.map(({ messageId }) => texts.get(messageId) ?? "?");
}

describe("after a restored backup", { timeout: LIMIT_MS }, () => {
  it("both go on talking", async () => {
    const backup = world.server.backup();
    await b.text(id, "lost, by b");
    await a.receives(id, "lost, by b");
    await world.server.restore(backup);
    await a.text(id, "after, by a");
    await b.receives(id, "after, by a");
    await b.text(id, "after, by b");
    await a.receives(id, "after, by b");
  });

  it("what the log lost is posted again, once, and shown once", async () => {
    const backup = world.server.backup();
    await b.text(id, "lost, by b");
    await a.receives(id, "lost, by b");
    await a.text(id, "lost, by a");
    await b.receives(id, "lost, by a");
    await world.server.restore(backup);
    await a.until("posted again", async () => {
      const texts = await logged();
      return texts.includes("lost, by a") && texts.includes("lost, by b");
    });
    await a.text(id, "after");
    await b.receives(id, "after");
    expect([...(await logged())].sort()).toEqual(
      ["after", "in the backup", "lost, by a", "lost, by b"].sort(),
    );
    for (const officer of [a, b])
      expect([...(await officer.texts(id))].sort()).toEqual([...(await logged())].sort());
  });

  it("a device that was away goes on too", async () => {
    const backup = world.server.backup();
    await b.core.close();
    await a.text(id, "lost while b was away");
    await a.until("sent", async () => (await a.core.state()).outbox === 0);
    await world.server.restore(backup);
    await b.restart();
    await b.receives(id, "lost while b was away");
    await b.text(id, "back");
    await a.receives(id, "back");
  });
});
