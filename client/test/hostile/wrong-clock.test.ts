/**
 * Devices whose clock is an hour ahead or behind register, talk and come back as any other, by the
 * department's time (T1), and say that their clock is wrong.
 */
import { describe, expect, it } from "vitest";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();
const HOUR_MS = 3_600_000;
/** The skew from which the app warns (StatusBanner.svelte). */
const SKEW_WARNING_MS = 5 * 60_000;

/** It warns of its clock, and says by how much it is off. */
async function expectOff(officer: Officer, byMs: number): Promise<void> {
  await officer.until(
    "online",
    async () => (await officer.core.app.state()).connection === "online",
  );
  const { clockSkewMs } = await officer.core.app.state();
  expect(Math.abs(clockSkewMs)).toBeGreaterThan(SKEW_WARNING_MS);
  expect(Math.abs(clockSkewMs - byMs)).toBeLessThan(60_000);
}

describe.each([
  ["ahead", HOUR_MS],
  ["behind", -HOUR_MS],
])("T1: a device whose clock is an hour %s", (_, byMs) => {
  it("talks, makes keys, adds others, also after it was closed", async () => {
    const [right, other] = [await w.join(), await w.join()];
    const off = await w.join({ now: () => Date.now() + byMs });
    await expectOff(off, byMs);
    const { conversationId: met } = await right.core.conversations.openDirect(off.person);
    await right.text(met, "to the wrong clock");
    await off.receives(met, "to the wrong clock");
    await off.text(met, "from the wrong clock");
    await right.receives(met, "from the wrong clock");
    const { conversationId: id } = await off.core.conversations.createGroup({
      title: "Clocks",
      personIds: [right.person],
      photo: null,
      whoMaySend: "everyone",
      history: "none",
    });
    await right.ready(id);
    await off.core.members.change(id, { add: [other.person] });
    await other.ready(id);
    await off.core.close();
    await right.text(id, "while it is closed");
    await right.until("sent", async () => (await right.core.app.state()).outbox === 0);
    await off.restart();
    await expectOff(off, byMs);
    await off.receives(id, "while it is closed");
    await off.text(id, "back again");
    await right.receives(id, "back again");
    // The server's time counts: messages stand at the same time on every screen.
    const times = await Promise.all(
      [right, off].map(async ({ core }) => {
        const { messages } = await core.messages.page(id, null, 10);
        return messages.filter(({ body }) => body.kind === "text").map(({ sentMs }) => sentMs);
      }),
    );
    await off.until("the same times", () => Promise.resolve(times[0]?.length === 2));
    expect(times[0]).toEqual(times[1]);
    expect(Math.abs((times[0]?.[0] ?? 0) - Date.now())).toBeLessThan(SKEW_WARNING_MS);
  });
});
