/** A device that was away for longer than the server keeps the log comes back by itself. */
import { afterEach, describe, expect, it } from "vitest";
import type { LogPage } from "../src/wire.ts";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 30_000;
const DAY_MS = 24 * 3_600_000;

let w: MemoryWorld;
afterEach(() => w.close());

/**
 * A group whose last member is away while others come, and the log of the first is forgotten, or
 * of roster entries alone, with which no epoch ended.
 */
async function awayFor(
  days: number,
  size: number,
  forgotten: "commits" | "rosters" = "commits",
): Promise<{ away: Officer; id: string }> {
  w = new MemoryWorld(8);
  const { now } = w.server;
  const wire = new Network(w.fetch);
  const officers: Officer[] = [];
  for (let i = 1; i < size; i++) officers.push(await w.join({ now }));
  const away = await w.join({ now, fetch: wire.fetch });
  const id = await groupOf([...officers, away]);
  const [admin, second] = officers as [Officer, Officer];
  await admin.text(id, "before");
  await away.receives(id, "before", SOON_MS);
  await away.core.close();
  const comes = async (): Promise<void> => {
    const newcomer = await w.join({ now });
    await admin.core.changeMembers(id, { add: [await newcomer.personId] });
    await newcomer.ready(id);
  };
  if (forgotten === "commits") {
    await comes();
    await admin.text(id, "forgotten");
    await second.receives(id, "forgotten", SOON_MS);
  } else {
    for (let i = 0; i < 2; i++) w.server.conversation(id).edit({ reason: "members", by: null });
  }
  const kept = w.server.conversations.get(id)?.log.length ?? 0;
  w.server.laterMs += days * DAY_MS;
  await comes();
  await admin.text(id, "after");
  await second.receives(id, "after", SOON_MS);
  wire.rewrite = (path, body) => {
    if (!path.endsWith("/log")) return body;
    const page = body as LogPage;
    return { ...page, entries: page.entries.filter(({ seq }) => seq > kept) };
  };
  await away.restart();
  return { away, id };
}

describe.each([
  ["one cell", 3],
  ["several cells", 9],
])("away for longer than the log is kept, in a conversation of %s", (_, size) => {
  it("is in again, without an alarm", { timeout: LIMIT_MS }, async () => {
    const { away, id } = await awayFor(40, size);
    await away.until(
      "in again",
      async () => (await away.core.encryption(id)).epochCode !== null,
      SOON_MS,
    );
    const item = (await away.core.conversations()).find((one) => one.conversationId === id);
    expect(item).toMatchObject({ state: "ready", alarm: null });
    await away.text(id, "back again");
    const [admin] = w.officers as [Officer];
    await admin.receives(id, "back again", SOON_MS);
  });

  it("follows the epochs that it lacks nothing of", { timeout: LIMIT_MS }, async () => {
    const { away, id } = await awayFor(40, size, "rosters");
    await away.receives(id, "after", SOON_MS);
    await away.text(id, "back again");
    const [admin] = w.officers as [Officer];
    await admin.receives(id, "back again", SOON_MS);
  });

  it(
    "is not taken in by a server that leaves out what is young",
    { timeout: LIMIT_MS },
    async () => {
      const { away, id } = await awayFor(3, size);
      await away.until(
        "alarmed",
        async () =>
          (await away.core.conversations()).find((one) => one.conversationId === id)?.state ===
          "alarm",
        SOON_MS,
      );
    },
  );
});
