/** Many who come in together do not each ask everybody for the group's name. */
import { expect, it } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import type { Officer } from "./officer.ts";
import { groupOf, joinMany } from "./several-cells.scenarios.ts";

const SOON_MS = 60_000;

it(
  "hardly any of several newcomers ask, and all hear the answer",
  { timeout: 120_000 },
  async () => {
    const w = new MemoryWorld(8);
    const members = await joinMany(w, 10);
    const id = await groupOf(members, "Night patrol");
    const newcomers: Officer[] = [];
    // They come to it one after another, as far apart as they may.
    for (let i = 0; i < 5; i++) newcomers.push(await w.join({ random: () => i / 5 }));
    const people = await Promise.all(newcomers.map((officer) => officer.personId));
    await (members[0] as Officer).core.changeMembers(id, { add: people });
    for (const officer of newcomers)
      await officer.until(
        "the name",
        async () =>
          (await officer.core.conversations()).some(
            ({ conversationId, title }) => conversationId === id && title === "Night patrol",
          ),
        SOON_MS,
      );
    const clients = await Promise.all(
      newcomers.map(async ({ core }) => (await core.state()).clientId),
    );
    const log = w.server.conversations.get(id)?.log ?? [];
    const asked = log.filter(
      ({ entry }) => entry.kind === "sealed" && clients.includes(entry.sender),
    );
    // Who came in after the first had asked may not have heard it.
    expect(asked.length).toBeLessThanOrEqual(2);
    await w.close();
  },
);
