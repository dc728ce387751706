/**
 * Devices whose clock is an hour ahead or behind, on the real server: they register, enter, talk
 * and come back as any other, and say that their clock is wrong.
 */
import { describe, expect, it } from "vitest";
import { allHave, groupOf, joinMany } from "./several-cells.scenarios.ts";
import type { Officer } from "./officer.ts";
import { world } from "./world.ts";

const w = world({ COPCONNECT_CELL_SIZE: "8" });
const HOUR_MS = 3_600_000;
const LIMIT_MS = 240_000;
/** What the app warns of (StatusBanner.svelte). */
const SKEW_WARNING_MS = 5 * 60_000;

function joinOff(byMs: number): Promise<Officer> {
  return w.join({ now: () => Date.now() + byMs });
}

async function skewOf(officer: Officer): Promise<number> {
  await officer.until("online", async () => (await officer.core.state()).connection === "online");
  return (await officer.core.state()).clockSkewMs;
}

/** It warns of its clock, and says by how much it is off. */
async function expectOff(officer: Officer, byMs: number): Promise<void> {
  const skew = await skewOf(officer);
  expect(Math.abs(skew)).toBeGreaterThan(SKEW_WARNING_MS);
  expect(Math.abs(skew - byMs)).toBeLessThan(60_000);
}

describe.each([
  ["ahead", HOUR_MS],
  ["behind", -HOUR_MS],
])("a device whose clock is an hour %s", (_, byMs) => {
  it("talks in one cell, also after it was closed, and lets others in", async () => {
    const [right, other] = [await w.join(), await w.join()];
    const off = await joinOff(byMs);
    await expectOff(off, byMs);
    expect(Math.abs(await skewOf(right))).toBeLessThan(SKEW_WARNING_MS);
    const { conversationId: met } = await right.core.openDirect(await off.personId);
    await right.text(met, "to the wrong clock");
    await off.receives(met, "to the wrong clock");
    await off.text(met, "from the wrong clock");
    await right.receives(met, "from the wrong clock");
    const id = await groupOf([off, right]);
    await off.core.changeMembers(id, { add: [await other.personId] });
    await other.ready(id);
    await off.core.close();
    await right.text(id, "while it is closed");
    await off.restart();
    await expectOff(off, byMs);
    await off.text(id, "back again");
    await allHave([right, off], id, ["while it is closed", "back again"]);
    // What the server says counts: messages stand at the same time on every screen.
    const times = await Promise.all(
      [right, off].map(async ({ core }) => {
        const { messages } = await core.messages(id, null, 10);
        return messages.filter(({ body }) => body.kind === "text").map(({ sentMs }) => sentMs);
      }),
    );
    expect(times[0]).toEqual(times[1]);
    expect(Math.abs((times[0]?.[0] ?? 0) - Date.now())).toBeLessThan(SKEW_WARNING_MS);
  });

  it(
    "talks in several cells, also after it was closed, and founds one",
    async () => {
      const first = await joinOff(byMs);
      const others = await joinMany(w, 9);
      const last = await joinOff(byMs);
      const everybody = [first, ...others, last];
      const id = await groupOf(everybody);
      expect((await last.core.conversation(id)).cells).toBeGreaterThan(1);
      const [right] = others;
      if (right === undefined) throw new Error("nobody");
      const texts = ["from the first", "from the last", "from another"];
      for (const [index, from] of [first, last, right].entries()) {
        await from.text(id, texts[index] ?? "");
        await right.receives(id, texts[index] ?? "", LIMIT_MS);
      }
      await allHave(everybody, id, texts);
      await last.core.close();
      await right.text(id, "while it is closed");
      await last.restart();
      await last.text(id, "back again");
      await allHave([first, right, last], id, [...texts, "while it is closed", "back again"]);
      await expectOff(last, byMs);
    },
    LIMIT_MS,
  );
});
