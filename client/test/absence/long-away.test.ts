/**
 * A device that was away for longer than the server keeps the log comes back without a person's
 * act.
 */
import { describe, expect, it } from "vitest";
import { DAY_MS } from "#core/keys/format/times.ts";
import type { LogPage } from "#core/wire.ts";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;

describe.each([
  ["one cell", 256],
  ["several cells", 2],
])("away for 40 days, in a conversation of %s", (_, cellSize) => {
  let laterMs = 0;
  const now = (): number => Date.now() + laterMs;
  const w = memoryWorld({ cellSize, now });

  it("is in again without an alarm, and reads on", { timeout: LIMIT_MS }, async () => {
    const [admin, other, away] = [
      await w.join({ now }),
      await w.join({ now }),
      await w.join({ now }),
    ] as [Officer, Officer, Officer];
    const { conversationId: id } = await admin.core.conversations.createGroup({
      title: "Beat 7",
      personIds: [other.person, away.person],
      photo: null,
      whoMaySend: "everyone",
      history: "none",
    });
    await Promise.all([admin, other, away].map((officer) => officer.ready(id)));
    await admin.text(id, "before");
    await away.receives(id, "before", SOON_MS);
    await away.core.close();
    await admin.text(id, "forgotten");
    await other.receives(id, "forgotten", SOON_MS);
    const kept = w.server.conversation(id).log.length;
    laterMs += 40 * DAY_MS;
    for (const officer of [admin, other]) await officer.restart();
    await admin.text(id, "after");
    await other.receives(id, "after", SOON_MS);
    // The log keeps nothing of before; its hash continues.
    w.current.network(away).rewrite = (path, body) => {
      if (!path.endsWith("/log")) return body;
      const page = body as LogPage;
      const entries = page.entries.filter(({ seq }) => seq > kept);
      const before = w.server.conversation(id).log[kept - 1]?.logHash ?? page.logHash;
      return { ...page, entries, logHash: before };
    };
    w.server.live.pushes = (_, frame) =>
      frame.t === "entry" && frame.entry.seq <= kept ? [] : [frame];
    await away.restart();
    await away.receives(id, "after", SOON_MS);
    expect(await away.texts(id)).toEqual(["before", "after"]);
    expect(await away.core.conversations.get(id)).toMatchObject({ state: "ready", alarm: null });
    await away.text(id, "back again");
    await admin.receives(id, "back again", SOON_MS);
  });
});
