import { describe, expect, it } from "vitest";
import { joinMany } from "./several-cells.scenarios.ts";
import type { Officer } from "./officer.ts";
import { world } from "./world.ts";

const LIMIT_MS = 240_000;
const SOON_MS = 60_000;
const w = world({ COPCONNECT_CELL_SIZE: "8" });

describe("a conversation of a unit", { timeout: LIMIT_MS }, () => {
  it("follows the data bank into several cells; who registers later comes in", async () => {
    const officers = await joinMany(w, 9);
    w.server.command("conversations", "create", "--unit", "TG-CHAR", "--talk");
    const first = officers[0] as Officer;
    const item = await first.until(
      "made",
      async () => (await first.core.conversations()).find(({ audience }) => audience !== null),
      SOON_MS,
    );
    const id = item.conversationId;
    expect(item.audience?.unitIds).toHaveLength(1);
    expect(item).toMatchObject({ kind: "unit", title: null, audience: { everyone: false } });
    for (const officer of officers)
      await officer.until(
        "in",
        async () => (await officer.core.encryption(id).catch(() => null))?.epochCode != null,
        SOON_MS,
      );
    await officers[8]?.text(id, "to everybody");
    for (const officer of officers) await officer.receives(id, "to everybody", SOON_MS);
    await first.until("ready", async () => {
      const { cells, cellsReady } = await first.core.encryption(id);
      return cells > 1 && cells === cellsReady;
    });
    // Nobody of the members named it, and nobody was asked for its name.
    expect(await first.texts(id)).toEqual(["to everybody"]);

    const late = await w.join();
    await late.until(
      "in",
      async () => (await late.core.encryption(id).catch(() => null))?.epochCode != null,
      SOON_MS,
    );
    await late.text(id, "new here");
    for (const officer of officers) await officer.receives(id, "new here", SOON_MS);
    expect(await late.texts(id)).not.toContain("to everybody");

    // Cells have codes of their own; what people compare is the same on every screen.
    const views = await Promise.all([...officers, late].map(({ core }) => core.encryption(id)));
    expect(new Set(views.map(({ epochCode }) => epochCode)).size).toBeGreaterThan(1);
    expect(new Set(views.map(({ safetyCode }) => safetyCode)).size).toBe(1);
    expect(views[0]?.safetyCode).toMatch(/^(\d{5} ){7}\d{5}$/);
    expect(views[0]?.allClients).toBe(officers.length + 1);

    // The list of its people comes in parts.
    const seen = new Set<string>();
    for (let after: string | null = null; ;) {
      const page = await first.core.memberPage(id, after);
      for (const { plate } of page.members) seen.add(plate.personId);
      after = page.next;
      if (after === null) break;
    }
    expect(seen.size).toBe((await first.core.conversation(id)).members);
    expect(seen.has(late.person)).toBe(true);
    const name = (await first.core.person(late.person)).names.en;
    const found = await first.core.memberPage(id, null, name);
    expect(found.members.map(({ plate }) => plate.personId)).toContain(late.person);
    expect(found.members.length).toBeLessThan(seen.size);
  });
});
