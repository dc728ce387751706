import { describe, expect, it } from "vitest";
import type { Officer } from "./support/officer.ts";
import { serverWorld } from "./support/world.ts";

const LIMIT_MS = 240_000;
const SOON_MS = 60_000;
const w = serverWorld({ COPCONNECT_CELL_SIZE: "4" });

describe("a conversation of a unit", { timeout: LIMIT_MS }, () => {
  it("follows the data bank into several cells; a late registrant reads what was sent before", async () => {
    const officers: Officer[] = [];
    for (let i = 0; i < 6; i++) officers.push(await w.join());
    await w.server.command("conversations", "create", "--unit", "TG-CHAR", "--talk");
    const [first] = officers as [Officer];
    const item = await first.until(
      "made",
      async () => (await first.core.conversations.list()).find(({ audience }) => audience !== null),
      SOON_MS,
    );
    const id = item.conversationId;
    expect(item.audience?.include[0]?.units).toEqual(["TG-CHAR"]);
    expect(item).toMatchObject({ kind: "unit", title: null, standing: { unitId: "TG-CHAR" } });
    await Promise.all(officers.map((officer) => officer.ready(id)));
    await officers[5]?.text(id, "to everybody");
    for (const officer of officers) await officer.receives(id, "to everybody", SOON_MS);
    expect(await first.texts(id)).toEqual(["to everybody"]);

    // Thirty days of history are the person's, registered or not.
    const late = await w.join();
    await late.receives(id, "to everybody", SOON_MS);
    await late.text(id, "new here");
    for (const officer of officers) await officer.receives(id, "new here", SOON_MS);

    // The codes that people compare are the same on every screen.
    const codes = new Set<string | null>();
    for (const { core } of [...officers, late]) {
      const view = await core.conversations.encryption(id);
      if (view.rosterEpoch === (await late.core.conversations.encryption(id)).rosterEpoch)
        codes.add(view.headCode);
    }
    expect(codes.size).toBe(1);
    expect([...codes][0]).toMatch(/^(\d{5} ){7}\d{5}$/);

    // The list of its people comes in parts.
    const seen = new Set<string>();
    for (let after: string | null = null; ;) {
      const page = await first.core.members.page(id, after);
      for (const { plate } of page.members) seen.add(plate.personId);
      after = page.next;
      if (after === null) break;
    }
    expect(seen.size).toBe((await first.core.conversations.get(id)).members);
    expect(seen.has(late.person)).toBe(true);
  });
});
